import type { ChannelRef, Entry } from 'parvis/engine';
import { describe, expect, it } from 'vitest';
import { EngineFixture, type EngineUnderTest, serialsOf } from './engineFixture.ts';

/** Memory an engine may take, in bytes: in all, and for one channel. */
export interface EngineBudget {
  readonly maxBytes: number;
  readonly maxChannelBytes: number;
}

const KiB = 1_024;
const MiB = 1_024 * KiB;
const budget: EngineBudget = { maxBytes: 16 * MiB, maxChannelBytes: MiB };

/** What an engine that keeps its log in memory does when that is full. `create` gives one with these bounds. */
export function describeEngineBudget(
  name: string,
  create: (limits: EngineBudget) => EngineUnderTest | Promise<EngineUnderTest>,
): void {
  describe(`engine ${name}, out of memory`, () => {
    const on = new EngineFixture(() => create(budget));
    shareRules(on);
    totalRules(on);
  });
}

/** Appends an entry whose payload takes this many bytes. */
function push(on: EngineFixture, channel: ChannelRef, bytes: number, id?: string): Promise<Entry> {
  return on.append(channel, { payload: { text: 'x'.repeat(bytes) }, ...(id === undefined ? {} : { id }) });
}

async function fill(on: EngineFixture, channel: ChannelRef, count: number, bytes: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) entries.push(await push(on, channel, bytes, `id ${i}`));
  return entries;
}

/** Bytes of the payloads that `push` made. */
const sizeOf = (entries: readonly Entry[]) =>
  entries.reduce((sum, { payload }) => sum + (payload as { text: string }).text.length, 0);

/** Expects each position to tell truly whether all that came after it is there. */
async function expectHonest(on: EngineFixture, channel: ChannelRef, begin: string, all: readonly Entry[]) {
  const kept = await on.serials(channel);
  const gone = all.length - kept.length;
  expect(kept).toEqual(serialsOf(all.slice(gone)));
  for (const [index, after] of [begin, ...serialsOf(all)].entries()) {
    const page = await on.read(channel, { after });
    expect(page.continuity).toBe(index < gone ? 'expired' : 'kept');
    expect(serialsOf(page.entries)).toEqual(kept.slice(Math.max(index - gone, 0)));
  }
  return gone;
}

function shareRules(on: EngineFixture): void {
  it('[EN100] a channel over its share loses its oldest entries, and positions before what is left are expired', async () => {
    const channel = on.channel();
    const { position } = await on.join(channel);
    const entries = await fill(on, channel, 100, 30 * KiB);
    await expectHonest(on, channel, position, entries);
    const kept = sizeOf((await on.read(channel)).entries);
    expect(kept).toBeLessThanOrEqual(budget.maxChannelBytes);
    expect(kept).toBeGreaterThan(budget.maxChannelBytes * 0.85);
  });

  it('[EN100] a channel within its share loses nothing', async () => {
    const channel = on.channel();
    const { position } = await on.join(channel);
    expect(await expectHonest(on, channel, position, await fill(on, channel, 50, 10 * KiB))).toBe(0);
  });

  it('[EN101] an entry that was acknowledged is shown by a read, though it is larger than the share', async () => {
    const [channel, other] = [on.channel(), on.channel()];
    await fill(on, channel, 5, KiB);
    await fill(on, other, 5, KiB);
    const large = await push(on, channel, 3 * MiB);
    expect((await on.serials(channel)).at(-1)).toBe(large.serial);
    const tooLarge = await push(on, other, 20 * MiB);
    expect((await on.serials(other)).at(-1)).toBe(tooLarge.serial);
    expect(await on.serials(channel)).toEqual([]);
  });

  it('[EN102] an id is recognised as long as its entry is kept', async () => {
    const channel = on.channel();
    const entries = await fill(on, channel, 100, 30 * KiB);
    const kept = (await on.read(channel)).entries;
    for (const entry of kept) {
      const again = await on.engine.append(channel, { kind: 'message', payload: '', id: entry.id ?? '' });
      expect(again).toEqual({ outcome: 'duplicate', entry });
    }
    expect(await on.serials(channel)).toEqual(serialsOf(entries.slice(-kept.length)));
  });

  it('[EN103] large rows leave less to the log of their channel, and stay', async () => {
    const channel = on.channel();
    await on.set(channel, 'large', 'owner', 'x'.repeat(600 * KiB));
    await fill(on, channel, 100, 30 * KiB);
    const kept = sizeOf((await on.read(channel)).entries);
    expect(kept).toBeLessThanOrEqual(budget.maxChannelBytes - 600 * KiB);
    expect(kept).toBeGreaterThan(200 * KiB);
    expect(await on.keys(channel)).toEqual(['large']);
    await on.engine.lease('owner', 0);
    for (let i = 0; i < 100; i++) await push(on, channel, 30 * KiB);
    expect(sizeOf((await on.read(channel)).entries)).toBeGreaterThan(budget.maxChannelBytes * 0.85);
  });
}

