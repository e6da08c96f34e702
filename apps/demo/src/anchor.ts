/** A place on the page, in CSS pixels. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A box on the page, in CSS pixels of any one coordinate system. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** The whole board, where no card is under the pointer. */
export const boardAnchor = 'board';

/** Where in a box a point is, as parts of its width and height: it means the same place on a page of another size. */
export function partOf(box: Box, point: Point): Point {
  return { x: part(point.x - box.left, box.width), y: part(point.y - box.top, box.height) };
}

/** The point at that place of a box. Parts from elsewhere are kept within the box. */
export function pointIn(box: Box, place: Point): Point {
  return { x: box.left + clamp(place.x) * box.width, y: box.top + clamp(place.y) * box.height };
}

function part(offset: number, length: number): number {
  // Four digits are finer than a pixel, and shorter on the wire.
  return length > 0 ? Math.round(clamp(offset / length) * 10_000) / 10_000 : 0;
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, Number.isFinite(value) ? value : 0));
}
