import { describe, expect, it } from 'vitest';
import { NamedRates, Rate, rateOf } from './rate.ts';

describe('rates', () => {
  it('[CL1] so many are within the limit in each second, and a burst beyond it is not', () => {
    const rate = new Rate(3);
    expect([rate.take(2, 1_000), rate.take(1, 1_500), rate.take(1, 1_999), rate.take(3, 2_000)]).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });

  it('[CL1] less than one a second is one within the time that it takes', () => {
    const rate = new Rate(0.25);
    expect([8_000, 8_001, 11_999, 12_000].map((now) => rate.take(1, now))).toEqual([true, false, false, true]);
  });

  it('[CL1] a setting of 0 is no limit', () => {
    expect(rateOf(0).take(1_000_000, 0)).toBe(true);
  });

  it('[CL1] each name is counted by itself, and another limit counts anew', () => {
    const rates = new NamedRates(10);
    expect(rates.take('a', 1, 1, 0)).toBe(true);
    expect(rates.take('a', 1, 1, 1)).toBe(false);
    expect(rates.take('b', 1, 1, 1)).toBe(true);
    expect(rates.take('a', 2, 1, 1)).toBe(true);
  });

  it('[CL1] of thousands of names the last ones used are remembered', () => {
    const rates = new NamedRates(2);
    rates.take('a', 1, 1, 0);
    for (let n = 0; n < 10_000; n++) {
      rates.take(`other ${n}`, 1, 1, 0);
      expect(rates.take('a', 1, 1, 0)).toBe(false);
    }
    rates.take('x', 1, 1, 0);
    rates.take('y', 1, 1, 0);
    expect(rates.take('a', 1, 1, 0)).toBe(true);
  });
});