function totalRules(on: EngineFixture): void {
  it('[EN104] 200 channels flooded with 64 KiB take no more than there is, each tells, and a quiet one keeps all', async () => {
    const quiet = on.channel();
    const begin = (await on.join(quiet)).position;
    const hot = Array.from({ length: 200 }, () => on.channel());
    const positions = await Promise.all(hot.map(async (channel) => (await on.join(channel)).position));
    const flood: Entry[][] = hot.map(() => []);
    const calm: Entry[] = [];
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 5; i++) calm.push(await push(on, quiet, 100, `calm ${round}.${i}`));
      for (const [i, channel] of hot.entries()) flood[i]?.push(await push(on, channel, 64 * KiB, `id ${round}`));
    }
    const keptBytes = await Promise.all(hot.map(async (channel) => sizeOf((await on.read(channel)).entries)));
    const total = keptBytes.reduce((sum, bytes) => sum + bytes, 0);
    expect(total).toBeLessThanOrEqual(budget.maxBytes);
    expect(total).toBeGreaterThan(budget.maxBytes * 0.9);
    expect(Math.min(...keptBytes)).toBeGreaterThan(0);
    for (const [i, channel] of hot.entries()) {
      const gone = await expectHonest(on, channel, positions[i] ?? '', flood[i] ?? []);
      expect(gone).toBeGreaterThan(0);
    }
    expect(await expectHonest(on, quiet, begin, calm)).toBe(0);
    const again = await on.engine.append(quiet, { kind: 'message', payload: '', id: 'calm 0.0' });
    expect(again.outcome).toBe('duplicate');
  });

  it('[EN104] the channel that holds most makes room for all others', async () => {
    const steady = Array.from({ length: 30 }, () => on.channel());
    const filled = await Promise.all(steady.map((channel) => fill(on, channel, 8, 60 * KiB)));
    const hot = on.channel();
    const { position } = await on.join(hot);
    const entries = await fill(on, hot, 200, 20 * KiB);
    expect(await expectHonest(on, hot, position, entries)).toBeGreaterThan(100);
    for (const [i, channel] of steady.entries()) expect(await on.serials(channel)).toEqual(serialsOf(filled[i] ?? []));
  });

  it('[EN105] a channel that lost all its entries to others goes on from where it was', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    const lost = await push(on, channel, 40 * KiB, 'id');
    const others = Array.from({ length: 500 }, () => on.channel());
    for (const other of others) await push(on, other, 33 * KiB);
    expect(await on.serials(channel)).toEqual([]);
    const after = async (serial: string) => (await on.read(channel, { after: serial })).continuity;
    expect(await after(sink.position)).toBe('expired');
    expect(await after(lost.serial)).toBe('kept');
    const next = await push(on, channel, KiB);
    expect(next.previous).toBe(lost.serial);
    expect(await after(sink.position)).toBe('expired');
    expect(await on.read(channel, { after: lost.serial })).toMatchObject({ entries: [next], continuity: 'kept' });
    expect(serialsOf(sink.entries)).toEqual([lost.serial, next.serial]);
  });

  it('[EN106] what is older than the retention makes no room go elsewhere', async () => {
    const old = Array.from({ length: 15 }, () => on.channel());
    await Promise.all(old.map((channel) => fill(on, channel, 14, 60 * KiB)));
    for (let i = 0; i < 20; i++) await on.advance(10_000);
    const young = Array.from({ length: 15 }, () => on.channel());
    for (const channel of young) await fill(on, channel, 14, 60 * KiB);
    for (const channel of young) expect(await on.serials(channel)).toHaveLength(14);
  });
}
