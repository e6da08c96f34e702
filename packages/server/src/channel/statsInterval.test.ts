import { describe, expect, it } from 'vitest';
import { endOf, intervalAround, intervalOf, unitOf } from './statsInterval.ts';

describe('intervals of statistics', () => {
  const ms = Date.UTC(2025, 1, 3, 15, 4, 59, 999);

  it.each([
    ['minute', '2025-02-03:15:04'],
    ['hour', '2025-02-03:15'],
    ['day', '2025-02-03'],
    ['month', '2025-02'],
  ] as const)('[SA1] the %s of a time has the id %s', (unit, id) => {
    expect(intervalOf(ms, unit)).toBe(id);
    expect(intervalAround('2025-02-03:15:04', unit)).toBe(id);
    expect(unitOf(id)).toBe(unit);
  });

  it.each([
    '',
    '2025',
    '2025-13',
    '2025-02-30',
    '2025-02-03:24',
    '2025-02-03:15:60',
    '2025-02-03T15:04',
    '2025-02-03:15:04:00',
    '2025-2-3',
    '+25-02-03',
    '2025-02-03:1a',
  ])('[SA1] %j is the id of no interval', (id) => expect(unitOf(id)).toBeUndefined());

  it('[SA1] an interval ends after all within it and before the next', () => {
    expect(endOf('2025-02-03:15') > '2025-02-03:15:59 node').toBe(true);
    expect(endOf('2025-02-03:15') < '2025-02-03:16').toBe(true);
    expect(endOf('2025-02') < '2025-03-01').toBe(true);
  });
});
