import { expect, test } from 'vitest';
import { BoundedCache } from './boundedCache.ts';
import { RepeatGuard } from './repeatGuard.ts';

test('[AU104] a bounded cache keeps what was set or used of late, and never holds more than its limit', () => {
  const cache = new BoundedCache<number>(6);
  for (const [index, key] of ['a', 'b', 'c', 'd', 'e'].entries()) cache.set(key, index);
  expect(cache.get('a')).toBe(0);
  cache.set('f', 5);
  expect(['a', 'b', 'c', 'd', 'f'].map((key) => cache.get(key))).toEqual([0, undefined, undefined, 3, 5]);
  for (let index = 0; index < 1_000; index += 1) {
    cache.set(`k${index}`, index);
    expect(cache.size).toBeLessThanOrEqual(6);
    expect(cache.get(`k${index}`)).toBe(index);
  }
  expect(['k997', 'k998', 'k999'].map((key) => cache.get(key))).toEqual([997, 998, 999]);
  cache.set('k999', 1);
  expect(cache.get('k999')).toBe(1);
  cache.delete('k999');
  expect(cache.get('k999')).toBeUndefined();
});

test('[AU105] a repetition is excessive from one over the limit within a second on, and forgiven after it', () => {
  const guard = new RepeatGuard(3);
  expect([0, 10, 20, 30, 999].map((now) => guard.isExcessive('x', now))).toEqual([false, false, false, true, true]);
  expect(guard.isExcessive('y', 30)).toBe(false);
  expect(guard.isExcessive('x', 1_000)).toBe(false);
});
