import type { CursorPoint } from './wire.ts';

type Cursor = CursorPoint['cursor'];

/** What the batch needs of the channel around it. */
export interface CursorSink {
  /** Resolves on acknowledgement. */
  publish(points: readonly CursorPoint[]): Promise<unknown>;
  /** Whether what is published now goes out now. */
  isOpen(): boolean;
  /** ms between batches, for up to a hundred members. */
  readonly interval: number;
  failed(error: unknown): void;
}

/** Beyond this a batch is thinned: every other point goes. */
const MAX_POINTS = 256;

/**
 * Outgoing positions, gathered into batches: the first at once, then one per interval while the cursor moves. While
 * nobody listens, or it is not known yet, only the latest position is kept, and sent when somebody does.
 */
export class CursorBatch {
  private points: CursorPoint[] = [];
  private startedAt = 0;
  private held: Cursor | undefined;
  private audience = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly sink: CursorSink) {}

  /** Takes a position. A promise comes back if this sends it at once. */
  push(cursor: Cursor): Promise<unknown> | undefined {
    if (this.audience < 2 || !this.sink.isOpen()) {
      this.held = cursor;
      return undefined;
    }
    this.held = undefined;
    if (!this.points.length) this.startedAt = Date.now();
    this.points.push({ cursor, offset: Date.now() - this.startedAt });
    if (this.points.length > MAX_POINTS) this.points = this.points.filter((_, i, { length }) => (length - i) % 2 === 1);
    return this.timer === undefined ? this.flush() : undefined;
  }

  /** How many are in the cursors presence set, this client included. */
  setAudience(count: number): void {
    this.audience = count;
    this.wake();
  }

  /** Sends what was held back, if it can go now. */
  wake(): void {
    if (this.held) this.push(this.held);
  }

  /** Forgets all positions. */
  clear(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.points = [];
    this.held = undefined;
  }

  private flush(): Promise<unknown> {
    const { points } = this;
    this.points = [];
    // An offset counts from the first point that is left.
    const first = points[0]?.offset ?? 0;
    const sent = this.sink.publish(points.map(({ cursor, offset }) => ({ cursor, offset: offset - first })));
    sent.catch((error) => this.sink.failed(error));
    this.timer = setTimeout(() => this.tick(), Math.ceil(this.audience / 100) * this.sink.interval);
    return sent;
  }

  private tick(): void {
    this.timer = undefined;
    const last = this.points[this.points.length - 1];
    if (!last) return;
    if (this.audience > 1 && this.sink.isOpen()) {
      this.flush();
      return;
    }
    this.points = [];
    this.held = last.cursor;
  }
}
