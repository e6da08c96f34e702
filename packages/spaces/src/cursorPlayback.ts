import { cursorUpdate } from './cursorHistory.ts';
import type { CursorUpdate } from './types.ts';
import type { CursorPoint } from './wire.ts';

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
  add(clientId: string, connectionId: string, points: readonly CursorPoint[]): void {
    const now = Date.now();
    const queue = this.waiting.get(connectionId) ?? [];
    let at = queue[queue.length - 1]?.at ?? now;
    for (const point of points) {
      at = Math.max(at, now + Math.min(Number(point.offset) || 0, MAX_OFFSET));
      queue.push({ update: cursorUpdate(clientId, connectionId, point), at });
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
    const due: CursorUpdate[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [connectionId, queue] of this.waiting) {
      const later = queue.filter(({ at }) => at > now);
      due.push(...queue.slice(0, queue.length - later.length).map(({ update }) => update));
      next = Math.min(next, later[0]?.at ?? next);
      if (later.length) this.waiting.set(connectionId, later);
      else this.waiting.delete(connectionId);
    }
    this.timer = this.waiting.size ? setTimeout(() => this.play(), next - now) : undefined;
    for (const update of due) this.emit(update);
  }
}
