import { formatSerial } from '@parvis/protocol';
import { expect, it } from 'vitest';
import { startOf, storeRange } from './bounds.ts';

const serial = (ms: number, seq: number) => formatSerial({ ms, seq, epoch: 'e' });
const read = { direction: 'forwards', limit: 1 } as const;

it('[EN64] the start of a ms sorts before all its serials and after all of the ms before', () => {
  expect(startOf(1_000) < serial(1_000, 0)).toBe(true);
  expect(startOf(1_000) > serial(999, 999_999)).toBe(true);
  expect(startOf(999.5)).toBe(startOf(1_000));
  for (const ms of [0, -1, Number.NEGATIVE_INFINITY]) expect(startOf(ms)).toBe('');
});

it('[EN64] of several bounds the narrowest counts, and nothing goes below what is kept', () => {
  const [early, late] = [serial(10, 1), serial(20, 1)];
  expect(storeRange({ ...read, after: early, from: 15 }, '').after).toBe(startOf(15));
  expect(storeRange({ ...read, after: early, from: 5 }, '').after).toBe(early);
  expect(storeRange({ ...read, after: early }, startOf(12)).after).toBe(startOf(12));
  expect(storeRange({ ...read, before: late, to: 15 }, '').before).toBe(startOf(16));
  expect(storeRange({ ...read, before: early, upTo: late, to: 30 }, '').before).toBe(early);
  expect(storeRange(read, '')).not.toHaveProperty('before');
});

it('[EN64] times that no serial can hold are bounds all the same', () => {
  expect(storeRange({ ...read, to: -5 }, '').before).toBe('');
  expect(storeRange({ ...read, to: Number.MAX_SAFE_INTEGER }, '')).not.toHaveProperty('before');
  expect(storeRange({ ...read, from: Number.MAX_VALUE }, '').after > serial(2 ** 45, 0)).toBe(true);
});
