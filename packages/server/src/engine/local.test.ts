import { createFakeClock, createRecordingSink, delayingStore, failingStore, seededRandom, turn } from '@parvis/testing';
import { expect, it } from 'vitest';
import type { ChannelRef, Draft } from './engine.ts';
import { createLocalEngine } from './local.ts';
import { createMemoryStore } from './memory.ts';
import type { Batch, Store } from './store.ts';

const room: ChannelRef = { app: 'app', name: 'room', retentionMs: 120_000 };
const message = (payload: unknown, more: Partial<Draft> = {}): Draft => ({ kind: 'message', payload, ...more });
const setting = (key: string, owner?: string) => ({
  rows: [owner === undefined ? { table: 'rows', key, value: 1 } : { table: 'rows', key, value: 1, owner }],
});
const whole = { direction: 'forwards', limit: 1_000 } as const;
const random = seededRandom('local engine');

function local(store: Store = createMemoryStore(), options: { maxWaiting?: number } = {}) {
  const clock = createFakeClock();
  const reported: unknown[] = [];
  const report = (error: unknown) => reported.push(error);
  const engine = createLocalEngine({ store, clock, random: random.next, report, ...options });
  const payloads = async () => (await engine.read(room, whole)).entries.map(({ payload }) => payload);
  return { engine, clock, reported, payloads };
}

/** A memory store that writes down its batches and holds each back until it is released. */
function heldStore() {
  const memory = createMemoryStore();
  const batches: Batch[] = [];
  const releases: (() => void)[] = [];
  const store: Store = {
    load: (epoch, recentFrom) => memory.load(epoch, recentFrom),
    read: (channel, range) => memory.read(channel, range),
    prune: (channel, before) => memory.prune(channel, before),
    close: () => memory.close(),
    async commit(batch) {
      batches.push(batch);
      await new Promise<void>((resolve) => releases.push(resolve));
      await memory.commit(batch);
    },
  };
  return { store, batches, release: () => releases.shift()?.() };
}

it('[EN53] with a store that answers at once an entry is fed before append returns', async () => {
  const { engine } = local();
  const sink = createRecordingSink();
  await engine.join(room, sink);
  const appended = engine.append(room, message(1));
  expect(sink.entries).toHaveLength(1);
  await appended;
  await engine.close();
});

it('[EN52] time and serials go on when the clock is set back, and leases end after the time that really passed', async () => {
  const { engine, clock } = local();
  await engine.append(room, message(1, setting('k', 'owner')));
  clock.set(clock.now() - 3_600_000);
  await engine.append(room, message(2));
  const { entries } = await engine.read(room, whole);
  const [first, second] = entries;
  expect(second && first && second.serial > first.serial && second.time >= first.time).toBe(true);
  await engine.lease('owner', 10_000);
  clock.advance(9_999);
  expect((await engine.rows(room, 'rows')).rows).toHaveLength(1);
  clock.advance(1);
  expect((await engine.rows(room, 'rows')).rows).toEqual([]);
  clock.advance(130_000);
  expect((await engine.read(room, whole)).entries).toEqual([]);
  await engine.close();
});

it('[EN50] an append whose commit fails is rejected with 50004 and did not happen', async () => {
  let full = false;
  const { engine, payloads } = local(failingStore(createMemoryStore(), () => full));
  const sink = createRecordingSink();
  const { position } = await engine.join(room, sink);
  full = true;
  const lost = message('lost', { id: 'id', ...setting('k') });
  await expect(engine.append(room, lost)).rejects.toMatchObject({ code: 50004, statusCode: 503 });
  expect(sink.entries).toEqual([]);
  expect(await payloads()).toEqual([]);
  expect((await engine.rows(room, 'rows')).rows).toEqual([]);
  full = false;
  const retried = await engine.append(room, lost);
  expect(retried.outcome).toBe('appended');
  expect(sink.entries).toMatchObject([{ previous: position, payload: 'lost' }]);
  await engine.close();
});

