/** Counts events of one connection within the current second. */
export class Rate {
  readonly limit: number;
  #second = 0;
  #count = 0;

  /** Events a second; Infinity is no limit. */
  constructor(limit: number) {
    this.limit = limit;
  }

  /** Counts events at this time (ms); whether they are still within the limit. */
  take(count: number, now: number): boolean {
    if (this.limit === Number.POSITIVE_INFINITY) return true;
    const second = Math.floor(now / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#count = 0;
    }
    this.#count += count;
    return this.#count <= this.limit;
  }
}

/** The rate of a setting, where 0 is no limit. */
export function rateOf(setting: number): Rate {
  return new Rate(setting === 0 ? Number.POSITIVE_INFINITY : setting);
}
