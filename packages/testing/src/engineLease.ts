import type { Appended, Row } from 'parvis/engine';
import { expect, it } from 'vitest';
import type { EngineFixture } from './engineFixture.ts';
import { createRecordingSink, type RecordingSink } from './recordingSink.ts';
import { until } from './until.ts';

/** Rules of leases: who is alive, and what becomes of rows when somebody is not. */
export function leaseRules(on: EngineFixture): void {
  lengthRules(on);
  lapseRules(on);
  revivalRules(on);
}

const keysOf = (rows: readonly Row[]) => rows.map(({ key }) => key).toSorted();

async function lapseOf(sink: RecordingSink, count = 1): Promise<string[]> {
  await until('the lapse', () => sink.lapses.flat().length >= count);
  return keysOf(sink.lapses.flat());
}

function lengthRules(on: EngineFixture): void {
  it('[EN28] a lease tells whether there was a live one before', async () => {
    expect(await on.engine.lease('owner', 10_000)).toBe(false);
    expect(await on.engine.lease('owner', 10_000)).toBe(true);
    expect(await on.engine.lease('other', Number.POSITIVE_INFINITY)).toBe(false);
    expect(await on.engine.lease('other', 0)).toBe(true);
    expect(await on.engine.lease('other', 10_000)).toBe(false);
    await on.advance(11_000);
    expect(await on.engine.lease('owner', 10_000)).toBe(false);
  });

  it('[EN30] rows live as long as the lease that was set last', async () => {
    const channel = on.channel();
    await on.set(channel, 'renewed', 'renewed');
    await on.set(channel, 'held', 'held');
    await on.set(channel, 'shortened', 'shortened');
    await on.engine.lease('renewed', 10_000);
    await on.engine.lease('held', 10_000);
    await on.engine.lease('shortened', 60_000);
    await on.advance(6_000);
    await on.engine.lease('renewed', 10_000);
    await on.engine.lease('held', Number.POSITIVE_INFINITY);
    await on.engine.lease('shortened', 1_000);
    await on.advance(6_000);
    expect(await on.keys(channel)).toEqual(['held', 'renewed']);
    await on.advance(6_000);
    expect(await on.keys(channel)).toEqual(['held']);
    await on.advance(2 * 24 * 3_600_000);
    expect(await on.keys(channel)).toEqual(['held']);
  });

  it('[EN34] an owner without a lease is alive, and a row without an owner never lapses', async () => {
    const channel = on.channel();
    await on.set(channel, 'owned', 'owner');
    await on.set(channel, 'free');
    await on.advance(3_600_000);
    expect(await on.keys(channel)).toEqual(['free', 'owned']);
  });
}

