import { Action } from '@parvis/protocol';
import type { FrameProxy, Passing, Verdict } from './frameProxy.ts';

/** Where a connection is to break next. */
export interface CutPoint {
  readonly direction: 'up' | 'down';
  readonly action: number;
  /** Which message of this kind, counted from the cut before: 1 is the next. */
  readonly nth: number;
  readonly how: Exclude<Verdict, 'pass'>;
}

/** Breaks the connection through a proxy at one point after the other; each point is looked for once the one before is done. */
export class CutPlan {
  readonly done: CutPoint[] = [];
  readonly #left: CutPoint[];
  readonly #armed: (point: CutPoint) => void;
  #seen = 0;

  /** `armed` is told of each point when its time comes, so that the test can see to it that such a message is sent. */
  constructor(proxy: FrameProxy, points: readonly CutPoint[], armed: (point: CutPoint) => void = () => {}) {
    this.#left = [...points];
    this.#armed = armed;
    proxy.watch = (passing) => this.#judge(passing);
  }

  get left(): number {
    return this.#left.length;
  }

  get next(): CutPoint | undefined {
    return this.#left[0];
  }

  #judge({ direction, message }: Passing): Verdict {
    const point = this.#left[0];
    if (point === undefined || point.direction !== direction || point.action !== message.action) return 'pass';
    if (++this.#seen < point.nth) return 'pass';
    this.#left.shift();
    this.done.push(point);
    this.#seen = 0;
    const next = this.#left[0];
    if (next !== undefined) this.#armed(next);
    return point.how;
  }
}

const up = 'up' as const;
const down = 'down' as const;

/** A publisher's twenty cuts: around a publish and its ACK, and while attaching, connecting and renewing its token. */
export const publisherCuts: readonly CutPoint[] = [
  { direction: up, action: Action.MESSAGE, nth: 20, how: 'cutAfter' },
  { direction: up, action: Action.ATTACH, nth: 1, how: 'cutAfter' },
  { direction: down, action: Action.ACK, nth: 5, how: 'cutBefore' },
  { direction: down, action: Action.ATTACHED, nth: 1, how: 'cutInside' },
  { direction: up, action: Action.MESSAGE, nth: 20, how: 'cutInside' },
  { direction: up, action: Action.AUTH, nth: 1, how: 'cutAfter' },
  { direction: down, action: Action.ACK, nth: 10, how: 'cutAfter' },
  { direction: down, action: Action.CONNECTED, nth: 1, how: 'cutInside' },
  { direction: up, action: Action.MESSAGE, nth: 15, how: 'cutBefore' },
  { direction: up, action: Action.AUTH, nth: 1, how: 'cutInside' },
  { direction: down, action: Action.ACK, nth: 10, how: 'cutInside' },
  { direction: up, action: Action.ATTACH, nth: 1, how: 'cutInside' },
  { direction: up, action: Action.MESSAGE, nth: 20, how: 'cutAfter' },
  { direction: down, action: Action.CONNECTED, nth: 1, how: 'cutAfter' },
  { direction: down, action: Action.ATTACHED, nth: 1, how: 'cutBefore' },
  { direction: down, action: Action.MESSAGE, nth: 20, how: 'cutInside' },
  { direction: up, action: Action.AUTH, nth: 1, how: 'cutBefore' },
  { direction: down, action: Action.ACK, nth: 5, how: 'cutBefore' },
  { direction: down, action: Action.ATTACHED, nth: 1, how: 'cutAfter' },
  { direction: up, action: Action.MESSAGE, nth: 20, how: 'cutAfter' },
];

/** A subscriber's twenty cuts: around what it receives, and while attaching, connecting and renewing its token. */
export const subscriberCuts: readonly CutPoint[] = [
  { direction: down, action: Action.MESSAGE, nth: 30, how: 'cutBefore' },
  { direction: up, action: Action.ATTACH, nth: 1, how: 'cutAfter' },
  { direction: down, action: Action.MESSAGE, nth: 20, how: 'cutInside' },
  { direction: down, action: Action.ATTACHED, nth: 1, how: 'cutAfter' },
  { direction: down, action: Action.MESSAGE, nth: 1, how: 'cutBefore' },
  { direction: down, action: Action.ATTACHED, nth: 1, how: 'cutBefore' },
  { direction: down, action: Action.MESSAGE, nth: 20, how: 'cutAfter' },
  { direction: up, action: Action.AUTH, nth: 1, how: 'cutAfter' },
  { direction: down, action: Action.CONNECTED, nth: 1, how: 'cutInside' },
  { direction: up, action: Action.ATTACH, nth: 1, how: 'cutInside' },
  { direction: down, action: Action.MESSAGE, nth: 25, how: 'cutInside' },
  { direction: up, action: Action.AUTH, nth: 1, how: 'cutInside' },
  { direction: down, action: Action.MESSAGE, nth: 2, how: 'cutAfter' },
  { direction: down, action: Action.ATTACHED, nth: 1, how: 'cutInside' },
  { direction: down, action: Action.MESSAGE, nth: 25, how: 'cutBefore' },
  { direction: up, action: Action.ATTACH, nth: 1, how: 'cutBefore' },
  { direction: up, action: Action.AUTH, nth: 1, how: 'cutBefore' },
  { direction: down, action: Action.MESSAGE, nth: 1, how: 'cutInside' },
  { direction: down, action: Action.MESSAGE, nth: 30, how: 'cutAfter' },
  { direction: down, action: Action.CONNECTED, nth: 1, how: 'cutAfter' },
];
