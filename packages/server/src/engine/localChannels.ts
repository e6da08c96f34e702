import { formatSerial, nextPosition, type Position, parseSerial } from '@parvis/protocol';
import { latest, startOf } from './bounds.ts';
import { Budget } from './budget.ts';
import { ChannelMap } from './channelMap.ts';
import type { ChannelRef, Entry, Row } from './engine.ts';
import { LocalChannel } from './localChannel.ts';
import type { SteadyClock } from './steadyClock.ts';
import type { Store, Stored, StoredChannel } from './store.ts';
import { Sweeper } from './sweeper.ts';
import { weighEntry } from './weigh.ts';

/** A channel is pruned so often in the time that its entries are kept, and so holds little more than it must. */
const prunings = 16;

/** Memory that channels may take, in bytes. */
export interface MemoryLimits {
  readonly maxBytes: number;
  readonly maxChannelBytes: number;
}

/** Hears of rows that went with the entries they were about. */
type RowsGone = (channel: LocalChannel, rows: readonly Row[]) => void;

/**
 * The channels the local engine knows. One that nobody can ask about any more is forgotten; what is remembered of all
 * forgotten ones together are two positions, which suffice to answer for any old serial.
 */
export class LocalChannels {
  readonly #store: Store;
  readonly #clock: SteadyClock;
  readonly #known = new ChannelMap<LocalChannel>();
  readonly #sweeper: Sweeper<LocalChannel>;
  readonly #budget: Budget<LocalChannel>;
  readonly #rowsGone: RowsGone;
  #epoch = '';
  /** Greatest position given in any forgotten channel, or before the store was opened. */
  #ceiling: Position = { ms: 0, seq: 0, epoch: '' };
  /** Greatest serial of an entry in any forgotten channel; '' while there was none. */
  #floor = '';

  constructor(store: Store, clock: SteadyClock, limits: MemoryLimits, rowsGone: RowsGone) {
    const { maxBytes, maxChannelBytes } = limits;
    this.#rowsGone = rowsGone;
    this.#store = store;
    this.#clock = clock;
    const letGo = (channel: LocalChannel, upTo: string) => this.#letGo(channel, upTo);
    this.#budget = new Budget({ maxBytes, maxShare: maxChannelBytes, letGo });
    this.#sweeper = new Sweeper(clock, this.#known, (channel) => this.#visit(channel));
  }

  /** Takes up what the store holds. Whatever was fed before now but not stored has a serial up to now. */
  load(stored: Stored, restored: (channel: LocalChannel) => void): void {
    this.#epoch = stored.epoch;
    this.#floor = stored.floor;
    const channels = [...stored.channels];
    const last = parseSerial(latest([stored.floor, ...channels.map(({ head }) => head)]));
    this.#ceiling = nextPosition(last, this.#clock.now(), this.#epoch);
    for (const one of channels) restored(this.#restore(one));
  }

  get(ref: ChannelRef): LocalChannel | undefined {
    return this.#known.get(ref);
  }

  /** The channel, made if it is new. */
  open(ref: ChannelRef, now: number): LocalChannel {
    return this.#known.get(ref) ?? this.#make(ref, now, this.#floor);
  }

  /** Whether this serial can not have been a position in this channel: another epoch, not yet given, or none at all. */
  isForeign(ref: ChannelRef, serial: string): boolean {
    const position = parseSerial(serial);
    if (position?.epoch !== this.#epoch) return true;
    return serial > formatSerial(this.#known.get(ref)?.minted ?? this.#ceiling);
  }

  /** Everything up to this serial is gone from this channel if the store holds nothing of it. */
  floorOf(ref: ChannelRef): string {
    return this.#known.get(ref)?.floor ?? this.#floor;
  }

  /** Counts an entry of so many bytes if memory keeps it, which makes older ones go when there is no room. */
  keep(channel: LocalChannel, entry: Entry, bytes: number, isStored: boolean): void {
    if (entry.id === undefined && !(isStored && this.#store.inMemory === true)) return;
    this.#budget.add(channel, entry.serial, bytes, entry.time, channel.keptMs);
  }

  /** Counts the rows of a channel as they are now. */
  keepRows(channel: LocalChannel): void {
    this.#budget.setRows(channel, channel.rows.bytes);
  }

  stop(): void {
    this.#sweeper.stop();
  }

  /** Lets go of entries and ids that are older than they need to be kept. */
  #prune(channel: LocalChannel, now: number): void {
    channel.pruneAt = now + channel.keptMs / prunings;
    const keptSince = now - channel.keptMs;
    const bound = startOf(keptSince);
    channel.forgetIdsBefore(bound);
    this.#budget.dropBefore(channel, bound);
    this.#dropRows(channel, bound);
    if (!channel.dropped && !channel.pruning) this.#pruneStore(channel, bound);
  }

  /** Lets go of the oldest entries and ids though they are young; entries that do not lie in memory stay. */
  #letGo(channel: LocalChannel, upTo: string): void {
    // No serial lies between one and the same with a letter behind it.
    const bound = `${upTo}~`;
    channel.forgetIdsBefore(bound);
    if (this.#store.inMemory !== true) return;
    channel.cutTo = bound;
    this.#dropRows(channel, bound);
    if (!channel.pruning) this.#pruneStore(channel, bound);
  }

  #dropRows(channel: LocalChannel, bound: string): void {
    const gone = channel.rows.unsetBefore(bound);
    if (gone.length === 0) return;
    this.keepRows(channel);
    this.#rowsGone(channel, gone);
  }

  /** What could not be dropped now is dropped next time, what went early meanwhile too; reads leave it out in any case. */
  #pruneStore(channel: LocalChannel, bound: string): void {
    const done = () => {
      channel.prunedTo = bound;
      channel.pruning = false;
      if (channel.cutTo > bound) this.#pruneStore(channel, channel.cutTo);
    };
    const failed = () => {
      channel.pruning = false;
    };
    channel.pruning = true;
    try {
      const pruned = this.#store.prune(channel.ref, bound);
      if (pruned === undefined) done();
      else pruned.then(done, failed);
    } catch {
      failed();
    }
  }

  #restore(stored: StoredChannel): LocalChannel {
    const channel = this.#make(stored.channel, this.#clock.now(), this.#floor);
    channel.restore(stored);
    for (const entry of stored.recent) this.keep(channel, entry, weighEntry(entry), true);
    this.keepRows(channel);
    return channel;
  }

  #make(ref: ChannelRef, now: number, floor: string): LocalChannel {
    const ledger = this.#budget.open();
    const channel = new LocalChannel(ref, { epoch: this.#epoch, now, after: this.#ceiling, floor, ledger });
    this.#known.set(ref, channel);
    this.#sweeper.wake();
    return channel;
  }

  #visit(channel: LocalChannel): void {
    const now = this.#clock.now();
    if (now >= channel.pruneAt) this.#prune(channel, now);
    if (channel.forgettable(now)) this.#forget(channel);
  }

  #forget(channel: LocalChannel): void {
    this.#known.delete(channel.ref);
    this.#budget.delete(channel);
    if (channel.stored > this.#floor) this.#floor = channel.stored;
    if (isAfter(channel.minted, this.#ceiling)) this.#ceiling = channel.minted;
  }
}

function isAfter(a: Position, b: Position): boolean {
  return a.ms > b.ms || (a.ms === b.ms && a.seq > b.seq);
}
