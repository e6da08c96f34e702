import { Ledger } from './ledger.ts';

/** How much memory there is, and what happens when it is too little. */
export interface BudgetOptions<T> {
  /** Bytes that all together may hold. */
  readonly maxBytes: number;
  /** Bytes that one may hold. */
  readonly maxShare: number;
  /** What one holds up to this serial, the oldest it has, is to go now. */
  readonly letGo: (holder: T, upTo: string) => void;
}

/** The whole budget is so many grains; less than a grain is not told apart. */
const grains = 65_536;

/**
 * Keeps what many hold within bounds. Over its own share one loses its oldest part, over the total the one that holds
 * most does, give or take a quarter; who has just got something keeps the newest in any case. Rows count, but stay.
 *
 * Holders stand in ranks by what they hold and change them only as it grows or shrinks by much, so that what one entry
 * costs does not depend on how many holders there are.
 */
export class Budget<T extends { readonly ledger: Ledger }> {
  readonly #options: BudgetOptions<T>;
  readonly #grain: number;
  readonly #ranks = Array.from({ length: rankOf(grains) + 1 }, (): T[] => []);
  #bytes = 0;

  constructor(options: BudgetOptions<T>) {
    this.#options = options;
    this.#grain = options.maxBytes / grains;
  }

  /** An empty ledger for a new holder. */
  open(): Ledger {
    return new Ledger(this.#grain);
  }

  /** What all hold together. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts an entry, as `Ledger.add`, and makes room. */
  add(holder: T, serial: string, bytes: number, time: number, keptMs: number): void {
    holder.ledger.add(serial, bytes, time, keptMs);
    this.#bytes += bytes;
    this.#place(holder);
    this.#makeRoom(holder);
  }

  /** Says what the rows of a holder take now, and makes room. */
  setRows(holder: T, bytes: number): void {
    const grown = bytes - holder.ledger.rows;
    this.#bytes += grown;
    holder.ledger.rows = bytes;
    if (grown > 0) this.#makeRoom(holder);
  }

  /** Entries before this bound are gone. */
  dropBefore(holder: T, bound: string): void {
    const { entries } = holder.ledger;
    holder.ledger.dropBefore(bound);
    this.#bytes -= entries - holder.ledger.entries;
    this.#place(holder);
  }

  /** Forgets a holder with all it has. */
  delete(holder: T): void {
    this.#bytes -= holder.ledger.bytes;
    this.#takeOut(holder);
  }

  #makeRoom(holder: T): void {
    const { maxBytes, maxShare } = this.#options;
    while (holder.ledger.bytes > maxShare && holder.ledger.divides) this.#shift(holder);
    while (this.#bytes > maxBytes) {
      const heaviest = this.#heaviestBut(holder);
      if (heaviest === undefined) return;
      this.#shift(heaviest);
    }
  }

  /** One that holds most; it may be this holder too, if what it got last can stay. */
  #heaviestBut(newest: T): T | undefined {
    for (let rank = this.#ranks.length - 1; rank >= 0; rank--) {
      const holders = this.#ranks[rank] ?? [];
      const last = holders.at(-1);
      const other = last === newest && !newest.ledger.divides ? holders.at(-2) : last;
      if (other !== undefined) return other;
    }
    return undefined;
  }

  #shift(holder: T): void {
    const { entries } = holder.ledger;
    const upTo = holder.ledger.shift();
    if (upTo === undefined) return;
    this.#bytes -= entries - holder.ledger.entries;
    this.#place(holder);
    this.#options.letGo(holder, upTo);
  }

  #place(holder: T): void {
    const { ledger } = holder;
    const rank = ledger.entries === 0 ? -1 : rankOf(ledger.entries / this.#grain);
    if (rank === ledger.rank) return;
    this.#takeOut(holder);
    ledger.rank = rank;
    ledger.slot = (this.#ranks[rank]?.push(holder) ?? 0) - 1;
  }

  /** The last of its rank takes its slot. */
  #takeOut({ ledger }: T): void {
    const holders = this.#ranks[ledger.rank];
    const last = holders?.pop();
    if (holders !== undefined && last !== undefined && last.ledger !== ledger) {
      holders[ledger.slot] = last;
      last.ledger.slot = ledger.slot;
    }
    ledger.rank = -1;
    ledger.slot = -1;
  }
}

/** Rank of a weight in grains: four from each power of two to the next. */
function rankOf(weight: number): number {
  const whole = Math.min(Math.floor(weight), grains);
  if (whole < 4) return whole;
  const octave = 31 - Math.clz32(whole);
  return octave * 4 - 4 + ((whole >>> (octave - 2)) & 3);
}
