import { type CursorPoint, OWN_KEY } from './wire.ts';

type Cursor = CursorPoint['cursor'];

/** What the batch needs of the channel around it. */
export interface CursorSink {
  /** Resolves on acknowledgement. */
  publish(points: readonly CursorPoint[]): Promise<unknown>;
  /** Whether what is published now goes out now. */
  isOpen(): boolean | undefined;
  /** ms between batches, for up to a hundred members. */
  interval(): number;
  failed(error: unknown): void;
}

/** Outgoing positions of one cursor; see {@link cursorBatch}. */
export interface CursorBatch {
  /** Takes a position. A promise comes back if this sends it at once. */
  push(cursor: Cursor): Promise<unknown> | undefined;
  /** How many are in the cursors presence set, this client included. Sends what was held back, if it can go now. */
  setAudience(count: number): void;
  /** Forgets all positions. */
  clear(): void;
}

/** Beyond this a batch is thinned: every other point goes. */
const MAX_POINTS = 64;
/** Batches on their way: a service that is slow to take them is not given more. */
const MAX_IN_FLIGHT = 8;
/** A service that refuses the rate is sent this much less often at most. */
const MAX_SLOWDOWN = 32;

/**
 * Outgoing positions, gathered into batches: the first at once, then one per interval while the cursor moves; fewer when
 * the service is slow or refuses the rate. While nobody listens, or it is not known yet, only the latest position is
 * kept, and sent when somebody does. The last position is never thinned out.
 */
export function cursorBatch(sink: CursorSink): CursorBatch {
  let points: CursorPoint[] = [];
  let startedAt = 0;
  let dueAt = 0;
  let held: Cursor | undefined;
  let audience = 0;
  let inFlight = 0;
  let slowdown = 1;
  let generation = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const canSend = () => audience > 1 && sink.isOpen();

  function push(cursor: Cursor): Promise<unknown> | undefined {
    if (!canSend()) {
      held = cursor;
      return undefined;
    }
    held = undefined;
    const now = Date.now();
    if (!points.length) startedAt = now;
    points.push({ cursor, offset: now - startedAt });
    if (points.length > MAX_POINTS) points = points.filter((_, i, { length }) => (length - i) % 2 === 1);
    return timer === undefined ? flush() : undefined;
  }

  function wait(): void {
    const now = Date.now();
    const interval = Math.ceil(audience / 100) * sink.interval() * slowdown;
    // From when it was due, not from when the timer ran, or the rate would drift; a long sleep is not made up for.
    dueAt = Math.max(dueAt + interval, now);
    timer = setTimeout(tick, dueAt - now);
  }

  function flush(): Promise<unknown> | undefined {
    if (timer === undefined) dueAt = Date.now();
    wait();
    if (inFlight >= MAX_IN_FLIGHT) return undefined;
    // An offset counts from the first point that is left.
    const first = points[0]?.offset ?? 0;
    const at = startedAt + first;
    const sent = points.map(({ cursor, offset }, i) => ({
      cursor,
      offset: offset - first,
      ...(i ? {} : { [OWN_KEY]: { at } }),
    }));
    points = [];
    return publish(sent);
  }

  function publish(sent: CursorPoint[]): Promise<unknown> {
    const mine = generation;
    inFlight += 1;
    const done = sink.publish(sent);
    done.then(
      () => {
        inFlight -= 1;
        slowdown = Math.max(1, slowdown * 0.9);
      },
      (error) => {
        inFlight -= 1;
        sink.failed(error);
        if (Math.floor(error?.code / 100) !== 429) return;
        slowdown = Math.min(MAX_SLOWDOWN, slowdown * 2);
        // Nothing newer follows that would tell where the cursor is.
        const last = sent[sent.length - 1];
        if (!last || mine !== generation || points.length) return;
        startedAt = Date.now();
        points = [{ cursor: last.cursor, offset: 0 }];
        if (timer === undefined) wait();
      },
    );
    return done;
  }

  function tick(): void {
    const last = points[points.length - 1];
    if (last && canSend()) {
      flush();
      return;
    }
    timer = undefined;
    points = [];
    held ??= last?.cursor;
  }

  return {
    push,
    setAudience(count) {
      audience = count;
      if (held) push(held);
    },
    clear() {
      clearTimeout(timer);
      timer = undefined;
      generation += 1;
      points = [];
      held = undefined;
    },
  };
}
