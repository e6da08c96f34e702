import { formatSerial, nextPosition, type Position } from '@parvis/protocol';
import type { Listener } from './delivery.ts';
import type { ChannelRef, Entry, Row } from './engine.ts';
import type { Ledger } from './ledger.ts';
import { RowTables } from './rowTables.ts';
import type { RowWrite, StoredChannel } from './store.ts';

/** Ids are remembered for two minutes at least, and so a channel, its log and its ids are kept no shorter than that. */
export const leastKeptMs = 120_000;
/** More ids than this are not remembered: the oldest tenth goes early. */
const maxIds = 1_000_000;

/** Where a channel begins. */
export interface Beginning {
  readonly epoch: string;
  readonly now: number;
  /** Greatest position given in an earlier life of this channel; its own begin after it. */
  readonly after: Position;
  /** Entries up to this serial may have been in an earlier life and are gone. */
  readonly floor: string;
  /** An empty one. */
  readonly ledger: Ledger;
}

/** What the local engine knows of one channel besides its log. */
export class LocalChannel {
  readonly ref: ChannelRef;
  readonly rows = new RowTables();
  readonly ids = new Map<string, Entry>();
  readonly ledger: Ledger;
  /** Replaced, never changed, when a sink joins or parts. */
  listeners: readonly Listener[] = [];
  /** Serial of the last entry, or one minted at the beginning while there is none. */
  head: string;
  /** Serial of the last entry that went to the store, '' while there is none. */
  stored = '';
  /** Appends under way between evaluation and commit. */
  underWay = 0;
  /** What the appends under way make of the channel, when there are several. */
  draft: ChannelDraft | undefined;
  /** When it was last appended to, joined or parted. */
  touched: number;
  /** When pruning is due again, and the bound up to which the store has dropped. */
  pruneAt = 0;
  prunedTo = '';
  pruning = false;
  /** Entries before this bound count as gone, however young: there was no room for them. '' while there always was. */
  cutTo = '';
  readonly #epoch: string;
  readonly #beginsAfter: string;
  #minted: Position;

  constructor(ref: ChannelRef, beginning: Beginning) {
    this.ref = ref;
    this.#epoch = beginning.epoch;
    this.#minted = nextPosition(beginning.after, beginning.now, beginning.epoch);
    this.head = formatSerial(this.#minted);
    this.#beginsAfter = beginning.floor;
    this.ledger = beginning.ledger;
    this.touched = beginning.now;
  }

  /** Takes up what a store held: it begins with the last entry that was written down. */
  restore(stored: StoredChannel): void {
    if (stored.head !== '') this.head = stored.head;
    this.stored = stored.head;
    for (const row of stored.rows) this.rows.set(row);
    for (const entry of stored.recent) {
      if (entry.id === undefined) continue;
      // An id that was forgotten early may have been taken twice: it lasts as long as the later entry.
      this.ids.delete(entry.id);
      this.ids.set(entry.id, entry);
    }
  }

  /** Every entry up to this serial is gone if the store has none of this channel. */
  get floor(): string {
    return this.stored === '' ? this.#beginsAfter : this.stored;
  }

  /** Whether the store has nothing left of it. */
  get dropped(): boolean {
    return this.stored === '' || this.prunedTo > this.stored;
  }

  /** Greatest position given so far. */
  get minted(): Position {
    return this.#minted;
  }

  /** The next position; its ms is the time of the entry. */
  mint(now: number): Position {
    this.#minted = nextPosition(this.#minted, now, this.#epoch);
    return this.#minted;
  }

  /** The entry that took this id, those under way included. */
  withId(id: string): Entry | undefined {
    return this.draft?.ids.get(id) ?? this.ids.get(id);
  }

  /** The row as it is now, or will be when what is under way is done. */
  row(table: string, key: string): Row | undefined {
    const change = this.draft?.rows.get(table)?.get(key);
    return change === undefined ? this.rows.get(table, key) : change.row;
  }

  /** Remembers an id as long as the entry is kept. */
  remember(id: string, entry: Entry): void {
    this.ids.set(id, entry);
    if (this.ids.size > maxIds) this.#forgetIds(maxIds / 10);
  }

  /** Forgets ids of entries before this bound. */
  forgetIdsBefore(bound: string): void {
    for (const [id, entry] of this.ids) {
      if (entry.serial >= bound) return;
      this.ids.delete(id);
    }
  }

  /** How long entries, ids and the channel itself are kept, in ms. */
  get keptMs(): number {
    return Math.max(this.ref.retentionMs, leastKeptMs);
  }

  /** Whether nobody can ask for anything of it any more at this time. */
  forgettable(now: number): boolean {
    const asleep = this.listeners.length === 0 && this.underWay === 0 && this.touched < now - this.keptMs;
    return asleep && this.dropped && this.rows.empty;
  }

  #forgetIds(count: number): void {
    let left = count;
    for (const id of this.ids.keys()) {
      if (left-- === 0) return;
      this.ids.delete(id);
    }
  }
}

/** Entries and rows of appends that are under way together: the later of them see what the earlier will have done. */
export class ChannelDraft {
  head = '';
  readonly ids = new Map<string, Entry>();
  readonly rows = new Map<string, Map<string, RowWrite>>();

  add(entry: Entry, rows: readonly RowWrite[]): void {
    this.head = entry.serial;
    if (entry.id !== undefined) this.ids.set(entry.id, entry);
    for (const change of rows) {
      const table = this.rows.get(change.table);
      if (table === undefined) this.rows.set(change.table, new Map([[change.key, change]]));
      else table.set(change.key, change);
    }
  }
}
