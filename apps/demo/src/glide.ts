/** A place on the board, in CSS pixels. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** ms in which a cursor makes about two thirds of the way to where it should be. */
const timeConstantMs = 45;
/** Nearer than this is there. */
const nearPx = 0.25;

/** One animation step of a cursor towards its target: the same path at 60, 120 or a stumbling number of frames per second. */
export function glide(from: Point, to: Point, elapsedMs: number): Point {
  const left = Math.exp(-Math.max(0, elapsedMs) / timeConstantMs);
  const next = { x: to.x + (from.x - to.x) * left, y: to.y + (from.y - to.y) * left };
  return Math.hypot(next.x - to.x, next.y - to.y) < nearPx ? to : next;
}
