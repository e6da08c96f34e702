import { errors } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import { Appender, type Step } from './appender.ts';
import { latest, startOf, storeRange } from './bounds.ts';
import { Delivery } from './delivery.ts';
import type { ChannelRef, Draft, Engine, Entry, Joined, Page, Range, Row, RowPage, RowQuery, Sink } from './engine.ts';
import { Leases } from './leases.ts';
import { type LocalChannel, leastKeptMs } from './localChannel.ts';
import { LocalChannels } from './localChannels.ts';
import { SteadyClock } from './steadyClock.ts';
import type { RowWrite, Store, Stored, StorePage } from './store.ts';

/** What a local engine is made of. */
export interface LocalEngineOptions {
  /** Where batches go; the engine closes it. */
  readonly store: Store;
  readonly clock: Clock;
  /** Name of the log if the store is new: 1 to 64 of `A-Z a-z 0-9 _ -`. Random unless told. */
  readonly epoch?: string;
  /** From 0 up to 1, as Math.random. */
  readonly random?: () => number;
  /** ms that owners of rows found in the store stay alive without a lease of their own. 15 seconds unless told. */
  readonly reclaimMs?: number;
  /** Appends that may wait for a slow store; more are turned away with 50004. 100,000 unless told. */
  readonly maxWaiting?: number;
  /**
   * Memory for entries, ids and rows of all channels together, in bytes, as estimated; 1 GiB unless told. When it is
   * full the channel that holds most loses its oldest entries and their ids early, which its positions then tell.
   */
  readonly maxBytes?: number;
  /** The same for one channel; 64 MiB unless told. Its newest entries stay in any case. */
  readonly maxChannelBytes?: number;
  /** Gets what a sink throws, though none should. Unless told, it is thrown in a turn of its own. */
  readonly report?: (error: unknown) => void;
}

/**
 * The engine of one process: order, rows, ids and leases in memory, entries in a store. With a store that answers at
 * once an append is fed before the call returns.
 */
export function createLocalEngine(options: LocalEngineOptions): Engine {
  return new LocalEngine(options);
}

