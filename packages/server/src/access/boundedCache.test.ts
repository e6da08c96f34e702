import { expect, test } from 'vitest';
import { BoundedCache } from './boundedCache.ts';
import { RepeatGuard } from './repeatGuard.ts';

test('[AU104] a bounded cache forgets what was used least recently, and never holds more than its limit', () => {
  const cache = new BoundedCache<number>(3);
  for (const [index, key] of ['a', 'b', 'c'].entries()) cache.set(key, index);
  expect(cache.get('a')).toBe(0);
  cache.set('d', 3);
  expect(['a', 'b', 'c', 'd'].map((key) => cache.get(key))).toEqual([0, undefined, 2, 3]);
  for (let index = 0; index < 1_000; index += 1) cache.set(`k${index}`, index);
  expect(cache.size).toBe(3);
  cache.delete('k999');
  expect(cache.get('k999')).toBeUndefined();
});

test('[AU105] a repetition is excessive from one over the limit within a second on, and forgiven after it', () => {
  const guard = new RepeatGuard(3);
  expect([0, 10, 20, 30, 999].map((now) => guard.isExcessive('x', now))).toEqual([false, false, false, true, true]);
  expect(guard.isExcessive('y', 30)).toBe(false);
  expect(guard.isExcessive('x', 1_000)).toBe(false);
});
