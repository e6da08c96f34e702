import type { Clock } from '../clock.ts';

/** Between two goes. */
const everyMs = 1_000;
/** A go visits this part of all things, and not fewer than the least. */
const part = 1 / 16;
const leastVisits = 64;

/** What a sweeper goes through. */
export interface Swept<T> {
  readonly size: number;
  values(): Iterator<T, void>;
}

/** Visits each of many things now and then, a few at a time, by one timer that stops when there is nothing to visit. */
export class Sweeper<T> {
  readonly #clock: Clock;
  readonly #things: Swept<T>;
  readonly #visit: (thing: T) => void;
  #round: Iterator<T, void> | undefined;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, things: Swept<T>, visit: (thing: T) => void) {
    this.#clock = clock;
    this.#things = things;
    this.#visit = visit;
  }

  /** To be called when there is something to visit. */
  wake(): void {
    this.#cancel ??= this.#clock.after(everyMs, () => this.#go());
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#round = undefined;
  }

  #go(): void {
    this.#cancel = undefined;
    const visits = Math.max(leastVisits, Math.ceil(this.#things.size * part));
    this.#round ??= this.#things.values();
    for (let i = 0; i < visits; i++) {
      const next = this.#round.next();
      if (next.done === true) {
        this.#round = undefined;
        break;
      }
      this.#visit(next.value);
    }
    if (this.#things.size > 0) this.wake();
  }
}
