import { describe, expect, test } from 'vitest';
import { partOf, pointIn } from './anchor.ts';

const wide = { left: 100, top: 50, width: 400, height: 200 };
const narrow = { left: 10, top: 900, width: 200, height: 300 };

describe('anchor', () => {
  test('[DM7] a place in a card is the same place on a page of another size', () => {
    const place = partOf(wide, { x: 300, y: 100 });
    expect(place).toEqual({ x: 0.5, y: 0.25 });
    expect(pointIn(wide, place)).toEqual({ x: 300, y: 100 });
    expect(pointIn(narrow, place)).toEqual({ x: 110, y: 975 });
  });

  test('[DM3] a place outside stays within the box', () => {
    expect(pointIn(wide, { x: -9, y: 1e9 })).toEqual({ x: 100, y: 250 });
    expect(pointIn(wide, { x: Number.NaN, y: Number.POSITIVE_INFINITY })).toEqual({ x: 100, y: 50 });
    expect(partOf({ ...wide, width: 0 }, { x: 300, y: 100 })).toEqual({ x: 0, y: 0.25 });
  });
});
