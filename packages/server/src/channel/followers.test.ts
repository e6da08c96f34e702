import { Action, Flag, type Message, MessageAction, type ProtocolMessage } from '@parvis/protocol';
import { type SeededRandom, seededRandom } from '@parvis/testing';
import { expect, it } from 'vitest';
import { Harness, type TestClient } from '../../test/harness.ts';

let random: SeededRandom;
/** Once a publish was rewound in part and the rest of it taken for known; once a position told of less than was shown. */
const seedsThatFailed = [235229407, 822317083];
const channel = 'mutable:room';
const wishes: [Record<string, string>, ...Record<string, string>[]] = [
  {},
  { rewind: '3' },
  { rewind: '100' },
  { rewind: '1m' },
  { appendMode: 'full' },
];

/** A client that keeps what it is told of a channel, as the documentation says: by serial, and appends go behind. */
class Follower {
  readonly #harness: Harness;
  readonly #params: Record<string, string>;
  readonly known = new Map<string, Message>();
  client: TestClient;
  position: string | undefined;
  #read = 0;

  constructor(harness: Harness, params: Record<string, string>) {
    this.#harness = harness;
    this.#params = params;
    this.client = harness.connect({ format: random.pick(['json', 'msgpack']) });
    this.client.attach(channel, { params });
  }

  /** The network breaks, and it comes back with the position it has. */
  async reconnect(): Promise<void> {
    await this.#connected();
    this.take();
    const { connectionKey } = this.client;
    this.client.cut();
    this.client = this.#harness.connect({ resume: connectionKey });
    this.#read = 0;
    await this.#connected();
    const { position, client } = this;
    client.attach(channel, { params: this.#params, ...(position === undefined ? {} : { channelSerial: position }) });
  }

  async #connected(): Promise<void> {
    for (let turns = 0; this.client.all(Action.CONNECTED).length === 0 && turns < 5; turns++) {
      await this.#harness.settle();
    }
  }

  /** Goes through what has come. */
  take(): void {
    const { received } = this.client;
    for (; this.#read < received.length; this.#read++) this.#takeFrame(received[this.#read] as ProtocolMessage);
  }

  #takeFrame(frame: ProtocolMessage): void {
    const { action, flags = 0, channelSerial, messages = [] } = frame;
    if (action === Action.ATTACHED && (flags & Flag.RESUMED) === 0) this.known.clear();
    if (action === Action.NACK || action === Action.ERROR) throw new Error(JSON.stringify(frame));
    if (channelSerial !== undefined && action !== Action.SYNC) this.position = channelSerial;
    for (const message of messages) this.#takeMessage(message);
  }

  #takeMessage(message: Message): void {
    const { serial = '', action, data } = message;
    const before = this.known.get(serial);
    if (action === MessageAction.SUMMARY) {
      if (before !== undefined && message.annotations !== undefined) before.annotations = message.annotations;
    } else if (action === MessageAction.APPEND) {
      if (before === undefined) throw new Error(`an append to what it does not hold: ${JSON.stringify(message)}`);
      expect((message.version?.serial ?? '') > (before.version?.serial ?? serial)).toBe(true);
      const { annotations } = before;
      const whole = {
        ...message,
        data: `${before.data}${data}`,
        ...(annotations === undefined ? {} : { annotations }),
      };
      this.known.set(serial, whole);
    } else {
      expect((message.version?.serial ?? serial) >= (before?.version?.serial ?? serial)).toBe(true);
      const annotations = message.annotations ?? before?.annotations;
      this.known.set(serial, { ...message, ...(annotations === undefined ? {} : { annotations }) });
    }
  }
}

async function latestIn(harness: Harness): Promise<Map<string, Message>> {
  const late = harness.connect();
  late.attach(channel, { params: { rewind: '100' } });
  await harness.settle();
  const messages = late.all(Action.MESSAGE).flatMap(({ messages = [] }) => messages);
  return new Map(messages.map((message) => [message.serial ?? '', message]));
}

function somethingNew(writer: TestClient, serials: readonly string[]): void {
  const data = `${random.below(100)}.`;
  const serial = serials[random.below(serials.length)];
  const kind = serial === undefined ? 0 : random.below(8);
  if (kind < 2) writer.publish(channel, ...Array.from({ length: 1 + random.below(2) }, () => ({ data })));
  else if (kind < 5) writer.publish(channel, { action: MessageAction.APPEND, data, ...(serial ? { serial } : {}) });
  else if (kind < 6) writer.publish(channel, { action: MessageAction.UPDATE, data, ...(serial ? { serial } : {}) });
  else if (kind < 7) writer.publish(channel, { action: MessageAction.DELETE, ...(serial ? { serial } : {}) });
  else {
    const annotations = [{ action: random.below(3) === 0 ? 1 : 0, messageSerial: serial ?? '', type: 'a:flag.v1' }];
    writer.send({ action: Action.ANNOTATION, channel, msgSerial: writer.msgSerial++, annotations });
  }
}

const serialsOf = (writer: TestClient): string[] =>
  writer
    .all(Action.MESSAGE)
    .flatMap(({ messages = [] }) =>
      messages.flatMap(({ action, serial }) =>
        action === MessageAction.CREATE && serial !== undefined ? [serial] : [],
      ),
    );

it.each([undefined, ...seedsThatFailed])(
  '[MU30] whoever comes, goes, rewinds and resumes while messages change: what it holds is what they are',
  async (seed) => {
    random = seededRandom('followers', seed);
    for (let run = 0; run < 40; run++) {
      const harness = new Harness();
      const writers = ['ada', 'bob'].map((clientId) => harness.connect({ clientId }));
      for (const writer of writers) writer.attach(channel);
      await harness.settle();
      const followers: Follower[] = [];
      for (let step = 0; step < 60; step++) {
        const what = random.below(10);
        if (what === 0 && followers.length < 8) {
          followers.push(new Follower(harness, random.pick(wishes)));
        } else if (what === 1) await followers[random.below(followers.length)]?.reconnect();
        else if (what < 4) await harness.settle();
        else somethingNew(writers[random.below(2)] as TestClient, serialsOf(writers[0] as TestClient));
        if (random.below(3) === 0) for (const follower of followers) follower.take();
      }
      for (let turn = 0; turn < 4; turn++) await harness.settle();
      const latest = await latestIn(harness);
      for (const follower of followers) {
        follower.take();
        for (const [serial, message] of follower.known) {
          const { data, action, version } = latest.get(serial) ?? {};
          const isDeleted = action === MessageAction.DELETE;
          expect([message.data, message.version?.serial ?? serial]).toEqual([data, version?.serial ?? serial]);
          expect(message.action === MessageAction.DELETE).toBe(isDeleted);
          if (message.annotations === undefined) continue;
          expect(message.annotations.summary).toEqual(latest.get(serial)?.annotations?.summary ?? {});
        }
      }
    }
  },
);