it('[EN50] a failing batch takes back what its later appends built upon its earlier ones, and order goes on', async () => {
  let full = false;
  const { engine, payloads } = local(
    delayingStore(
      failingStore(createMemoryStore(), () => full),
      random,
    ),
  );
  const sink = createRecordingSink();
  await engine.join(room, sink);
  full = true;
  const unset = { expect: [{ table: 'rows', key: 'k', serial: null }] };
  const batch = [
    message('alone'),
    message('first', { id: 'id', ...setting('k') }),
    message('same', { id: 'id' }),
    message('expecting', unset),
  ];
  const results = await Promise.allSettled(batch.map((draft) => engine.append(room, draft)));
  for (const result of results) expect(result).toMatchObject({ status: 'rejected', reason: { code: 50004 } });
  full = false;
  const again = await Promise.all(batch.map((draft) => engine.append(room, draft)));
  expect(again.map(({ outcome }) => outcome)).toEqual(['appended', 'appended', 'duplicate', 'refused']);
  expect(await payloads()).toEqual(['alone', 'first']);
  const { entries } = sink;
  expect(entries.map(({ payload }) => payload)).toEqual(['alone', 'first']);
  expect(entries[1]?.previous).toBe(entries[0]?.serial);
  await engine.close();
});

it('[EN61] appends that wait for a commit go in one batch when it is done, and are fed and answered after theirs', async () => {
  const held = heldStore();
  const { engine } = local(held.store);
  const sink = createRecordingSink();
  await engine.join(room, sink);
  const answered: number[] = [];
  const appends = [1, 2, 3].map((n) => engine.append(room, message(n)).then(() => answered.push(n)));
  await turn();
  expect(held.batches.map(({ writes }) => writes.length)).toEqual([1]);
  held.release();
  await turn();
  expect(held.batches.map(({ writes }) => writes.length)).toEqual([1, 2]);
  expect([sink.entries.length, answered]).toEqual([1, [1]]);
  held.release();
  await Promise.all(appends);
  expect([sink.entries.length, answered]).toEqual([3, [1, 2, 3]]);
  held.release();
  const closed = engine.close();
  await turn();
  held.release();
  await closed;
});

it('[EN57] a store that does not keep up makes further appends fail with 50004, those that wait are done', async () => {
  const held = heldStore();
  const { engine } = local(held.store, { maxWaiting: 2 });
  const taken = [1, 2, 3].map((n) => engine.append(room, message(n)));
  await expect(engine.append(room, message(4))).rejects.toMatchObject({ code: 50004 });
  held.release();
  await turn();
  held.release();
  expect((await Promise.all(taken)).map(({ outcome }) => outcome)).toEqual(Array(3).fill('appended'));
});

it('[EN58] what a sink throws is reported, and the others are told all the same', async () => {
  const { engine, reported } = local();
  const bug = new Error('bug of a sink');
  const broken = createRecordingSink({
    entry() {
      throw bug;
    },
  });
  const sound = createRecordingSink();
  await engine.join(room, broken);
  await engine.join(room, sound);
  expect((await engine.append(room, message(1))).outcome).toBe('appended');
  await engine.append(room, message(2));
  expect(sound.entries).toHaveLength(2);
  expect(reported).toEqual([bug, bug]);
  await engine.close();
});

it('[EN68] a draft that is none is rejected, and those around it are taken', async () => {
  const { engine, payloads } = local();
  const broken: Draft = {
    kind: 'message',
    get payload() {
      throw new Error('not a draft');
    },
  };
  const all = await Promise.allSettled([message(1), broken, message(2)].map((draft) => engine.append(room, draft)));
  expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  expect(await payloads()).toEqual([1, 2]);
  await engine.close();
});

it('[EN60] an engine whose store fails is not ready, and ready again when the store is', async () => {
  let full = true;
  const { engine } = local(failingStore(createMemoryStore(), () => full));
  expect(await engine.ready()).toBe(true);
  await expect(engine.append(room, message(1))).rejects.toMatchObject({ code: 50004 });
  expect(await engine.ready()).toBe(false);
  full = false;
  expect(await engine.ready()).toBe(true);
  await engine.close();
});

it('[EN60] a read that the store fails is rejected with 50004', async () => {
  const memory = createMemoryStore();
  const broken = () => Promise.reject(new Error('disk is gone'));
  const { engine } = local({ ...held(memory), read: broken });
  await engine.append(room, message(1));
  await expect(engine.read(room, whole)).rejects.toMatchObject({ code: 50004 });
  await engine.close();
});

function held(store: Store): Store {
  return {
    load: (epoch, recentFrom) => store.load(epoch, recentFrom),
    commit: (batch) => store.commit(batch),
    read: (channel, range) => store.read(channel, range),
    prune: (channel, before) => store.prune(channel, before),
    close: () => store.close(),
  };
}

