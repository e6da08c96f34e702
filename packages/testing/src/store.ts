import { formatSerial } from '@parvis/protocol';
import type { Batch, ChannelRef, Entry, Row, Store, StoredChannel, StoreRange, Write } from 'parvis/engine';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

/** A new store, and for one that outlives its process a way to open it again after it was closed. */
export interface StoreUnderTest {
  readonly store: Store;
  readonly reopen?: () => Store | Promise<Store>;
}

/** The contract of Store: every store passes all of it. One without `reopen` has nothing to come back with. */
export function describeStore(name: string, create: () => StoreUnderTest | Promise<StoreUnderTest>): void {
  describe(`store ${name}`, () => {
    const on = new StoreFixture(create);
    pageRules(on);
    pruneRules(on);
    describe('opened again', () => reopenRules(on));
  });
}

const epoch = 'epoch';
const begin = 1_735_689_600_000;
const room: ChannelRef = { app: 'app', name: 'room', retentionMs: 120_000 };

/** Serial of the n-th entry of these tests; one every second. */
const serial = (n: number) => formatSerial({ ms: begin + n * 1_000, seq: 0, epoch });

function entryAt(n: number, more: Partial<Entry> = {}): Entry {
  const time = begin + n * 1_000;
  return { serial: serial(n), previous: serial(n - 1), kind: 'message', time, payload: { n }, ...more };
}

function rowAt(n: number, key: string, more: Partial<Row> = {}): Row {
  return { table: 'rows', key, value: { n }, serial: serial(n), time: begin + n * 1_000, ...more };
}

const write = (entry: Entry, more: Partial<Write> = {}): Write => ({
  channel: room,
  floor: '',
  rows: [],
  entry,
  ...more,
});
const setting = (row: Row) => ({ table: row.table, key: row.key, row });

class StoreFixture {
  #under: StoreUnderTest | undefined;

