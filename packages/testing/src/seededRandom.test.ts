import { expect, it } from 'vitest';
import { seededRandom } from './seededRandom.ts';

const take = (count: number, next: () => number) => Array.from({ length: count }, next);

it('[EN81] one seed gives the same numbers again, another one others', () => {
  const first = take(20, seededRandom('first', 7).next);
  expect(take(20, seededRandom('again', 7).next)).toEqual(first);
  expect(take(20, seededRandom('other', 8).next)).not.toEqual(first);
});

it('[EN81] numbers below a bound reach all of them and nothing else', () => {
  const random = seededRandom('below', 11);
  const seen = new Set(take(1_000, () => random.below(7)));
  expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
});
