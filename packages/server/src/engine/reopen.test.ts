import { createDurableStore, createFakeClock, createRecordingSink, seededRandom } from '@parvis/testing';
import { expect, it } from 'vitest';
import type { ChannelRef, Draft, Engine } from './engine.ts';
import { createLocalEngine } from './local.ts';

const room: ChannelRef = { app: 'app', name: 'room', retentionMs: 120_000 };
const whole = { direction: 'forwards', limit: 1_000 } as const;
const draft = (payload: unknown, more: Partial<Draft> = {}): Draft => ({ kind: 'message', payload, ...more });
const owned = (key: string, owner: string) => ({ rows: [{ table: 'rows', key, value: 1, owner }] });
const random = seededRandom('reopened engine');

/** One store on which engines live after each other. */
function house() {
  const clock = createFakeClock();
  const durable = createDurableStore();
  let engine: Engine | undefined;
  return {
    clock,
    async start(): Promise<Engine> {
      await engine?.close();
      engine = createLocalEngine({ store: durable.open(), clock, random: random.next });
      return engine;
    },
  };
}

it('[EN55] an engine over a store that was used before goes on in the same log', async () => {
  const { start, clock } = house();
  const before = await start();
  const sink = createRecordingSink();
  const { position } = await before.join(room, sink);
  await before.append(room, draft(1));
  await before.append(room, draft('passing', { ephemeral: true }));
  const last = sink.entries.at(-1)?.serial ?? '';
  clock.advance(5_000);
  const after = await start();
  const again = createRecordingSink();
  const joined = await after.join(room, again);
  expect(joined.position).toBe(sink.entries[0]?.serial);
  await after.append(room, draft(2));
  expect(again.entries[0]?.previous).toBe(joined.position);
  expect(again.entries[0] !== undefined && again.entries[0].serial > last).toBe(true);
  for (const [from, payloads] of [
    [position, [1, 2]],
    [last, [2]],
  ] as const) {
    const page = await after.read(room, { ...whole, after: from });
    expect(page.continuity).toBe('kept');
    expect(page.entries.map(({ payload }) => payload)).toEqual(payloads);
  }
  await after.close();
});

it('[EN55] what was dropped before is known to be gone, in channels that came back and in those that did not', async () => {
  const { start, clock } = house();
  const quiet = { ...room, name: 'quiet' };
  const before = await start();
  const [mine, other] = await Promise.all([
    before.join(room, createRecordingSink()),
    before.join(quiet, createRecordingSink()),
  ]);
  await before.append(quiet, draft('dropped'));
  await before.append(room, draft('dropped'));
  clock.advance(200_000);
  await before.append(room, draft('kept'));
  const after = await start();
  const continuity = async (channel: ChannelRef, from: string) =>
    (await after.read(channel, { ...whole, after: from })).continuity;
  expect(await continuity(room, mine.position)).toBe('expired');
  expect(await continuity(quiet, other.position)).toBe('expired');
  const { position } = await after.join(quiet, createRecordingSink());
  expect(await continuity(quiet, position)).toBe('kept');
  await after.close();
});

it('[EN55] rows come back, and their owners live on for a while in which a lease keeps them', async () => {
  const { start, clock } = house();
  const before = await start();
  await before.append(room, draft(1, owned('stays', 'a')));
  await before.append(room, draft(2, owned('goes', 'b')));
  await before.append(room, draft(3, owned('lapsed', 'c')));
  await before.lease('c', 0);
  const after = await start();
  const sink = createRecordingSink();
  const { rows } = await after.join(room, sink);
  expect(rows.map(({ key }) => key).toSorted()).toEqual(['goes', 'stays']);
  expect(await after.lease('a', Number.POSITIVE_INFINITY)).toBe(true);
  clock.advance(15_000);
  expect((await after.rows(room, 'rows')).rows.map(({ key }) => key)).toEqual(['stays']);
  expect(sink.lapses.flat().map(({ key }) => key)).toEqual(['goes']);
  await after.close();
});

it('[EN55] a retry by id is recognised across the restart', async () => {
  const { start, clock } = house();
  const before = await start();
  const short = { ...room, retentionMs: 1_000 };
  const first = await before.append(short, draft('first', { id: 'id' }));
  clock.advance(119_000);
  const after = await start();
  const again = await after.append(short, draft('second', { id: 'id' }));
  expect(again).toEqual({ outcome: 'duplicate', entry: first.outcome === 'appended' ? first.entry : undefined });
  await after.close();
});

it('[MU2] a row about an entry comes back with it and needs no lease, and the store forgets it when the entry goes', async () => {
  const { start, clock } = house();
  const before = await start();
  const first = await before.append(room, draft(1));
  const about = first.outcome === 'appended' ? first.entry.serial : '';
  await before.append(room, draft(2, { rows: [{ table: 'rows', key: 'k', value: 'v', about }] }));
  const after = await start();
  clock.advance(60_000);
  expect((await after.rows(room, 'rows')).rows).toMatchObject([{ key: 'k', value: 'v', about }]);
  clock.advance(90_000);
  expect((await after.rows(room, 'rows')).rows).toEqual([]);
  const third = await start();
  expect((await third.join(room, createRecordingSink())).rows).toEqual([]);
  await third.close();
});
