/**
 * Whatever must outlive or span one process: the ordered log of each channel, the keyed rows derived from it,
 * the feed of both to every node, and the leases that say which owners are alive.
 *
 * A channel is named by app and name together, and two apps never meet. Every method may reject with
 * `errors.unavailable` (50004) when storage cannot be reached; it then did not happen, or will be recognised by its
 * `id` when tried again.
 */
export interface Engine {
  /**
   * How long the lease of a live connection is set for, and renewed well before it ends. Infinity when leases die
   * with the process, so that a stalled loop can never make a live member lapse.
   */
  readonly leaseMs: number;

  /**
   * Feeds a node everything that is appended to a channel from now on: `sink.entry` in serial order, each once.
   * Resolves with the position the feed starts after and the rows that stood at that position; entries may reach the
   * sink before that. One sink per channel and node; a second join of the same channel by the same sink is rejected.
   */
  join(channel: ChannelRef, sink: Sink): Promise<Joined>;

  /** Ends the feed. What nobody can ask for any more may be forgotten, never what a position within retention needs. */
  part(channel: ChannelRef, sink: Sink): Promise<void>;

  /**
   * One atomic step: recognise a repeated `id`, check `expect`, mint serial and time, store, fold the rows, feed.
   * Appends to one channel take effect in the order of the calls made by one node. When it resolves with `appended`
   * or `duplicate`, the entry is stored and a read will show it.
   */
  append(channel: ChannelRef, draft: Draft): Promise<Appended>;

  /** A page of a channel's log. Entries outside the retention are absent; `continuity` says if that made a hole. */
  read(channel: ChannelRef, range: Range): Promise<Page>;

  /** What the log folds to: rows of one table, ordered by key. Never a row whose owner's lease has lapsed. */
  rows(channel: ChannelRef, table: string, query?: RowQuery): Promise<RowPage>;

  /**
   * Rows of this owner live for this many ms from now; 0 lapses them at once, Infinity holds them. Resolves with
   * whether the owner had a live lease before. An owner without any lease is alive: rows may be written first.
   * A lapse is told once to each node that joined the channel, and the row stays out of `rows` from then on: a new
   * lease brings nothing back, an append that sets the row again does. For two minutes after a lapse without a new
   * lease, a row that is set for that owner lapses at once, so that an append still under way leaves no ghost.
   */
  lease(owner: string, ms: number): Promise<boolean>;

  /** Whether appends would be taken now. */
  ready(): Promise<boolean>;

  /** Finishes the appends under way and stops timers and feeds. What was acknowledged stays stored. */
  close(): Promise<void>;
}

/** One channel of one app. */
export interface ChannelRef {
  readonly app: string;
  readonly name: string;
  /**
   * How long entries are kept, in ms; the engine prunes what is older. Property of the namespace: the same in every
   * call for this channel.
   */
  readonly retentionMs: number;
}

/**
 * A node's ear on one channel. Both are called synchronously, in order, and must not throw. What a sink appends while it
 * is being told something is told to every sink after that.
 */
export interface Sink {
  entry(entry: Entry): void;
  /** Rows whose owner's lease has just lapsed. They are gone from `rows`; an append that unsets them says so to all. */
  lapsed(rows: Row[]): void;
  /** Continuity of the feed was lost (another epoch): forget, and join again. */
  lost?(): void;
}

/** Where a feed starts. */
export interface Joined {
  /** Serial of the last entry before the feed, or one minted when the channel began if it never had an entry. */
  readonly position: string;
  /** All live rows at that position, of every table. */
  readonly rows: Row[];
}

