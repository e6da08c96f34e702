import type { Clock } from '../clock.ts';

/** Longest wait handed to a clock at once: a longer one overflows the timers of Node. */
const longestWaitMs = 3_600_000;

/**
 * A clock that never goes back. While the machine's is set back it stands still, and goes on by what timers prove to
 * have passed, so that nothing that waits for a time waits for ever.
 */
export class SteadyClock implements Clock {
  readonly #clock: Clock;
  #least = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    const now = this.#clock.now();
    if (now > this.#least) this.#least = now;
    return this.#least;
  }

  /** As of any clock, but after an hour at most: who waits for longer looks at the time and waits again. */
  after(ms: number, run: () => void): () => void {
    const wait = Math.min(Math.max(ms, 0), longestWaitMs);
    const passed = this.now() + wait;
    return this.#clock.after(wait, () => {
      if (passed > this.#least) this.#least = passed;
      run();
    });
  }
}
