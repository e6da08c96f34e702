import { createDurableStore, createFakeClock, createRecordingSink, seededRandom, turn } from '@parvis/testing';
import { expect, it } from 'vitest';
import type { ChannelRef, Draft } from './engine.ts';
import { createLocalEngine } from './local.ts';
import { createMemoryStore } from './memory.ts';
import type { Store } from './store.ts';

const room: ChannelRef = { app: 'app', name: 'room', retentionMs: 120_000 };
const hall: ChannelRef = { ...room, name: 'hall' };
const whole = { direction: 'forwards', limit: 10_000 } as const;
const message = (payload: unknown, more: Partial<Draft> = {}): Draft => ({ kind: 'message', payload, ...more });
const large = (n: number, more: Partial<Draft> = {}) => message('x'.repeat(10_000), { id: `id ${n}`, ...more });
const random = seededRandom('memory limits');

/** An engine in which a channel may hold nine large messages, and all together eighteen. */
function little(store: Store = createMemoryStore(), maxBytes = 200_000) {
  const clock = createFakeClock();
  const engine = createLocalEngine({ store, clock, random: random.next, maxBytes, maxChannelBytes: 100_000 });
  return { engine, clock };
}

function passing(store: Store): Store {
  return {
    inMemory: store.inMemory ?? false,
    load: (epoch, recentFrom) => store.load(epoch, recentFrom),
    commit: (batch) => store.commit(batch),
    read: (channel, range) => store.read(channel, range),
    prune: (channel, before) => store.prune(channel, before),
    close: () => store.close(),
  };
}

/** Entries of the room that a memory store has. */
function heldBy(memory: Store): number {
  const page = memory.read(room, { after: '', keptFrom: '', direction: 'forwards', limit: 99 });
  if (page instanceof Promise) throw new Error('a memory store answers at once');
  return page.entries.length;
}

it('[EN111] an id goes with its entry, for as long as it is known so is all that was published', async () => {
  const { engine } = little();
  for (let n = 0; n < 50; n++) await engine.append(room, large(n));
  expect((await engine.append(room, large(49))).outcome).toBe('duplicate');
  expect((await engine.append(room, large(0))).outcome).toBe('appended');
  await engine.close();
});

it('[EN111] entries that are remembered by their id alone count as well', async () => {
  const { engine } = little();
  for (let n = 0; n < 50; n++) await engine.append(room, large(n, { ephemeral: true }));
  for (let n = 0; n < 5; n++) await engine.append(hall, large(n));
  expect((await engine.append(room, large(49, { ephemeral: true }))).outcome).toBe('duplicate');
  expect((await engine.append(room, large(0, { ephemeral: true }))).outcome).toBe('appended');
  expect((await engine.read(hall, whole)).entries).toHaveLength(5);
  await engine.close();
});

it('[EN112] a store that does not keep its entries in memory keeps all, and ids alone go early', async () => {
  const durable = createDurableStore();
  const { engine, clock } = little(durable.open());
  const sink = createRecordingSink();
  const { position } = await engine.join(room, sink);
  for (let n = 0; n < 50; n++) await engine.append(room, large(n));
  const page = await engine.read(room, { ...whole, after: position });
  expect([page.entries.length, page.continuity]).toEqual([50, 'kept']);
  expect((await engine.append(room, large(49))).outcome).toBe('duplicate');
  expect((await engine.append(room, large(0))).outcome).toBe('appended');
  await engine.close();
  const again = createLocalEngine({ store: durable.open(), clock, random: random.next, maxChannelBytes: 100_000 });
  expect((await again.append(room, large(0))).outcome).toBe('duplicate');
  expect((await again.append(room, large(1))).outcome).toBe('appended');
  await again.close();
});

