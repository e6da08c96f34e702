/** A timer takes no more; a longer one would end at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** When those who left are removed: a deadline for each key. */
export class Leavers {
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>();
  readonly #remove: (key: string) => void;

  constructor(remove: (key: string) => void) {
    this.#remove = remove;
  }

  /** Plans a removal in `ms`, in the place of an earlier plan. */
  plan(key: string, ms: number): void {
    this.cancel(key);
    this.#wait(key, Date.now() + ms);
  }

  /** Calls a removal off. */
  cancel(key: string): void {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }

  /** Calls all removals off. */
  clear(): void {
    for (const key of [...this.#timers.keys()]) this.cancel(key);
  }

  #wait(key: string, at: number): void {
    const ms = at - Date.now();
    const end = () => {
      if (ms > MAX_TIMER_MS) return this.#wait(key, at);
      this.#timers.delete(key);
      this.#remove(key);
    };
    const timer = setTimeout(end, Math.min(ms, MAX_TIMER_MS));
    // A process is not held up by somebody who has left.
    (timer as { unref?: () => void }).unref?.();
    this.#timers.set(key, timer);
  }
}
