/** A position at a moment, ms. */
export interface Knot {
  readonly t: number;
  readonly x: number;
  readonly y: number;
}

type Axis = 'x' | 'y';

/** Units per ms from one position to the next. */
export const slope = (a: Knot, b: Knot, axis: Axis) => (b[axis] - a[axis]) / (b.t - a.t);

/** The slope in a knot between two others: between both, and 0 where the direction turns, so that nothing overshoots. */
function through(a: Knot, b: Knot, c: Knot, axis: Axis): number {
  const [before, after] = [slope(a, b, axis), slope(b, c, axis)];
  if (before * after <= 0) return 0;
  const [u, v] = [c.t - b.t + (c.t - a.t), b.t - a.t + (c.t - a.t)];
  return (u + v) / (u / before + v / after);
}

/**
 * Where a curve through the knots is at `t`, between knot `i` and the next: smooth, and never outside of what two
 * neighbours span.
 */
export function splineAt(knots: readonly Knot[], i: number, t: number): { x: number; y: number } {
  const [before, from, to, after] = [knots[i - 1], knots[i], knots[i + 1], knots[i + 2]];
  if (!from) return { x: 0, y: 0 };
  if (!to) return { x: from.x, y: from.y };
  const along = (axis: Axis) => {
    const straight = slope(from, to, axis);
    const start = before ? through(before, from, to, axis) : straight;
    const end = after ? through(from, to, after, axis) : straight;
    const h = to.t - from.t;
    const s = (t - from.t) / h;
    const rest = 1 - s;
    const ends = from[axis] * (1 + 2 * s) * rest * rest + to[axis] * s * s * (3 - 2 * s);
    return ends + h * (start * s * rest * rest - end * s * s * rest);
  };
  return { x: along('x'), y: along('y') };
}