it('[EN113] what has gone early stays gone though the store cannot drop it, and is dropped when it can', async () => {
  const memory = createMemoryStore();
  let broken = true;
  const prune: Store['prune'] = (channel, before) => {
    if (broken) throw new Error('disk is busy');
    return memory.prune(channel, before);
  };
  const { engine, clock } = little({ ...passing(memory), prune });
  const { position } = await engine.join(room, createRecordingSink());
  for (let n = 0; n < 50; n++) await engine.append(room, large(n));
  const page = async () => await engine.read(room, { ...whole, after: position });
  const before = await page();
  expect([before.entries.length < 10, before.continuity, heldBy(memory)]).toEqual([true, 'expired', 50]);
  broken = false;
  clock.advance(60_000);
  expect(await page()).toEqual(before);
  expect(heldBy(memory)).toBe(before.entries.length);
  await engine.close();
});

it('[EN113] what goes early while a store is dropping is dropped when it is done', async () => {
  const memory = createMemoryStore();
  const pruned: (() => void)[] = [];
  const { engine } = little({
    ...passing(memory),
    async prune(channel, before) {
      await new Promise<void>((resolve) => pruned.push(resolve));
      return memory.prune(channel, before);
    },
  });
  for (let n = 0; n < 50; n++) await engine.append(room, large(n));
  expect(pruned).toHaveLength(1);
  pruned[0]?.();
  await turn();
  expect(pruned).toHaveLength(2);
  pruned[1]?.();
  await turn();
  expect(heldBy(memory)).toBe((await engine.read(room, whole)).entries.length);
  await engine.close();
});

it('[EN113] a channel that is forgotten leaves its room to others', async () => {
  const { engine, clock } = little();
  const halls = Array.from({ length: 15 }, (_, n) => ({ ...room, name: `hall ${n}` }));
  for (const channel of halls) await engine.append(channel, large(0, { ephemeral: true }));
  clock.advance(1_500);
  for (const channel of halls) await engine.append(channel, large(1, { ephemeral: true }));
  clock.advance(300_000);
  expect(clock.timers).toBe(0);
  for (const channel of [room, hall]) for (let n = 0; n < 9; n++) await engine.append(channel, large(n));
  for (const channel of [room, hall]) expect((await engine.read(channel, whole)).entries).toHaveLength(9);
  await engine.close();
});

it('[EN113] a channel that lost all its entries early is forgotten in time, and so is what it held', async () => {
  const { engine, clock } = little(createMemoryStore(), 90_000);
  await engine.append(room, large(0));
  for (let n = 0; n < 50; n++) await engine.append(hall, large(n, n === 49 ? { payload: 'x'.repeat(85_000) } : {}));
  expect((await engine.read(room, whole)).entries).toEqual([]);
  clock.advance(300_000);
  expect(clock.timers).toBe(0);
  for (let n = 0; n < 8; n++) await engine.append(room, large(n));
  expect((await engine.read(room, whole)).entries).toHaveLength(8);
  await engine.close();
});

it('[EN114] a draft whose payload has no end is refused with 40013, and those around it are taken', async () => {
  const { engine } = little();
  const endless: unknown[] = [];
  endless.push(endless);
  const all = await Promise.allSettled([1, endless, 2].map((payload) => engine.append(room, message(payload))));
  expect(all).toMatchObject([{ status: 'fulfilled' }, { reason: { code: 40013 } }, { status: 'fulfilled' }]);
  expect((await engine.read(room, whole)).entries.map(({ payload }) => payload)).toEqual([1, 2]);
  await engine.close();
});

it('[MU2] rows about entries that had to make room go with them, and so never fill a channel for good', async () => {
  const { engine } = little();
  const abouts: string[] = [];
  for (let n = 0; n < 50; n++) {
    const appended = await engine.append(room, message('original'));
    const about = appended.outcome === 'appended' ? appended.entry.serial : '';
    abouts.push(about);
    await engine.append(
      room,
      message('change', { rows: [{ table: 'rows', key: about, value: 'x'.repeat(5_000), about }] }),
    );
  }
  const { entries } = await engine.read(room, whole);
  const { rows } = await engine.rows(room, 'rows');
  expect(rows.length).toBeGreaterThan(0);
  expect(rows.length).toBeLessThan(25);
  const oldest = entries[0]?.serial ?? '';
  expect(rows.map(({ key }) => key)).toEqual(abouts.filter((about) => about >= oldest));
  await engine.close();
});
