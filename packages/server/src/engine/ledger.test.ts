import { formatSerial } from '@parvis/protocol';
import { seededRandom } from '@parvis/testing';
import { expect, it } from 'vitest';
import { Ledger } from './ledger.ts';

const serial = (ms: number) => formatSerial({ ms, seq: 0, epoch: 'e' });
const keptMs = 120_000;

interface Item {
  readonly time: number;
  readonly bytes: number;
}

const sumOf = (items: readonly Item[]) => items.reduce((sum, { bytes }) => sum + bytes, 0);
const after = (items: readonly Item[], bound: string) => items.filter(({ time }) => serial(time) > bound);

it('[EN108] a ledger counts what a plain list would, and little that should have gone already', () => {
  const random = seededRandom('ledger');
  const ledger = new Ledger(0);
  let items: Item[] = [];
  for (let now = 1, step = 0; step < 20_000; step++) {
    now += random.below(20) === 0 ? random.below(5_000) : 1 + random.below(30);
    const item = { time: now, bytes: 1 + random.below(random.below(10) === 0 ? 60_000 : 500) };
    ledger.add(serial(now), item.bytes, now, keptMs);
    items.push(item);
    if (random.below(40) === 0) {
      const bound = serial(now - keptMs);
      ledger.dropBefore(bound);
      const mustStay = sumOf(items.filter(({ time }) => serial(time) >= bound));
      expect(ledger.entries).toBeGreaterThanOrEqual(mustStay);
      expect(ledger.entries - mustStay).toBeLessThanOrEqual(ledger.entries / 8 + 60_000);
      while (sumOf(items) > ledger.entries) items.shift();
    }
    if (random.below(60) === 0) items = after(items, ledger.shift() ?? '');
    expect(ledger.entries).toBe(sumOf(items));
  }
});

it('[EN108] it holds a few hundred parts however many entries there are, the largest a sixteenth of all', () => {
  const ledger = new Ledger(0);
  for (let i = 0; i < 100_000; i++) ledger.add(serial(i), 100, 0, keptMs);
  const all = ledger.entries;
  let parts = 0;
  for (let before = all; ledger.shift() !== undefined; before = ledger.entries) {
    expect(before - ledger.entries).toBeLessThanOrEqual(all / 16 + 100);
    parts += 1;
  }
  expect([ledger.entries, parts > 16, parts < 300]).toEqual([0, true, true]);
});

it('[EN108] parts smaller than a grain close when their time is over', () => {
  const ledger = new Ledger(10_000);
  for (let now = 0; now < keptMs; now += 1_000) ledger.add(serial(now), 10, now, keptMs);
  ledger.dropBefore(serial(keptMs / 2));
  expect(ledger.entries).toBeGreaterThanOrEqual(600);
  expect(ledger.entries).toBeLessThanOrEqual(600 + 80);
});

it('[EN108] the newest part alone does not divide, and an emptied ledger is as a new one', () => {
  const ledger = new Ledger(100);
  ledger.add('a', 60, 0, keptMs);
  ledger.add('b', 60, 0, keptMs);
  expect(ledger.divides).toBe(false);
  ledger.add('c', 60, 0, keptMs);
  expect(ledger.divides).toBe(true);
  expect([ledger.shift(), ledger.shift(), ledger.shift()]).toEqual(['b', 'c', undefined]);
  ledger.add('d', 60, 0, keptMs);
  expect([ledger.entries, ledger.divides, ledger.shift()]).toEqual([60, false, 'd']);
});