it('[EN54] closing finishes what was called before, refuses what comes after and leaves no timer', async () => {
  const { engine, clock } = local(delayingStore(createMemoryStore(), random));
  await engine.lease('owner', 10_000);
  const appends = [1, 2, 3].map((n) => engine.append(room, message(n, setting(`k${n}`, 'owner'))));
  await appends[0];
  const closed = engine.close();
  await expect(engine.append(room, message(4))).rejects.toMatchObject({ code: 50004 });
  expect((await Promise.all(appends)).map(({ outcome }) => outcome)).toEqual(Array(3).fill('appended'));
  await closed;
  expect(clock.timers).toBe(0);
});

it('[EN54] an engine closed while its store is still loading ends too', async () => {
  const { engine, clock } = local({ ...held(createMemoryStore()), load: () => new Promise(() => {}) });
  const waiting = engine.append(room, message(1));
  const closed = engine.close();
  await expect(waiting).rejects.toMatchObject({ code: 50004 });
  await closed;
  expect(clock.timers).toBe(0);
});

it('[EN59] calls made before the store is loaded take effect in their order when it is', async () => {
  const { engine, payloads } = local(delayingStore(createMemoryStore(), random));
  const sink = createRecordingSink({
    entry({ payload }) {
      if (payload === 1) void engine.append(room, message('from the sink'));
    },
  });
  expect(await engine.ready()).toBe(false);
  const joined = engine.join(room, sink);
  await Promise.all([joined, ...[1, 2, 3].map((n) => engine.append(room, message(n)))]);
  expect((await payloads()).slice(0, 3)).toEqual([1, 2, 3]);
  expect(sink.entries[0]?.previous).toBe((await joined).position);
  expect(await engine.ready()).toBe(true);
  await engine.close();
  expect(sink.entries.map(({ payload }) => payload)).toEqual([1, 2, 3, 'from the sink']);
});

it('[EN59] if the store can not be loaded every call is rejected with 50004', async () => {
  const broken = () => Promise.reject(new Error('not a database'));
  const { engine, payloads } = local({ ...held(createMemoryStore()), load: broken });
  await expect(engine.append(room, message(1))).rejects.toMatchObject({ code: 50004 });
  await expect(payloads()).rejects.toMatchObject({ code: 50004 });
  expect(await engine.ready()).toBe(false);
  await engine.close();
});

it('[EN56] when every channel is forgotten no timer is left', async () => {
  const { engine, clock } = local(delayingStore(createMemoryStore(), random));
  const appends = [1, 2, 3].map((n) => engine.append(room, message(n, { id: `${n}` })));
  await Promise.all(appends);
  for (let i = 0; i < 10; i++) {
    clock.advance(60_000);
    for (let turns = 0; turns < 20; turns++) await turn();
  }
  expect(clock.timers).toBe(0);
  await engine.close();
});

it('[EN65] a sink that parts while another is being told is not told', async () => {
  const { engine } = local();
  const parting = createRecordingSink();
  const first = createRecordingSink({ entry: () => void engine.part(room, parting) });
  await engine.join(room, first);
  await engine.join(room, parting);
  await engine.append(room, message(1));
  expect([first.entries.length, parting.entries.length]).toEqual([1, 0]);
  await engine.close();
});

it('[EN66] a row whose lease is over is not shown even if the timer is late', async () => {
  const { engine, clock } = local();
  const sink = createRecordingSink();
  await engine.join(room, sink);
  await engine.append(room, message(1, setting('k', 'owner')));
  await engine.lease('owner', 10_000);
  clock.set(clock.now() + 10_000);
  expect((await engine.rows(room, 'rows')).rows).toEqual([]);
  expect(sink.lapses).toHaveLength(1);
  await engine.close();
});

it('[EN62] lapsed rows reach the store with the next batch, and again if that one fails', async () => {
  const batches: Batch[] = [];
  let full = false;
  const store = failingStore(createMemoryStore(), () => full);
  const commit = (batch: Batch) => {
    batches.push(batch);
    return store.commit(batch);
  };
  const { engine } = local({ ...held(store), commit });
  const appended = await engine.append(room, message(1, setting('k', 'owner')));
  const serial = appended.outcome === 'appended' ? appended.entry.serial : '';
  await engine.lease('owner', 0);
  full = true;
  await expect(engine.append(room, message(2))).rejects.toMatchObject({ code: 50004 });
  full = false;
  await engine.append(room, message(3));
  await engine.append(room, message(4));
  const lapse = { channel: room, table: 'rows', key: 'k', serial };
  expect(batches.map(({ lapses }) => lapses)).toEqual([[], [lapse], [lapse], []]);
  await engine.close();
});
