import { formatSerial } from '@parvis/protocol';
import { createFakeClock } from '@parvis/testing';
import { expect, it } from 'vitest';
import type { ChannelRef, Entry } from './engine.ts';
import { LocalChannels } from './localChannels.ts';
import { createMemoryStore } from './memory.ts';
import { SteadyClock } from './steadyClock.ts';
import type { Store } from './store.ts';
import { Sweeper } from './sweeper.ts';

const ref = (name: string, retentionMs = 120_000): ChannelRef => ({ app: 'app', name, retentionMs });
const anEntry: Entry = { serial: '', previous: '', kind: 'message', time: 0, payload: '' };

function house(store: Store = createMemoryStore()) {
  const clock = createFakeClock();
  const channels = new LocalChannels(store, new SteadyClock(clock), { maxBytes: 1e9, maxChannelBytes: 1e9 }, () => {});
  channels.load({ epoch: 'epoch', floor: '', channels: [] }, () => {});
  const open = (name: string, retentionMs?: number) => channels.open(ref(name, retentionMs), clock.now());
  return { clock, channels, open };
}

it('[EN56] a channel is forgotten when it was idle for the retention, and its timer goes with the last', () => {
  const { clock, channels, open } = house();
  open('short', 1_000);
  open('long', 600_000);
  clock.advance(120_000);
  expect(channels.get(ref('short'))).toBeDefined();
  clock.advance(10_000);
  expect(channels.get(ref('short'))).toBeUndefined();
  expect(channels.get(ref('long'))).toBeDefined();
  clock.advance(600_000);
  expect(channels.get(ref('long'))).toBeUndefined();
  expect(clock.timers).toBe(0);
});

it('[EN56] a channel with a listener, a row, or an append under way is not forgotten', () => {
  const { clock, channels, open } = house();
  const sink = { entry() {}, lapsed() {} };
  open('listened').listeners = [{ sink, joined: true }];
  open('row').rows.set({ table: 't', key: 'k', value: 1, serial: '', time: 0 });
  open('under way').underWay = 1;
  open('idle');
  clock.advance(3_600_000);
  const left = ['listened', 'row', 'under way', 'idle'].filter((name) => channels.get(ref(name)) !== undefined);
  expect(left).toEqual(['listened', 'row', 'under way']);
  channels.stop();
  expect(clock.timers).toBe(0);
});

it('[EN56] a channel whose last row is gone is forgotten', () => {
  const { clock, channels, open } = house();
  const { rows } = open('room');
  rows.set({ table: 't', key: 'k', value: 1, serial: '', time: 0 });
  clock.advance(600_000);
  expect(channels.get(ref('room'))).toBeDefined();
  rows.unset('t', 'k');
  clock.advance(1_000);
  expect(channels.get(ref('room'))).toBeUndefined();
});

it('[EN56] a channel is not forgotten before the store has dropped its entries', async () => {
  const store = createMemoryStore();
  let broken = true;
  const { clock, channels, open } = house({
    load: (epoch, recentFrom) => store.load(epoch, recentFrom),
    commit: (batch) => store.commit(batch),
    read: (channel, range) => store.read(channel, range),
    close: () => store.close(),
    prune(channel, before) {
      if (broken) throw new Error('disk is busy');
      return store.prune(channel, before);
    },
  });
  const serial = formatSerial(open('room').mint(clock.now()));
  await store.commit({
    lapses: [],
    writes: [{ channel: ref('room'), floor: '', rows: [], entry: { ...anEntry, serial } }],
  });
  open('room').stored = serial;
  const left = async () => {
    const page = await store.read(ref('room'), { after: '', keptFrom: '', direction: 'forwards', limit: 9 });
    return page.entries.length;
  };
  clock.advance(600_000);
  expect([channels.get(ref('room')) !== undefined, await left()]).toEqual([true, 1]);
  broken = false;
  clock.advance(600_000);
  expect([channels.get(ref('room')) !== undefined, await left()]).toEqual([false, 0]);
});

it('[EN56] a channel that comes again begins after every position it may have given before', () => {
  const { clock, channels, open } = house();
  clock.set(0);
  const { minted } = open('room');
  clock.advance(130_000);
  expect(channels.get(ref('room'))).toBeUndefined();
  const again = open('room').minted;
  expect(again.ms > minted.ms || (again.ms === minted.ms && again.seq > minted.seq)).toBe(true);
});

it('[EN10] ids are let go with the entries, and past a million of them the oldest go early', () => {
  const { clock, channels, open } = house();
  const channel = open('room');
  for (let i = 0; i < 1_000_001; i++) channel.remember(`${i}`, anEntry);
  expect(channel.ids.size).toBe(900_001);
  expect(channel.withId('100000')).toBe(anEntry);
  expect(channel.withId('99999')).toBeUndefined();
  clock.advance(10_000);
  expect(channel.ids.size).toBe(0);
  expect(channels.get(ref('room'))).toBe(channel);
});

it('[EN63] a sweeper comes round to everything, a few at a time, and stops when there is nothing', () => {
  const clock = createFakeClock();
  const things = new Set(Array.from({ length: 10_000 }, (_, i) => i));
  let visits: number[] = [];
  const sweeper = new Sweeper(clock, things, (thing) => visits.push(thing));
  sweeper.wake();
  sweeper.wake();
  expect(clock.timers).toBe(1);
  clock.advance(1_000);
  expect(visits).toHaveLength(625);
  clock.advance(15_000);
  expect(new Set(visits)).toEqual(things);
  visits = [];
  things.clear();
  clock.advance(5_000);
  expect(visits).toEqual([]);
  expect(clock.timers).toBe(0);
});