class LocalEngine implements Engine {
  /** Leases die with the process, so nothing needs to be renewed. */
  readonly leaseMs = Number.POSITIVE_INFINITY;
  readonly #store: Store;
  readonly #clock: SteadyClock;
  readonly #channels: LocalChannels;
  readonly #leases = new Leases<LocalChannel>();
  readonly #delivery: Delivery;
  readonly #appender: Appender;
  readonly #reclaimMs: number;
  /** Calls that wait for the store to be loaded; undefined once it is. */
  #gate: (() => void)[] | undefined = [];
  #refusal: Error | undefined;
  #closed = false;
  #alarm: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(options: LocalEngineOptions) {
    this.#store = options.store;
    this.#clock = new SteadyClock(options.clock);
    const { maxBytes = 1024 ** 3, maxChannelBytes = 64 * 1024 ** 2 } = options;
    const limits = { maxBytes, maxChannelBytes };
    this.#channels = new LocalChannels(options.store, this.#clock, limits, ({ ref }, rows) =>
      this.#appender.lapse(ref, rows),
    );
    this.#delivery = new Delivery(options.report ?? throwLater);
    this.#reclaimMs = options.reclaimMs ?? 15_000;
    this.#appender = new Appender({
      store: options.store,
      maxWaiting: options.maxWaiting ?? 100_000,
      now: () => this.#now(),
      channel: (ref, now) => this.#channels.open(ref, now),
      isAlive: (owner) => this.#leases.isAlive(owner),
      apply: (channel, step, entry) => this.#apply(channel, step, entry),
    });
    this.#load(options.epoch ?? randomEpoch(options.random ?? Math.random));
  }

  join(ref: ChannelRef, sink: Sink): Promise<Joined> {
    return this.#open(() => {
      const channel = this.#channels.open(ref, this.#now());
      if (channel.listeners.some((listener) => listener.sink === sink)) {
        throw new Error('sink has joined this channel already');
      }
      channel.listeners = [...channel.listeners, { sink, joined: true }];
      return { position: channel.head, rows: channel.rows.all() };
    });
  }

  part(ref: ChannelRef, sink: Sink): Promise<void> {
    return this.#open(() => {
      const channel = this.#channels.get(ref);
      const listener = channel?.listeners.find((one) => one.sink === sink);
      if (channel === undefined || listener === undefined) return;
      listener.joined = false;
      channel.listeners = channel.listeners.filter((one) => one !== listener);
      channel.touched = this.#now();
    });
  }

  append(ref: ChannelRef, draft: Draft): ReturnType<Engine['append']> {
    if (this.#gate === undefined && this.#refusal === undefined) return this.#appender.append(ref, draft);
    return this.#open(() => this.#appender.append(ref, draft));
  }

  read(ref: ChannelRef, range: Range): Promise<Page> {
    return this.#open(() => this.#read(ref, range));
  }

  rows(ref: ChannelRef, table: string, query: RowQuery = {}): Promise<RowPage> {
    return this.#open(() => {
      this.#now();
      return this.#channels.get(ref)?.rows.page(table, query) ?? { rows: [], more: false };
    });
  }

  async lease(owner: string, ms: number): Promise<boolean> {
    if (this.#gate !== undefined || this.#refusal !== undefined) return this.#open(() => this.#lease(owner, ms));
    return this.#lease(owner, ms);
  }

  async ready(): Promise<boolean> {
    if (this.#gate !== undefined || this.#refusal !== undefined) return false;
    if (this.#appender.failing) await this.#appender.flush();
    return !this.#appender.failing;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#refusal = errors.unavailable('engine is closed');
    this.#openGate();
    await this.#appender.flush();
    this.#channels.stop();
    this.#alarm?.cancel();
    await this.#store.close();
  }

  #lease(owner: string, ms: number): boolean {
    const now = this.#now();
    const had = this.#leases.set(owner, now + Math.max(ms, 0));
    if (this.#leases.next <= now) this.#lapse(now);
    else this.#arm();
    return had;
  }

  /** Engine time, after what is due by then has lapsed. */
  #now(): number {
    const now = this.#clock.now();
    if (this.#leases.next <= now) this.#lapse(now);
    return now;
  }

  /** Runs a call when the store is loaded, in the order of the calls. What it throws rejects. */
  #open<T>(call: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = () => {
        if (this.#refusal !== undefined) return reject(this.#refusal);
        try {
          resolve(call());
        } catch (error) {
          reject(error);
        }
      };
      if (this.#gate === undefined) run();
      else this.#gate.push(run);
    });
  }

  #openGate(): void {
    const gate = this.#gate;
    if (gate === undefined) return;
    // A call may make calls: they join the end of the line.
    for (let i = 0; i < gate.length; i++) gate[i]?.();
    this.#gate = undefined;
  }

  #load(epoch: string): void {
    const fail = (cause: unknown) => {
      this.#refusal ??= errors.unavailable('what the store holds could not be loaded', cause);
      this.#openGate();
    };
    try {
      const stored = this.#store.load(epoch, this.#clock.now() - leastKeptMs);
      if (stored instanceof Promise) stored.then((loaded) => this.#begin(loaded)).catch(fail);
      else this.#begin(stored);
    } catch (cause) {
      fail(cause);
    }
  }

  #begin(stored: Stored): void {
    if (this.#closed) return;
    const reclaimUntil = this.#clock.now() + this.#reclaimMs;
    this.#channels.load(stored, (channel) => {
      for (const row of channel.rows.all()) {
        this.#leases.add(row, channel);
        if (row.owner !== undefined) this.#leases.set(row.owner, reclaimUntil);
      }
    });
    this.#arm();
    this.#openGate();
  }

  async #read(ref: ChannelRef, range: Range): Promise<Page> {
    const { after } = range;
    const keptFrom = latest([startOf(this.#now() - ref.retentionMs), this.#channels.get(ref)?.cutTo ?? '']);
    if (after !== undefined && this.#channels.isForeign(ref, after)) {
      return { entries: [], more: false, continuity: 'foreign' };
    }
    const { entries, more, floor } = await this.#page(ref, range, keptFrom);
    return { entries, more, continuity: after === undefined || after >= floor ? 'kept' : 'expired' };
  }

  async #page(ref: ChannelRef, range: Range, keptFrom: string): Promise<StorePage> {
    const stored = this.#channels.get(ref)?.stored ?? '';
    if (stored === '' || stored < keptFrom) return { entries: [], more: false, floor: this.#channels.floorOf(ref) };
    try {
      return await this.#store.read(ref, storeRange(range, keptFrom));
    } catch (cause) {
      throw errors.unavailable('log could not be read; try again', cause);
    }
  }

  #apply(channel: LocalChannel, { draft, rows, bytes }: Step, entry: Entry): void {
    channel.head = entry.serial;
    channel.touched = entry.time;
    const isStored = draft.ephemeral !== true;
    if (isStored) channel.stored = entry.serial;
    if (entry.id !== undefined) channel.remember(entry.id, entry);
    this.#channels.keep(channel, entry, bytes, isStored);
    const dead = rows.length === 0 ? [] : this.#change(channel, rows);
    this.#delivery.entry(channel.listeners, entry);
    if (dead.length > 0) this.#tellLapsed(channel, dead);
  }

  /** Makes the rows so, and answers with those that are not, since their owner's lease lapsed on the way. */
  #change(channel: LocalChannel, rows: readonly RowWrite[]): Row[] {
    const dead: Row[] = [];
    for (const { table, key, row } of rows) {
      const alive = row !== undefined && this.#leases.isAlive(row.owner);
      this.#leases.remove(alive ? channel.rows.set(row) : channel.rows.unset(table, key));
      if (alive) this.#leases.add(row, channel);
      else if (row !== undefined) dead.push(row);
    }
    this.#channels.keepRows(channel);
    return dead;
  }

  #lapse(now: number): void {
    const gone = this.#leases.due(now);
    for (const [channel, rows] of gone) {
      for (const { table, key } of rows) channel.rows.unset(table, key);
      this.#channels.keepRows(channel);
    }
    for (const [channel, rows] of gone) this.#tellLapsed(channel, rows);
    this.#arm();
  }

  #tellLapsed(channel: LocalChannel, rows: Row[]): void {
    this.#appender.lapse(channel.ref, rows);
    this.#delivery.lapsed(channel.listeners, rows);
  }

  /** One timer for all leases: set for the next that is due. */
  #arm(): void {
    const next = this.#leases.next;
    if (this.#closed || this.#alarm?.at === next) return;
    this.#alarm?.cancel();
    this.#alarm = undefined;
    if (next === Number.POSITIVE_INFINITY) return;
    const cancel = this.#clock.after(next - this.#clock.now(), () => {
      this.#alarm = undefined;
      this.#lapse(this.#clock.now());
    });
    this.#alarm = { at: next, cancel };
  }
}

function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}

function randomEpoch(random: () => number): string {
  const digits = () =>
    Math.floor(random() * 36 ** 6)
      .toString(36)
      .padStart(6, '0');
  return digits() + digits();
}
