import type { Clock } from '../clock.ts';
import type { Outbox } from './outbox.ts';

/** ms that answers wait for which nobody is in a hurry: that of a window, so that they leave with its frame. */
const UNHURRIED_MS = 5;

/**
 * Ends each turn of the event loop with one write per client that has something to get. Clients of one channel mostly
 * have the very same buffers in line, so the last concatenation is used again when the next line equals it.
 */
export class Flusher {
  readonly #clock: Clock;
  #dirty: Outbox[] = [];
  #scheduled = false;
  #unhurried: Outbox[] = [];
  #lastQueue: Buffer[] = [];
  #lastBytes: Buffer = Buffer.alloc(0);

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** This outbox has something to write when the turn ends. */
  mark(outbox: Outbox): void {
    this.#dirty.push(outbox);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#run);
  }

  /** This outbox has something to write that may wait a few ms for company. */
  markUnhurried(outbox: Outbox): void {
    this.#unhurried.push(outbox);
    if (this.#unhurried.length > 1) return;
    this.#clock.after(UNHURRIED_MS, () => {
      const now = this.#clock.now();
      for (const waiting of this.#unhurried.splice(0)) waiting.flush(now);
    });
  }

  /** One buffer for a line of several. */
  join(queue: Buffer[]): Buffer {
    if (!sameBuffers(queue, this.#lastQueue)) {
      this.#lastQueue = queue;
      this.#lastBytes = Buffer.concat(queue);
    }
    return this.#lastBytes;
  }

  readonly #run = (): void => {
    this.#scheduled = false;
    const dirty = this.#dirty;
    this.#dirty = [];
    const now = this.#clock.now();
    for (let i = 0; i < dirty.length; i++) dirty[i]?.flush(now);
    // What was joined last may be large; a turn without traffic must not keep it alive.
    this.#lastQueue = [];
    this.#lastBytes = Buffer.alloc(0);
  };
}

function sameBuffers(a: Buffer[], b: Buffer[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
