import { expect, it } from 'vitest';
import { createFakeClock } from './fakeClock.ts';

it('[EN80] a fake clock runs timers in the order of their time, each at its own time', () => {
  const clock = createFakeClock(1_000);
  const seen: [string, number][] = [];
  clock.after(20, () => seen.push(['late', clock.now()]));
  clock.after(10, () => {
    seen.push(['early', clock.now()]);
    clock.after(5, () => seen.push(['between', clock.now()]));
  });
  const cancel = clock.after(12, () => seen.push(['never', clock.now()]));
  cancel();
  clock.advance(30);
  expect(seen).toEqual([
    ['early', 1_010],
    ['between', 1_015],
    ['late', 1_020],
  ]);
  expect(clock.now()).toBe(1_030);
  expect(clock.timers).toBe(0);
});

it('[EN80] a fake clock whose time of day is set back still lets timers run', () => {
  const clock = createFakeClock(1_000_000);
  let ran = 0;
  clock.after(100, () => ran++);
  clock.set(5);
  expect(clock.now()).toBe(5);
  clock.advance(99);
  expect(ran).toBe(0);
  clock.advance(1);
  expect(ran).toBe(1);
  expect(clock.now()).toBe(105);
});
