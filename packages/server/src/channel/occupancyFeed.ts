import { Action, MessageAction } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import type { Attachment } from './attachment.ts';
import { Frame } from './frame.ts';
import { metricsFor, type OccupancyMetrics, type OccupancyWish } from './occupancy.ts';

/** What a feed looks at. */
export interface OccupancySource {
  readonly name: string;
  /** Sends what waits; the position up to which everybody has been sent everything. */
  settle(): string;
  metrics(): OccupancyMetrics;
  /** Which metrics are not zero, as bits. */
  presentBits(): number;
}

/** Attachments that get the same frames. */
interface Group {
  readonly wish: OccupancyWish;
  readonly attachments: Set<Attachment>;
  /** What they were last told, as JSON. */
  told: string;
}

/**
 * Tells those attachments of one channel that asked for it who is on it (channel param `occupancy`): right after they
 * attach, at once when one of the metrics becomes zero or is zero no more, and of all else what it has come to when the
 * interval is over. Such messages are made on the spot: no log has them.
 */
export class OccupancyFeed {
  readonly #source: OccupancySource;
  readonly #clock: Clock;
  readonly #intervalMs: number;
  readonly #groups = new Map<OccupancyWish, Group>();
  #present = 0;
  #told = 0;
  #cancel: (() => void) | undefined;

  constructor(source: OccupancySource, clock: Clock, intervalMs: number) {
    this.#source = source;
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#present = source.presentBits();
  }

  /** Whether nobody listens any more. */
  get empty(): boolean {
    return this.#groups.size === 0;
  }

  /** Tells an attachment how things are, and from now on how they change. */
  add(attachment: Attachment, wish: OccupancyWish): void {
    let group = this.#groups.get(wish);
    const text = textOf(wish, this.#source.metrics());
    if (group === undefined) {
      group = { wish, attachments: new Set(), told: text };
      this.#groups.set(wish, group);
    }
    group.attachments.add(attachment);
    send(attachment, this.#frame(text));
  }

  remove(attachment: Attachment): void {
    for (const [wish, { attachments }] of this.#groups) {
      if (attachments.delete(attachment) && attachments.size === 0) this.#groups.delete(wish);
    }
    if (this.empty) this.stop();
  }

  /** Something may have changed. */
  changed(): void {
    if (this.#source.presentBits() !== this.#present) this.#tell();
    else this.#cancel ??= this.#clock.after(this.#intervalMs, () => this.#tell());
  }

  /** Tells nobody anything more of what has changed so far. */
  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #tell(): void {
    this.stop();
    this.#present = this.#source.presentBits();
    const metrics = this.#source.metrics();
    for (const group of this.#groups.values()) {
      const text = textOf(group.wish, metrics);
      if (text === group.told) continue;
      group.told = text;
      const frame = this.#frame(text);
      for (const attachment of group.attachments) {
        // What it lacks comes before this position: it is told another time, and the others once more.
        if (attachment.late !== undefined) this.#again(group);
        else send(attachment, frame);
      }
    }
  }

  #again(group: Group): void {
    group.told = '';
    this.#cancel ??= this.#clock.after(this.#intervalMs, () => this.#tell());
  }

  /** It carries the position that the client has anyway: with none, a client would lose its own on the way. */
  #frame(data: string): Frame {
    const position = this.#source.settle();
    const id = `${position}:occupancy-${this.#told++}`;
    return new Frame({
      action: Action.MESSAGE,
      id,
      channel: this.#source.name,
      channelSerial: position,
      timestamp: this.#clock.now(),
      messages: [{ name: '[meta]occupancy', data, encoding: 'json', action: MessageAction.META }],
    });
  }
}

/** A client takes it for the message before the next: a delta must not stand on the one that was. */
function send(attachment: Attachment, frame: Frame): void {
  attachment.send(frame);
  attachment.view?.delta?.sent(frame.message);
}

function textOf(wish: OccupancyWish, metrics: OccupancyMetrics): string {
  return JSON.stringify({ metrics: metricsFor(wish, metrics) });
}
