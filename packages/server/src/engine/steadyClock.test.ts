import { createFakeClock } from '@parvis/testing';
import { expect, it } from 'vitest';
import { SteadyClock } from './steadyClock.ts';

it('[EN52] a steady clock stands still while the time of day is set back, and goes on by what its timers prove', () => {
  const clock = createFakeClock(1_000_000);
  const steady = new SteadyClock(clock);
  expect(steady.now()).toBe(1_000_000);
  clock.set(5);
  expect(steady.now()).toBe(1_000_000);
  const seen: number[] = [];
  steady.after(300, () => seen.push(steady.now()));
  clock.advance(300);
  expect(seen).toEqual([1_000_300]);
  clock.set(2_000_000);
  expect(steady.now()).toBe(2_000_000);
});

it('[EN52] a wait is cut to an hour, which timers can hold, and one that is past runs at once', () => {
  const clock = createFakeClock();
  const steady = new SteadyClock(clock);
  let ran = 0;
  steady.after(30 * 24 * 3_600_000, () => ran++);
  steady.after(-5, () => ran++);
  clock.advance(0);
  expect(ran).toBe(1);
  clock.advance(3_600_000);
  expect(ran).toBe(2);
});
