import type { CursorUpdate } from './types.ts';

/** A position and when, after its arrival (ms), it is due. */
export interface TimedCursor {
  readonly update: CursorUpdate;
  readonly offset: number;
}

interface Due {
  readonly update: CursorUpdate;
  readonly at: number;
}

/** Beyond this many waiting positions of one connection the oldest are dropped. */
const MAX_WAITING = 512;
/** No position waits longer (ms), whatever its sender says. */
const MAX_OFFSET = 10_000;

/**
 * Replays received positions at the pace of their sender. The order of one connection's positions holds across batches,
 * however late or early they come. One timer serves all.
 */
export class CursorPlayback {
  private readonly waiting = new Map<string, Due[]>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly emit: (update: CursorUpdate) => void) {}

  /** Takes one batch of one connection, in order. */
  add(connectionId: string, cursors: readonly TimedCursor[]): void {
    const now = Date.now();
    const queue = this.waiting.get(connectionId) ?? [];
    let last = queue[queue.length - 1]?.at ?? now;
    for (const { update, offset } of cursors) {
      const delay = Number.isFinite(offset) ? Math.min(Math.max(offset, 0), MAX_OFFSET) : 0;
      last = Math.max(last, now + delay);
      queue.push({ update, at: last });
    }
    this.waiting.set(connectionId, queue.slice(-MAX_WAITING));
    this.play();
  }

  /** Drops what has not been played. */
  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.waiting.clear();
  }

  private play(): void {
    clearTimeout(this.timer);
    const now = Date.now();
    const due = [...this.waiting.values()].flatMap((queue) => queue.splice(0, countDue(queue, now)));
    let next = Number.POSITIVE_INFINITY;
    for (const [connectionId, [first]] of this.waiting) {
      if (first) next = Math.min(next, first.at);
      else this.waiting.delete(connectionId);
    }
    this.timer = this.waiting.size ? setTimeout(() => this.play(), next - now) : undefined;
    for (const { update } of due) this.emit(update);
  }
}

function countDue(queue: readonly Due[], now: number): number {
  const first = queue.findIndex(({ at }) => at > now);
  return first < 0 ? queue.length : first;
}
