import { errors } from '@parvis/protocol';
import type { Channel } from '../channel/channel.ts';
import type { Clock } from '../clock.ts';
import type { EventStream } from './eventStream.ts';

/** The open event streams of a node: kept alive, ended. */
export class EventStreams {
  readonly #open = new Set<EventStream>();
  readonly #clock: Clock;
  readonly #maxSilenceMs: number;

  constructor(clock: Clock, maxSilenceMs: number) {
    this.#clock = clock;
    this.#maxSilenceMs = maxSilenceMs;
  }

  get size(): number {
    return this.#open.size;
  }

  [Symbol.iterator](): IterableIterator<EventStream> {
    return this.#open.values();
  }

  add(stream: EventStream): void {
    this.#open.add(stream);
  }

  remove(stream: EventStream): void {
    this.#open.delete(stream);
  }

  /** How many streams each app has open, by its id. */
  countByApp(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { principal } of this.#open) counts.set(principal.app.id, (counts.get(principal.app.id) ?? 0) + 1);
    return counts;
  }

  /** Called about once a second: fills the silence of streams. */
  sweep(): void {
    const before = this.#clock.now() - this.#maxSilenceMs + 1_000;
    for (const stream of this.#open) if (stream.outbox.lastWrite <= before) stream.keepAlive();
  }

  /** The feed of a channel was broken: its readers may have missed something. */
  discontinued(channel: Channel): void {
    for (const stream of this.#open) stream.discontinued(channel);
  }

  /** Sends all elsewhere; who comes back goes on where it stood. */
  drain(): void {
    for (const stream of [...this.#open]) {
      stream.disconnect(errors.disconnected('the server is going down; connect again'));
    }
  }
}
