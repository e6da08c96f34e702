/** Something that is due at a time. `slot` belongs to the Deadlines it is in; -1 while it is in none. */
export interface Due {
  at: number;
  slot: number;
}

/** Things by the time they are due: a binary heap in which each knows its slot, so that moving one leaves nothing behind. */
export class Deadlines<T extends Due> {
  readonly #heap: T[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the next one is due; Infinity if none is. */
  get next(): number {
    return this.#heap[0]?.at ?? Number.POSITIVE_INFINITY;
  }

  /** Makes it due at this time, whether or not it was in here. */
  set(item: T, at: number): void {
    item.at = at;
    if (item.slot === -1) {
      item.slot = this.#heap.length;
      this.#heap.push(item);
    }
    this.#down(this.#up(item));
  }

  delete(item: T): void {
    const slot = item.slot;
    if (slot === -1) return;
    item.slot = -1;
    const last = this.#heap.pop();
    if (last === undefined || last === item) return;
    last.slot = slot;
    this.#heap[slot] = last;
    this.#down(this.#up(last));
  }

  /** Takes out one that is due at this time or before; undefined if none is. */
  take(now: number): T | undefined {
    const first = this.#heap[0];
    if (first === undefined || first.at > now) return undefined;
    this.delete(first);
    return first;
  }

  #up(item: T): T {
    while (item.slot > 0) {
      const parent = this.#heap[(item.slot - 1) >> 1];
      if (parent === undefined || parent.at <= item.at) break;
      this.#swap(item, parent);
    }
    return item;
  }

  #down(item: T): void {
    for (;;) {
      const left = this.#heap[item.slot * 2 + 1];
      const right = this.#heap[item.slot * 2 + 2];
      const sooner = right !== undefined && left !== undefined && right.at < left.at ? right : left;
      if (sooner === undefined || sooner.at >= item.at) return;
      this.#swap(item, sooner);
    }
  }

  #swap(a: T, b: T): void {
    const slot = a.slot;
    a.slot = b.slot;
    b.slot = slot;
    this.#heap[a.slot] = a;
    this.#heap[b.slot] = b;
  }
}
