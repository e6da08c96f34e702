/** How many, and the bytes of their data. */
export interface Volume {
  count: number;
  data: number;
}

/** What goes one way. */
export interface Traffic {
  readonly messages: Volume;
  readonly presence: Volume;
}

/** Requests by how they ended. */
export interface Outcomes {
  succeeded: number;
  failed: number;
  /** For a rate or a limit. */
  refused: number;
}

/** Statistics of one interval as plain numbers by name, such as `inbound.rest.messages.count`; what is zero is absent. */
export type StatsRecord = Readonly<Record<string, number>>;

/** How many there are of something that is opened and closed. */
export class Level {
  opened = 0;
  peak = 0;
  #now = 0;

  up(isNew = true): void {
    this.#now += 1;
    if (isNew) this.opened += 1;
    if (this.#now > this.peak) this.peak = this.#now;
  }

  down(): void {
    this.#now -= 1;
  }

  /** Starts an interval: those that are there have been there. */
  begin(): void {
    this.opened = 0;
    this.peak = this.#now;
  }
}

/** What is counted of one app in one interval. Plain numbers: some of it is counted for every message. */
export class AppCounters {
  readonly inbound = { realtime: traffic(), rest: traffic() };
  readonly outbound = { realtime: traffic(), rest: traffic() };
  readonly persisted = traffic();
  readonly connections = new Level();
  readonly channels = new Level();
  readonly apiRequests: Outcomes = { succeeded: 0, failed: 0, refused: 0 };
  readonly tokenRequests: Outcomes = { succeeded: 0, failed: 0, refused: 0 };

  /** What has been counted since the interval began. */
  record(): StatsRecord {
    const record: Record<string, number> = {};
    const put = (prefix: string, numbers: object) => {
      for (const [name, value] of Object.entries(numbers)) {
        if (typeof value === 'object') put(`${prefix}${name}.`, value);
        else if (value > 0) record[`${prefix}${name}`] = value;
      }
    };
    const { inbound, outbound, persisted, connections, channels, apiRequests, tokenRequests } = this;
    put('', { inbound, outbound, persisted, apiRequests, tokenRequests });
    put('connections.all.', { peak: connections.peak, opened: connections.opened });
    put('channels.', { peak: channels.peak, opened: channels.opened });
    return record;
  }

  /** Starts the next interval. */
  begin(): void {
    for (const { realtime, rest } of [this.inbound, this.outbound]) {
      clearTraffic(realtime);
      clearTraffic(rest);
    }
    clearTraffic(this.persisted);
    this.connections.begin();
    this.channels.begin();
    for (const outcomes of [this.apiRequests, this.tokenRequests]) {
      outcomes.succeeded = 0;
      outcomes.failed = 0;
      outcomes.refused = 0;
    }
  }
}

/** Adds things with data, each of which was passed on so many times. */
export function countInto(volume: Volume, items: readonly { readonly data?: string | Uint8Array }[], times = 1): void {
  let bytes = 0;
  for (const { data } of items) {
    if (data !== undefined) bytes += typeof data === 'string' ? Buffer.byteLength(data) : data.length;
  }
  volume.count += items.length * times;
  volume.data += bytes * times;
}

function traffic(): Traffic {
  return { messages: { count: 0, data: 0 }, presence: { count: 0, data: 0 } };
}

function clearTraffic({ messages, presence }: Traffic): void {
  messages.count = 0;
  messages.data = 0;
  presence.count = 0;
  presence.data = 0;
}
