import { describe, expect, test } from 'vitest';
import { glide, type Point } from './glide.ts';

const start = { x: 0, y: 100 };
const target = { x: 200, y: 0 };

describe('glide', () => {
  test('[DM6] a cursor nears its target with every frame and arrives', () => {
    let at: Point = start;
    let distance = Number.POSITIVE_INFINITY;
    for (let frame = 0; at !== target; frame++) {
      expect(frame).toBeLessThan(60);
      at = glide(at, target, 16);
      const left = Math.hypot(at.x - target.x, at.y - target.y);
      expect(left).toBeLessThan(distance);
      distance = left;
    }
  });

  test('[DM6] the path does not depend on the frame rate', () => {
    const once = glide(start, target, 32);
    const twice = glide(glide(start, target, 16), target, 16);
    expect(twice.x).toBeCloseTo(once.x, 6);
    expect(twice.y).toBeCloseTo(once.y, 6);
  });

  test('[DM6] a clock that stands still or jumps is survived', () => {
    expect(glide(start, target, 0)).toEqual(start);
    expect(glide(start, target, -5)).toEqual(start);
    expect(glide(start, target, 60_000)).toBe(target);
  });
});