/** What somebody wants to append. */
export interface Draft {
  readonly kind: EntryKind;
  /** Recognises a retry for at least two minutes: a second draft with this id is answered with the first entry. */
  readonly id?: string;
  /** Plain data: maps, arrays, strings, numbers, booleans, null, bytes. Never changed after it was handed over. */
  readonly payload: unknown;
  /** Rows to set (`value` given) or to unset (`value` undefined) in the same step. */
  readonly rows?: readonly RowChange[];
  /** The append is refused unless each of these rows has exactly this serial (null: no such row, or a lapsed one). */
  readonly expect?: readonly Expectation[];
  /** Fed to those who listen now, never stored and never read back. It has a serial all the same. */
  readonly ephemeral?: boolean;
}

/** What an entry is about; rules live in `channel`, the engine only carries it. */
export type EntryKind = 'message' | 'presence' | 'mutation' | 'annotation';

/** A row as an append wants it: with `value` it is set, without it is unset. */
export interface RowChange {
  readonly table: string;
  readonly key: string;
  readonly value?: unknown;
  /** The row lapses with this owner's lease. */
  readonly owner?: string;
  /**
   * Serial of an entry of this channel: the row goes, untold, soon after that entry does, be it by its age or for want
   * of room. So what is derived from an entry takes no more room than the log allows. Not together with `owner`.
   */
  readonly about?: string;
}

/** The serial a row must have for an append to be taken; null if there must be no living one. */
export interface Expectation {
  readonly table: string;
  readonly key: string;
  readonly serial: string | null;
}

/** One atomic publish: the unit that is stored, fed and replayed. */
export interface Entry {
  readonly serial: string;
  /**
   * Serial of the entry before it in this channel, the position of a join if there was none: a node that is fed another
   * one has missed something. The entry before may have been ephemeral, which no read shows.
   */
  readonly previous: string;
  readonly kind: EntryKind;
  readonly id?: string;
  /** ms since the epoch, never smaller than that of the entry before it in this channel. */
  readonly time: number;
  readonly payload: unknown;
}

/** What an append came to. */
export type Appended =
  | { readonly outcome: 'appended'; readonly entry: Entry }
  /** The id was seen before: `entry` is the first one, nothing was fed. */
  | { readonly outcome: 'duplicate'; readonly entry: Entry }
  /** An expectation did not hold. `rows` are the present rows of the expectations, in their order. */
  | { readonly outcome: 'refused'; readonly rows: readonly (Row | undefined)[] };

/** A fact that entries fold to, by table and key. */
export interface Row {
  readonly table: string;
  readonly key: string;
  readonly value: unknown;
  readonly owner?: string;
  readonly about?: string;
  /** Serial and time of the entry that set it. */
  readonly serial: string;
  readonly time: number;
}

/** Part of a log. Bounds by serial and by time may be combined; all are optional, and the narrowest counts. */
export interface Range {
  /** Exclusive: entries after this serial. */
  readonly after?: string;
  /** Exclusive: entries before this serial. */
  readonly before?: string;
  /** Inclusive: entries up to this serial. */
  readonly upTo?: string;
  /** Inclusive, ms since the epoch. */
  readonly from?: number;
  readonly to?: number;
  readonly kind?: EntryKind;
  readonly direction: 'forwards' | 'backwards';
  /** Entries at most, 1 or more. */
  readonly limit: number;
}

export interface Page {
  readonly entries: readonly Entry[];
  /** Whether the range holds more entries beyond these. */
  readonly more: boolean;
  /**
   * With `after`: `kept` if every entry since that serial is still there, `expired` if some are gone, `foreign` if it
   * is a serial of another epoch, of the future or none at all, and then the page is empty. A position is kept for
   * the retention at least, or two minutes if that is longer, while nothing after it is gone. Without `after`: `kept`.
   */
  readonly continuity: 'kept' | 'expired' | 'foreign';
}

/** Part of a table. */
export interface RowQuery {
  /** Only this key. */
  readonly key?: string;
  /** Exclusive: keys after this one. */
  readonly afterKey?: string;
  readonly limit?: number;
}

/** Rows in the order of their keys as text. */
export interface RowPage {
  readonly rows: readonly Row[];
  readonly more: boolean;
}
