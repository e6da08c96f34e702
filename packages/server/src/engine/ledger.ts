/** A part is full when it has this share of its channel's bytes, or of the time that entries are kept. */
const share = 1 / 16;

/** Entries that follow each other and go together. */
interface Part {
  readonly since: number;
  bytes: number;
  /** Serial of its last entry. */
  last: string;
}

/**
 * What one channel keeps in memory, in bytes. Its entries are counted in parts by age, so that the oldest can go without
 * a look at each: there are a few hundred parts at most, however many entries.
 */
export class Ledger {
  /** Bytes of entries, and of rows. */
  entries = 0;
  rows = 0;
  /** Belong to the Budget it counts for; -1 while it holds no entries. */
  rank = -1;
  slot = -1;
  readonly #grain: number;
  readonly #parts: Part[] = [];
  /** The newest part. */
  #open: Part | undefined;

  /** A part of fewer bytes than `grain` is full only when its time is over. */
  constructor(grain: number) {
    this.#grain = grain;
  }

  /** All that it holds. */
  get bytes(): number {
    return this.entries + this.rows;
  }

  /** Whether something can go that leaves the newest entry. */
  get divides(): boolean {
    return this.#parts.length > 1;
  }

  /** Counts an entry that was added at this time, in ms, to be kept for so long; its serial is greater than any before. */
  add(serial: string, bytes: number, time: number, keptMs: number): void {
    const open = this.#open;
    if (open === undefined || this.#isFull(open) || time - open.since > keptMs * share) {
      this.#open = { since: time, bytes, last: serial };
      this.#parts.push(this.#open);
    } else {
      open.bytes += bytes;
      open.last = serial;
    }
    this.entries += bytes;
  }

  /** Gives up the oldest part and answers with its last serial; undefined if it holds none. */
  shift(): string | undefined {
    const part = this.#parts.shift();
    if (part === undefined) return undefined;
    if (part === this.#open) this.#open = undefined;
    this.entries -= part.bytes;
    return part.last;
  }

  /** Gives up the parts that lie before this bound as a whole. */
  dropBefore(bound: string): void {
    for (let part = this.#parts[0]; part !== undefined && part.last < bound; part = this.#parts[0]) this.shift();
  }

  #isFull({ bytes }: Part): boolean {
    return bytes >= this.#grain && bytes >= this.entries * share;
  }
}