  constructor(create: () => StoreUnderTest | Promise<StoreUnderTest>) {
    beforeEach(async () => {
      this.#under = await create();
      await this.store.load(epoch, 0);
    });
    afterEach(() => this.#under?.store.close());
  }

  get store(): Store {
    if (this.#under === undefined) throw new Error('a store is there while a test runs');
    return this.#under.store;
  }

  /** Closes the store and opens it again; undefined if it does not outlive its process. */
  async reopen(recentFrom = 0) {
    const reopen = this.#under?.reopen;
    if (reopen === undefined) return undefined;
    await this.store.close();
    this.#under = { store: await reopen(), reopen };
    const { channels, ...stored } = await this.store.load('unused', recentFrom);
    return { ...stored, channels: [...channels] };
  }

  commit(batch: Partial<Batch>): void | Promise<void> {
    return this.store.commit({ lapses: [], writes: [], ...batch });
  }

  /** Commits entries of these numbers, each in a batch of its own. */
  async fill(...numbers: number[]): Promise<void> {
    for (const n of numbers) await this.commit({ writes: [write(entryAt(n))] });
  }

  async read(range: Partial<StoreRange> = {}, channel = room) {
    const page = await this.store.read(channel, {
      after: '',
      keptFrom: '',
      direction: 'forwards',
      limit: 100,
      ...range,
    });
    return { ...page, numbers: page.entries.map(({ time }) => (time - begin) / 1_000) };
  }
}

function pageRules(on: StoreFixture): void {
  it('[EN70] what was committed is read at once and as it was, several in one batch too', async () => {
    const payload = { text: 'é', bytes: new Uint8Array([0, 255]), list: [null, true, 1.5, { deep: '' }] };
    const entries = [entryAt(1, { id: 'id', payload }), entryAt(2, { kind: 'presence' }), entryAt(3)];
    await on.commit({ writes: entries.map((entry) => write(entry)) });
    expect((await on.read()).entries).toEqual(entries);
  });

  it('[EN70] a read that is called after a commit, without waiting for it, shows it', async () => {
    const committed = on.commit({ writes: [write(entryAt(1))] });
    const page = on.read();
    await committed;
    expect((await page).numbers).toEqual([1]);
  });

  it('[EN70] an empty batch is taken, and an ephemeral write leaves no entry', async () => {
    await on.commit({});
    await on.commit({ writes: [{ channel: room, floor: '', rows: [setting(rowAt(1, 'k'))] }] });
    expect(await on.read()).toMatchObject({ numbers: [], more: false, floor: '' });
  });

  it('[EN71] bounds are exclusive and sort as text, serial or not', async () => {
    await on.fill(1, 2, 3, 4, 5);
    expect((await on.read({ after: serial(2) })).numbers).toEqual([3, 4, 5]);
    expect((await on.read({ before: serial(4) })).numbers).toEqual([1, 2, 3]);
    expect((await on.read({ before: `${serial(4)}~` })).numbers).toEqual([1, 2, 3, 4]);
    expect((await on.read({ after: serial(2).slice(0, 14) })).numbers).toEqual([2, 3, 4, 5]);
    expect((await on.read({ after: serial(4), before: serial(2) })).numbers).toEqual([]);
    expect((await on.read({ before: '' })).numbers).toEqual([]);
  });

  it('[EN71] a page goes in either direction, holds the limit at most and tells whether there is more', async () => {
    await on.fill(1, 2, 3);
    expect(await on.read({ limit: 2 })).toMatchObject({ numbers: [1, 2], more: true });
    expect(await on.read({ limit: 3 })).toMatchObject({ numbers: [1, 2, 3], more: false });
    expect(await on.read({ limit: 2, direction: 'backwards' })).toMatchObject({ numbers: [3, 2], more: true });
    expect(await on.read({ limit: 2, direction: 'backwards', after: serial(1) })).toMatchObject({ more: false });
  });

  it('[EN71] a kind leaves out the other, for more as well', async () => {
    await on.fill(1, 2);
    await on.commit({ writes: [write(entryAt(3, { kind: 'presence' }))] });
    expect(await on.read({ kind: 'message', limit: 2 })).toMatchObject({ numbers: [1, 2], more: false });
    expect(await on.read({ kind: 'presence' })).toMatchObject({ numbers: [3], more: false });
  });

  it('[EN74] channels of one name in two apps never meet', async () => {
    await on.fill(1);
    const theirs = { ...room, app: 'other' };
    expect((await on.read({}, theirs)).numbers).toEqual([]);
    await on.commit({ writes: [write(entryAt(2), { channel: theirs })] });
    await on.store.prune(theirs, serial(9));
    expect((await on.read()).numbers).toEqual([1]);
  });
}

function pruneRules(on: StoreFixture): void {
  it('[EN72] the floor is the last serial before what is kept, whether it was dropped or not', async () => {
    await on.fill(1, 2, 3, 4);
    expect((await on.read({ keptFrom: serial(3), after: serial(3) })).floor).toBe(serial(2));
    expect((await on.read({ keptFrom: serial(1) })).floor).toBe('');
    await on.store.prune(room, serial(3));
    expect(await on.read({ keptFrom: serial(1) })).toMatchObject({ numbers: [3, 4], floor: serial(2) });
    expect((await on.read({ keptFrom: serial(4) })).floor).toBe(serial(3));
  });

  it('[EN73] pruning drops what is before the bound, and again what came later', async () => {
    await on.fill(1, 2, 3);
    await on.store.prune(room, serial(3));
    await on.store.prune(room, serial(1));
    expect((await on.read()).numbers).toEqual([3]);
    await on.fill(4, 5);
    await on.store.prune(room, serial(5));
    expect(await on.read()).toMatchObject({ numbers: [5], floor: serial(4) });
    await on.store.prune({ ...room, name: 'never used' }, serial(5));
  });

  it('[EN73] a channel that was emptied takes its floor from the next write', async () => {
    await on.fill(1, 2);
    await on.store.prune(room, serial(9));
    expect((await on.read()).numbers).toEqual([]);
    await on.commit({ writes: [write(entryAt(10), { floor: serial(3) })] });
    await on.commit({ writes: [write(entryAt(11), { floor: serial(10) })] });
    expect(await on.read()).toMatchObject({ numbers: [10, 11], floor: serial(3) });
  });

  it('[EN73] ten thousand entries prune and read as few do', async () => {
    const numbers = Array.from({ length: 10_000 }, (_, i) => i);
    await on.commit({ writes: numbers.map((n) => write(entryAt(n))) });
    for (let n = 500; n < 10_000; n += 500) await on.store.prune(room, serial(n));
    expect(await on.read({ limit: 2 })).toMatchObject({ numbers: [9_500, 9_501], more: true, floor: serial(9_499) });
    expect((await on.read({ after: serial(9_998) })).numbers).toEqual([9_999]);
    expect((await on.read({ limit: 1, direction: 'backwards' })).numbers).toEqual([9_999]);
  });
}

function reopenRules(on: StoreFixture): void {
  const reopening = (title: string, body: () => Promise<void>) =>
    it(title, async ({ skip }) => {
      const stored = await on.reopen();
      if (stored === undefined) return skip('this store does not outlive its process');
      await body();
    });
  const only = (channels: readonly StoredChannel[] = []) => channels[0];

  reopening('[EN75] a store opened again has its own epoch and nothing else while nothing was written', async () => {
    expect(await on.reopen()).toEqual({ epoch, floor: '', channels: [] });
  });

  reopening('[EN75] entries, heads and rows come back, the last change of a row winning', async () => {
    const rows = [setting(rowAt(1, 'stays')), setting(rowAt(1, 'replaced')), setting(rowAt(1, 'unset'))];
    await on.commit({ writes: [write(entryAt(1), { rows })] });
    const later = [setting(rowAt(2, 'replaced', { owner: 'owner' })), { table: 'rows', key: 'unset', row: undefined }];
    await on.commit({ writes: [write(entryAt(2), { rows: later })] });
    const stored = await on.reopen();
    expect(stored?.channels).toHaveLength(1);
    expect(only(stored?.channels)).toMatchObject({ channel: room, head: serial(2) });
    const found = [...(only(stored?.channels)?.rows ?? [])].sort((a, b) => (a.key < b.key ? -1 : 1));
    expect(found).toEqual([rowAt(2, 'replaced', { owner: 'owner' }), rowAt(1, 'stays')]);
    expect((await on.read()).entries).toEqual([entryAt(1), entryAt(2)]);
  });

  reopening('[EN75] recent entries with an id come back in order, others do not', async () => {
    const ids = [entryAt(1, { id: 'old' }), entryAt(5, { id: 'a' }), entryAt(6), entryAt(7, { id: 'b' })];
    await on.commit({ writes: ids.map((entry) => write(entry)) });
    const stored = await on.reopen(begin + 5_000);
    expect(only(stored?.channels)?.recent).toEqual([ids[1], ids[3]]);
  });

  reopening('[EN75] what was pruned is known by the floor, and a channel with rows alone by its head', async () => {
    await on.commit({ writes: [write(entryAt(1)), write(entryAt(2), { rows: [setting(rowAt(2, 'k'))] })] });
    await on.store.prune(room, serial(9));
    const stored = await on.reopen();
    expect(stored?.floor).toBe(serial(2));
    expect(only(stored?.channels)).toMatchObject({ head: serial(2), recent: [], rows: [rowAt(2, 'k')] });
  });

  reopening('[EN76] a lapse takes a row that still has its serial, and leaves one that was set again', async () => {
    const rows = [setting(rowAt(1, 'gone')), setting(rowAt(1, 'again'))];
    await on.commit({ writes: [write(entryAt(1), { rows })] });
    await on.commit({ writes: [write(entryAt(2), { rows: [setting(rowAt(2, 'again'))] })] });
    const lapse = { channel: room, table: 'rows', serial: serial(1) };
    const lapses = [
      { ...lapse, key: 'gone' },
      { ...lapse, key: 'again' },
    ];
    await on.commit({ lapses });
    expect(only((await on.reopen())?.channels)?.rows).toEqual([rowAt(2, 'again')]);
  });
}
