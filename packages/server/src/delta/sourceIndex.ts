/** Bytes that are looked up at once: shorter matches are not worth their instruction. */
export const MIN_MATCH = 4;
/** Places of the source that are tried for one place of the target. */
const MAX_TRIES = 16;

/** A part of the source that is the same as a part of the target. */
export interface Match {
  /** Where it begins in the source. */
  readonly at: number;
  readonly length: number;
}

/**
 * Finds parts of a source by their first bytes. Each lookup compares no more than `MAX_TRIES + 1` times the bytes that it
 * finds, and whoever goes on behind what was found reads each byte of the target as often: time is linear, whatever the
 * bytes are.
 */
export class SourceIndex {
  /** Bytes compared so far. */
  compared = 0;
  readonly #source: Uint8Array;
  readonly #shift: number;
  /** By hash the first place of the source, and from each place the next one with the same hash; -1 ends a chain. */
  readonly #first: Int32Array;
  readonly #next: Int32Array;

  constructor(source: Uint8Array) {
    this.#source = source;
    const bits = Math.max(4, 32 - Math.clz32(source.length));
    this.#shift = 32 - bits;
    this.#first = new Int32Array(1 << bits).fill(-1);
    this.#next = new Int32Array(source.length).fill(-1);
    for (let at = source.length - MIN_MATCH; at >= 0; at--) {
      const hash = this.#hash(source, at);
      this.#next[at] = this.#first[hash] ?? -1;
      this.#first[hash] = at;
    }
  }

  /** The longest match found for the target from `from` on; `expected` is the place of the source that is tried first. */
  find(target: Uint8Array, from: number, expected: number): Match | undefined {
    let at = expected;
    let length = this.#lengthAt(target, from, expected);
    if (from + MIN_MATCH <= target.length) {
      let place = this.#first[this.#hash(target, from)] ?? -1;
      for (let tries = 0; place >= 0 && tries < MAX_TRIES; tries++) {
        const found = this.#lengthAt(target, from, place);
        if (found > length) {
          at = place;
          length = found;
        }
        place = this.#next[place] ?? -1;
      }
    }
    return length < MIN_MATCH ? undefined : { at, length };
  }

  #lengthAt(target: Uint8Array, from: number, place: number): number {
    const source = this.#source;
    const most = Math.min(target.length - from, source.length - place);
    let length = 0;
    while (length < most && source[place + length] === target[from + length]) length++;
    this.compared += length + 1;
    return length;
  }

  #hash(bytes: Uint8Array, at: number): number {
    const word =
      (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24);
    return Math.imul(word, 0x9e37_79b1) >>> this.#shift;
  }
}
