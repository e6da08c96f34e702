import type { ChannelRef, Entry, EntryKind, Row } from './engine.ts';

/**
 * Where the local engine puts what must last: committed batches of entries and rows. The engine keeps order, rows,
 * ids and leases in memory; a store only writes down, reads pages of a log, and gives everything back when opened again.
 *
 * Each method may answer at once or by a promise; a store that works in memory answers at once and so costs no turn.
 * Calls take effect in the order they were made. A call that throws or rejects has changed nothing.
 */
export interface Store {
  /**
   * True if its entries lie in the memory of this process: the engine then counts them in its own budget, and prunes
   * early what goes beyond it. Such a store holds nothing when it is opened.
   */
  readonly inMemory?: boolean;

  /**
   * What the store holds; called once, before anything else. A new store takes `epoch` as the name of its log for good;
   * one that was used before answers with its own. Entries from `recentFrom` (ms since the epoch) on are recent.
   */
  load(epoch: string, recentFrom: number): Stored | Promise<Stored>;

  /** Writes a whole batch or nothing. The engine hands over the next one when this one is done. */
  commit(batch: Batch): void | Promise<void>;

  /** A page of a channel's log that shows every commit finished before the call. */
  read(channel: ChannelRef, range: StoreRange): StorePage | Promise<StorePage>;

  /**
   * Entries of this channel before this bound may be dropped. The last serial dropped is the channel's `floor` from
   * then on. A channel without entries and rows may be forgotten.
   */
  prune(channel: ChannelRef, before: string): void | Promise<void>;

  /** Writes a copy that can be opened as a store by itself, while work goes on. */
  backup?(path: string): Promise<void>;

  /** Ends the store after what was called before is done. */
  close(): void | Promise<void>;
}

/** What a store holds when it is opened. */
export interface Stored {
  readonly epoch: string;
  /** Greatest serial that was ever dropped from any channel; '' if none was. */
  readonly floor: string;
  /** Every channel with entries or rows. */
  readonly channels: Iterable<StoredChannel>;
}

/** One channel of a store that is opened. */
export interface StoredChannel {
  readonly channel: ChannelRef;
  /** Serial of its last entry, dropped or not; '' if it never had one. */
  readonly head: string;
  readonly rows: readonly Row[];
  /** Its recent entries that have an id, oldest first: retries of them are still to be recognised. */
  readonly recent: readonly Entry[];
}

/** What is written in one step. Lapses come before writes. */
export interface Batch {
  readonly lapses: readonly Lapse[];
  /** In the order of appending; those of one channel have rising serials. */
  readonly writes: readonly Write[];
}

/** What one append leaves behind. */
export interface Write {
  readonly channel: ChannelRef;
  /** Absent if the entry was ephemeral. */
  readonly entry?: Entry;
  /** In order: a later change of the same row wins. */
  readonly rows: readonly RowWrite[];
  /** The channel's `floor`, should the store hold no entry of it: everything up to here was dropped before. */
  readonly floor: string;
}

/** A row as it is from now on; without `row` there is none. */
export interface RowWrite {
  readonly table: string;
  readonly key: string;
  readonly row: Row | undefined;
}

/**
 * A row whose owner's lease has lapsed, or that was about an entry that is gone. It goes if it still has this serial, and
 * stays if it was set again.
 */
export interface Lapse {
  readonly channel: ChannelRef;
  readonly table: string;
  readonly key: string;
  readonly serial: string;
}

/** Part of a log. Bounds sort among serials as text, but need not be serials; '' for `after` is no bound. */
export interface StoreRange {
  /** Exclusive: entries after this bound; never less than `keptFrom`. */
  readonly after: string;
  /** Exclusive: entries before this bound; absent is no bound. */
  readonly before?: string;
  /** Entries before this bound count as dropped, whether they are or not. */
  readonly keptFrom: string;
  readonly kind?: EntryKind;
  readonly direction: 'forwards' | 'backwards';
  /** Entries at most, 1 or more. */
  readonly limit: number;
}

/** What a store answers to a range. */
export interface StorePage {
  readonly entries: readonly Entry[];
  /** Whether the range holds more entries beyond these. */
  readonly more: boolean;
  /** Serial of the channel's last entry before `keptFrom`, dropped or not; '' if it has none. */
  readonly floor: string;
}
