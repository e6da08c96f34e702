import type { Entry } from './engine.ts';
import type { StorePage, StoreRange } from './store.ts';

/** Below this many dropped slots the array is not worth moving. */
const worthMoving = 1_024;

/**
 * Entries of one channel in serial order. Adding costs the same however long the log is, and so does dropping at the
 * old end, taken over all drops; a bound is found in as many steps as the length has binary digits.
 */
export class EntryLog {
  #slots: (Entry | undefined)[] = [];
  /** First slot that is not dropped. */
  #start = 0;
  #floor: string;

  /** A log of which everything up to `floor` is gone; '' if nothing is. */
  constructor(floor: string) {
    this.#floor = floor;
  }

  /** Serial of the last entry that was dropped; '' if none was. */
  get floor(): string {
    return this.#floor;
  }

  get length(): number {
    return this.#slots.length - this.#start;
  }

  /** Adds an entry; its serial is greater than any before it. */
  push(entry: Entry): void {
    this.#slots.push(entry);
  }

  /** Drops the entries before this bound. */
  dropBefore(bound: string): void {
    this.#dropTo(this.#find(bound, false));
  }

  /** Drops this many entries at the old end. */
  dropOldest(count: number): void {
    this.#dropTo(Math.min(this.#start + count, this.#slots.length));
  }

  /** The page of a store for this channel. */
  page(range: StoreRange): StorePage {
    const first = this.#find(range.after, true);
    const end = range.before === undefined ? this.#slots.length : this.#find(range.before, false);
    const forwards = range.direction === 'forwards';
    const step = forwards ? 1 : -1;
    const entries: Entry[] = [];
    let more = false;
    for (let i = forwards ? first : end - 1; i >= first && i < end; i += step) {
      const entry = this.#slots[i];
      if (entry === undefined || (range.kind !== undefined && entry.kind !== range.kind)) continue;
      if (entries.length === range.limit) {
        more = true;
        break;
      }
      entries.push(entry);
    }
    return { entries, more, floor: this.#before(range.keptFrom) };
  }

  /** Serial of the last entry before this bound, dropped or not. */
  #before(bound: string): string {
    const at = this.#find(bound, false);
    return this.#slots[at - 1]?.serial ?? this.#floor;
  }

  /** Index of the first entry that is at the bound or after it, with `past` the first after it. */
  #find(bound: string, past: boolean): number {
    let low = this.#start;
    let high = this.#slots.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const serial = this.#slots[middle]?.serial ?? '';
      if (serial < bound || (past && serial === bound)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #dropTo(index: number): void {
    if (index <= this.#start) return;
    this.#floor = this.#slots[index - 1]?.serial ?? this.#floor;
    // Emptied slots let go of their payloads at once; the array itself moves when half of it is empty.
    this.#slots.fill(undefined, this.#start, index);
    this.#start = index;
    if (this.#start < worthMoving || this.#start * 2 < this.#slots.length) return;
    this.#slots = this.#slots.slice(this.#start);
    this.#start = 0;
  }
}
