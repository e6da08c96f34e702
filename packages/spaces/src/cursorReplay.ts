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

/** Positions on their way from a message to the application; see {@link cursorReplay}. */
export interface CursorReplay {
  /** Takes one batch of one connection, in order. */
  add(clientId: string, connectionId: string, points: readonly CursorPoint[]): void;
  /** Drops what has not been played. */
  clear(): void;
}

/**
 * Replays received positions at the pace of their sender. The order of one connection's positions holds across batches,
 * however late or early they come. One timer serves all.
 */
export function cursorReplay(emit: (update: CursorUpdate) => void): CursorReplay {
  const waiting = new Map<string, Due[]>();
  let timer: ReturnType<typeof setTimeout> | undefined;

  function play(): void {
    clearTimeout(timer);
    const now = Date.now();
    const due: CursorUpdate[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [connectionId, queue] of waiting) {
      const later = queue.filter(({ at }) => at > now);
      due.push(...queue.slice(0, queue.length - later.length).map(({ update }) => update));
      next = Math.min(next, later[0]?.at ?? next);
      if (later.length) waiting.set(connectionId, later);
      else waiting.delete(connectionId);
    }
    timer = waiting.size ? setTimeout(play, next - now) : undefined;
    for (const update of due) emit(update);
  }

  return {
    add(clientId, connectionId, points) {
      const now = Date.now();
      const queue = waiting.get(connectionId) ?? [];
      let at = queue[queue.length - 1]?.at ?? now;
      for (const point of points) {
        at = Math.max(at, now + Math.min(Number(point.offset) || 0, MAX_OFFSET));
        queue.push({ update: cursorUpdate(clientId, connectionId, point), at });
      }
      waiting.set(connectionId, queue.slice(-MAX_WAITING));
      play();
    },
    clear() {
      clearTimeout(timer);
      timer = undefined;
      waiting.clear();
    },
  };
}