function lapseRules(on: EngineFixture): void {
  it('[EN29] when a lease ends its rows are gone, and every joined sink is told once which', async () => {
    const channel = on.channel();
    const sinks = [await on.join(channel), await on.join(channel)];
    const { serial } = await on.set(channel, 'a', 'owner');
    await on.set(channel, 'b', 'owner');
    await on.set(channel, 'c', 'other');
    await on.engine.lease('owner', 10_000);
    await on.engine.lease('other', 60_000);
    await on.advance(9_000);
    expect(await on.keys(channel)).toEqual(['a', 'b', 'c']);
    await on.advance(2_000);
    expect(await on.keys(channel)).toEqual(['c']);
    for (const sink of sinks) expect(await lapseOf(sink, 2)).toEqual(['a', 'b']);
    expect(sinks[0]?.lapses.flat()).toContainEqual(expect.objectContaining({ key: 'a', owner: 'owner', serial }));
    await on.advance(10_000);
    await on.settle(channel, ...sinks);
    for (const sink of sinks) expect(keysOf(sink.lapses.flat())).toEqual(['a', 'b']);
    expect(keysOf((await on.join(channel)).rows)).toEqual(['c']);
  });

  it('[EN31] a lease of zero ends at once', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    await on.set(channel, 'k', 'owner');
    await on.engine.lease('owner', Number.POSITIVE_INFINITY);
    await on.engine.lease('owner', 0);
    expect(await on.keys(channel)).toEqual([]);
    expect(await lapseOf(sink)).toEqual(['k']);
  });

  it('[EN32] a row that lapses while nobody has joined is not told to who joins later', async () => {
    const channel = on.channel();
    await on.set(channel, 'k', 'owner');
    await on.engine.lease('owner', 1_000);
    await on.advance(2_000);
    const sink = await on.join(channel);
    expect(sink.rows).toEqual([]);
    await on.settle(channel, sink);
    expect(sink.lapses).toEqual([]);
  });

  it('[EN36] a row that was set for another owner lives by that one, an unset one by none', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    await on.set(channel, 'moved', 'old');
    await on.set(channel, 'moved', 'new');
    await on.set(channel, 'unset', 'old');
    await on.append(channel, { rows: [{ table: 'rows', key: 'unset' }] });
    await on.engine.lease('old', 0);
    await on.settle(channel, sink);
    expect(await on.keys(channel)).toEqual(['moved']);
    expect(sink.lapses).toEqual([]);
    await on.engine.lease('new', 0);
    expect(await lapseOf(sink)).toEqual(['moved']);
  });

  it('[EN40] the rows of one owner lapse in all its channels, each told where it is', async () => {
    const channels = [on.channel(), on.channel()];
    const sinks = await Promise.all(channels.map((channel) => on.join(channel)));
    await Promise.all(channels.map((channel, i) => on.set(channel, `k${i}`, 'owner')));
    await on.engine.lease('owner', 0);
    for (const [i, sink] of sinks.entries()) expect(await lapseOf(sink)).toEqual([`k${i}`]);
  });

  it('[EN37] a leave that a sink appends when told of a lapse happens once, and after the lapse for all', async () => {
    const channel = on.channel();
    const leaves: Promise<Appended>[] = [];
    const leave = ([row]: Row[]) => {
      const absent = { table: 'rows', key: row?.key ?? '', serial: null };
      const draft = { kind: 'presence' as const, id: `leave ${row?.serial}`, payload: 'leave', expect: [absent] };
      leaves.push(on.engine.append(channel, draft));
    };
    const sinks = [createRecordingSink({ lapsed: leave }), createRecordingSink({ lapsed: leave })];
    for (const sink of sinks) await on.join(channel, sink);
    await on.set(channel, 'k', 'owner');
    await on.engine.lease('owner', 0);
    await until('both leaves', () => leaves.length === 2);
    expect((await Promise.all(leaves)).map(({ outcome }) => outcome).toSorted()).toEqual(['appended', 'duplicate']);
    await on.settle(channel, ...sinks);
    for (const sink of sinks) expect(sink.told.slice(1)).toEqual(['lapsed k', sink.entries[1]?.serial]);
  });
}

function revivalRules(on: EngineFixture): void {
  it('[EN33] a lease after the lapse brings nothing back; an append that sets the row again does', async () => {
    const channel = on.channel();
    await on.set(channel, 'k', 'owner');
    await on.engine.lease('owner', 0);
    await on.engine.lease('owner', 10_000);
    expect(await on.keys(channel)).toEqual([]);
    const { serial } = await on.set(channel, 'k', 'owner');
    expect(await on.row(channel, 'k')).toMatchObject({ serial });
  });

  it('[EN13] null expects a lapsed row as it expects none', async () => {
    const channel = on.channel();
    const { serial } = await on.set(channel, 'k', 'owner');
    await on.engine.lease('owner', 1_000);
    const expecting = (expected: string | null) =>
      on.engine.append(channel, {
        kind: 'message',
        payload: '',
        expect: [{ table: 'rows', key: 'k', serial: expected }],
      });
    expect((await expecting(null)).outcome).toBe('refused');
    await on.advance(2_000);
    expect(await expecting(serial)).toEqual({ outcome: 'refused', rows: [undefined] });
    expect((await expecting(null)).outcome).toBe('appended');
  });

  it('[EN35] a row set for an owner whose lease has just lapsed lapses at once, after its entry was fed', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    await on.engine.lease('owner', 1_000);
    await on.advance(2_000);
    const entry = await on.set(channel, 'k', 'owner');
    expect(await on.keys(channel)).toEqual([]);
    expect(await lapseOf(sink)).toEqual(['k']);
    expect(sink.told).toEqual([entry.serial, 'lapsed k']);
  });

  it('[EN35] an append that was called before the lease was ended leaves no row behind', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    const set = on.set(channel, 'k', 'owner');
    await on.engine.lease('owner', 0);
    const entry = await set;
    expect(await on.keys(channel)).toEqual([]);
    expect(await lapseOf(sink)).toEqual(['k']);
    expect(sink.told).toEqual([entry.serial, 'lapsed k']);
    await on.advance(3_600_000);
    expect(await on.keys(channel)).toEqual([]);
  });
}
