import { BoundedCache } from '../access/boundedCache.ts';

/** Counts events within the current window: a second, or as long as one event takes where less than one a second is allowed. */
export class Rate {
  readonly limit: number;
  readonly #windowMs: number;
  readonly #perWindow: number;
  #window = 0;
  #count = 0;

  /** Events a second; Infinity is no limit. */
  constructor(limit: number) {
    this.limit = limit;
    this.#windowMs = limit < 1 ? 1_000 / limit : 1_000;
    this.#perWindow = Math.max(limit, 1);
  }

  /** Counts events at this time (ms); whether they are still within the limit. */
  take(count: number, now: number): boolean {
    if (this.limit === Number.POSITIVE_INFINITY) return true;
    const window = Math.floor(now / this.#windowMs);
    if (window !== this.#window) {
      this.#window = window;
      this.#count = 0;
    }
    this.#count += count;
    return this.#count <= this.#perWindow;
  }
}

/** The rate of a setting, where 0 is no limit. */
export function rateOf(setting: number): Rate {
  return new Rate(setting === 0 ? Number.POSITIVE_INFINITY : setting);
}

/** Rates by name, of which those used last are remembered: a name is counted on whatever comes and goes under it. */
export class NamedRates {
  readonly #rates: BoundedCache<Rate>;

  /** @param size names that are remembered */
  constructor(size: number) {
    this.#rates = new BoundedCache(size);
  }

  /** Counts events under a name, as `Rate` does. Another limit than before starts anew. */
  take(name: string, limit: number, count: number, now: number): boolean {
    let rate = this.#rates.get(name);
    if (rate?.limit !== limit) {
      rate = new Rate(limit);
      this.#rates.set(name, rate);
    }
    return rate.take(count, now);
  }
}
