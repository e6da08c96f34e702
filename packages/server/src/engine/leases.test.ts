import { expect, it } from 'vitest';
import type { Row } from './engine.ts';
import { Leases } from './leases.ts';

const row = (key: string, owner?: string): Row => ({
  table: 'rows',
  key,
  value: 1,
  serial: '',
  time: 0,
  ...(owner === undefined ? {} : { owner }),
});

it('[EN67] nothing is remembered of an owner without lease and rows', () => {
  const leases = new Leases<string>();
  const [a, b] = [row('a', 'owner'), row('b', 'owner')];
  for (const one of [a, b, row('free')]) leases.add(one, 'room');
  expect(leases.size).toBe(1);
  leases.remove(a);
  leases.remove(undefined);
  expect(leases.size).toBe(1);
  leases.remove(b);
  expect(leases.size).toBe(0);
});

it('[EN67] a lapse is remembered for two minutes, and an owner with a lease that does not end for good', () => {
  const leases = new Leases<string>();
  leases.set('ends', 1_000);
  leases.set('held', 1_000);
  leases.set('held', Number.POSITIVE_INFINITY);
  expect(leases.next).toBe(1_000);
  leases.due(1_000);
  expect([leases.size, leases.isAlive('ends'), leases.next]).toEqual([2, false, 121_000]);
  leases.due(121_000);
  expect([leases.size, leases.isAlive('ends'), leases.next]).toEqual([1, true, Number.POSITIVE_INFINITY]);
});

it('[EN67] the rows of all owners that are due come together, by channel', () => {
  const leases = new Leases<string>();
  const rows = [row('a', 'one'), row('b', 'two'), row('c', 'two')] as const;
  leases.add(rows[0], 'room');
  leases.add(rows[1], 'room');
  leases.add(rows[2], 'hall');
  leases.set('one', 5);
  leases.set('two', 10);
  expect([...leases.due(4)]).toEqual([]);
  expect([...leases.due(10)]).toEqual([
    ['room', [rows[0], rows[1]]],
    ['hall', [rows[2]]],
  ]);
  expect([...leases.due(11)]).toEqual([]);
});

it('[EN67] an owner whose rows came and went is as one that never had any', () => {
  const leases = new Leases<string>();
  const first = row('a', 'owner');
  leases.set('owner', 1_000);
  leases.add(first, 'room');
  leases.remove(first);
  leases.remove(first);
  expect([leases.size, leases.isAlive('owner')]).toEqual([1, true]);
  const second = row('b', 'owner');
  leases.add(second, 'room');
  leases.remove(first);
  expect([...leases.due(1_000)]).toEqual([['room', [second]]]);
  leases.remove(second);
  expect([leases.size, leases.isAlive('owner')]).toEqual([1, false]);
});
