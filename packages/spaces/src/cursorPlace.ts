import type { CursorPosition } from './types.ts';

/** A box in CSS pixels; what `getBoundingClientRect` gives. */
export interface PlaceBox {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A part of a page, as far as places in it need it; an element fits. */
export interface PlaceElement {
  getBoundingClientRect(): PlaceBox;
  readonly clientLeft: number;
  readonly clientTop: number;
  readonly clientWidth: number;
  readonly clientHeight: number;
  readonly scrollLeft: number;
  readonly scrollTop: number;
  readonly scrollWidth: number;
  readonly scrollHeight: number;
}

/**
 * The content of an element, what is scrolled out of sight included, as a box in the viewport: a transform of the element
 * is taken into account.
 */
export function contentBox(element: PlaceElement): PlaceBox {
  const { left, top, width, height } = element.getBoundingClientRect();
  const { clientLeft, clientTop, clientWidth, clientHeight } = element;
  // How much a transform stretches: borders are as wide on both sides here.
  const across = width / (clientWidth + 2 * clientLeft) || 1;
  const down = height / (clientHeight + 2 * clientTop) || 1;
  return {
    left: left + (clientLeft - element.scrollLeft) * across,
    top: top + (clientTop - element.scrollTop) * down,
    width: element.scrollWidth * across,
    height: element.scrollHeight * down,
  };
}

/** Where in a box a point of the viewport is, as parts of its width and height: the same place at any size. May lie outside of 0 to 1. */
export function placeIn(box: PlaceBox, { x, y }: CursorPosition): CursorPosition {
  return { x: part(x - box.left, box.width), y: part(y - box.top, box.height) };
}

/** The point of the viewport at a place of a box; the reverse of {@link placeIn}. */
export function pointAt(box: PlaceBox, { x, y }: CursorPosition): CursorPosition {
  return { x: box.left + x * box.width, y: box.top + y * box.height };
}

// Five digits are finer than a pixel of any screen, and shorter on the wire.
function part(offset: number, length: number): number {
  return length > 0 ? Math.round((offset / length) * 1e5) / 1e5 : 0;
}

/** Calls back when any of these elements has another size; for who draws only when something moves. Returns the undo. */
export function onResize(elements: readonly Element[], callback: () => void): () => void {
  const observer = new ResizeObserver(callback);
  for (const element of elements) observer.observe(element);
  return () => observer.disconnect();
}
