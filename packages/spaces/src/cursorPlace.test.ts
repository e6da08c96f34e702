import { expect, test, vi } from 'vitest';
import { contentBox, onResize, type PlaceElement, placeIn, pointAt } from './cursorPlace.ts';

/** An element of that size without borders, at a point, scrolled and scaled. */
function element(width: number, height: number, more: Partial<PlaceElement> & { left?: number; scale?: number } = {}) {
  const { left = 0, scale = 1, ...rest } = more;
  const made: PlaceElement = {
    getBoundingClientRect: () => ({ left, top: 10, width: width * scale, height: height * scale }),
    clientLeft: 0,
    clientTop: 0,
    clientWidth: width,
    clientHeight: height,
    scrollLeft: 0,
    scrollTop: 0,
    scrollWidth: width,
    scrollHeight: height,
    ...rest,
  };
  return made;
}

test('[CR13] a place on 800 pixels is the same on 1,600, after a resize too', () => {
  const sender = contentBox(element(800, 600, { left: 33 }));
  const place = placeIn(sender, { x: 33 + 200, y: 10 + 450 });
  expect(place).toEqual({ x: 0.25, y: 0.75 });
  for (const [width, height] of [
    [1600, 900],
    [1100, 333],
    [799, 601],
  ] as const) {
    const { x, y } = pointAt(contentBox(element(width, height)), place);
    expect(Math.abs(x - width / 4)).toBeLessThan(1);
    expect(Math.abs(y - 10 - height * 0.75)).toBeLessThan(1);
  }
});

test('[CR13] what is scrolled counts, and so does what is scaled', () => {
  const scrolled = element(800, 600, { scrollTop: 400, scrollHeight: 2_000, scrollWidth: 800 });
  const place = placeIn(contentBox(scrolled), { x: 400, y: 10 + 100 });
  expect(place).toEqual({ x: 0.5, y: 0.25 });
  const scaled = element(800, 600, { scale: 0.5, scrollHeight: 2_000, scrollWidth: 800 });
  expect(pointAt(contentBox(scaled), place)).toEqual({ x: 200, y: 10 + 250 });
});

test('[CR13] there and back is within a pixel, and no size is no error', () => {
  const box = { left: -30, top: 7, width: 3_840, height: 2_160 };
  for (let i = 0; i < 100; i++) {
    const point = { x: i * 40.3 - 30, y: i * 21.1 };
    const back = pointAt(box, placeIn(box, point));
    expect(Math.hypot(back.x - point.x, back.y - point.y)).toBeLessThan(0.1);
  }
  expect(placeIn({ left: 0, top: 0, width: 0, height: 0 }, { x: 5, y: 5 })).toEqual({ x: 0, y: 0 });
});

test('[CR13] sizes are watched until undone', () => {
  const watched: unknown[] = [];
  let change = () => {};
  vi.stubGlobal(
    'ResizeObserver',
    class {
      constructor(callback: () => void) {
        change = callback;
      }
      observe(one: unknown) {
        watched.push(one);
      }
      disconnect() {
        watched.length = 0;
      }
    },
  );
  const called = vi.fn();
  const undo = onResize([{} as Element, {} as Element], called);
  expect(watched).toHaveLength(2);
  change();
  expect(called).toHaveBeenCalledTimes(1);
  undo();
  expect(watched).toEqual([]);
  vi.unstubAllGlobals();
});
