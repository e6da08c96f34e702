import { BoundedCache } from './boundedCache.ts';

interface Repetition {
  readonly since: number;
  count: number;
}

/**
 * Notices what happens again and again within a second. Some clients answer a token error by repeating the request with the
 * token they had, without a bound; this tells when to stop encouraging them.
 */
export class RepeatGuard {
  readonly #limit: number;
  readonly #windowMs = 1_000;
  readonly #seen = new BoundedCache<Repetition>(1_000);

  /** `limit`: how often within a second is still fine. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Counts one more and tells whether that is too often. */
  isExcessive(what: string, now: number): boolean {
    const known = this.#seen.get(what);
    if (!known || now - known.since >= this.#windowMs) {
      this.#seen.set(what, { since: now, count: 1 });
      return this.#limit < 1;
    }
    known.count += 1;
    return known.count > this.#limit;
  }
}
