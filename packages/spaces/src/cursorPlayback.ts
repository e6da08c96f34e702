import type { MessageLike } from './client.ts';
import { CursorTrack, type TrackPoint } from './cursorTrack.ts';
import { type FrameSource, pageFrames } from './frames.ts';
import { type DelayBounds, SenderClock } from './senderClock.ts';
import type { Space } from './space.ts';
import type { CursorDataOf, CursorPosition, SpaceTypes } from './types.ts';
import { type CursorPoint, cursorEvent, memberKey, OWN_KEY, parseCursors, parseKeyed } from './wire.ts';

/** One cursor as it is to be drawn now. Never changed; the same object as before if nothing changed. */
export interface PlayedCursor<T extends SpaceTypes = SpaceTypes> {
  readonly clientId: string;
  readonly connectionId: string;
  /** Undefined for the default cursor. */
  readonly key: string | undefined;
  readonly position: CursorPosition;
  /** Data of the position that was last passed. */
  readonly data: CursorDataOf<T> | undefined;
  /** 1, and less while it fades. */
  readonly opacity: number;
}

/** Options of a playback; times in ms. */
export interface PlaybackOptions {
  /** Which cursors: of the others (default), own ones too, or none. */
  show?: 'others' | 'all' | 'none';
  /** Keys of cursors to play beside the default one. */
  keys?: readonly string[];
  /** What a position is relative to, of its data: cursors jump from one to another and do not move between them. Default: all the same. */
  surfaceOf?: (data: object | undefined) => unknown;
  /** A cursor that is silent for so long fades. Default 6000. */
  fadeAfter?: number;
  /** How long fading takes; then the cursor is gone from the list. Default 400. */
  fade?: number;
  /** Bounds of the delay at which a sender is played, adapted to its network. Default 20 to 100. */
  delay?: DelayBounds;
  /** Default: the animation frames of the page. */
  frames?: FrameSource;
}

/** Listener of a playback: all cursors to be drawn. */
export type PlaybackListener<T extends SpaceTypes> = (cursors: readonly PlayedCursor<T>[]) => void;

interface Playing<T extends SpaceTypes> {
  readonly track: CursorTrack;
  readonly clock: SenderClock;
  heardAt: number;
  shown: PlayedCursor<T>;
}

/**
 * Plays the cursors of a space as smooth movement: each sender a little late, so that its network's jitter is not seen,
 * along a curve through its positions. One frame callback serves all.
 *
 * @example
 * const playback = new CursorPlayback(space);
 * playback.subscribe((cursors) => {
 *   for (const { connectionId, position, opacity } of cursors) draw(connectionId, position, opacity);
 * });
 */
export class CursorPlayback<T extends SpaceTypes = SpaceTypes> {
  private readonly playing = new Map<string, Playing<T>>();
  private readonly listeners = new Set<PlaybackListener<T>>();
  private readonly undo: (() => void)[] = [];
  private readonly options: Required<PlaybackOptions>;
  private shown: readonly PlayedCursor<T>[] = [];
  private handle: unknown;
  private frameAt = 0;

  constructor(
    private readonly space: Space<T>,
    options: PlaybackOptions = {},
  ) {
    const defaults = {
      show: 'others',
      keys: [],
      surfaceOf: () => undefined,
      fadeAfter: 6_000,
      fade: 400,
      frames: pageFrames,
    } as const;
    this.options = { ...defaults, delay: { min: 20, max: 100 }, ...options };
    const { cursors, members } = space;
    this.undo.push(
      cursors.subscribe('message', (message) => this.take(message, undefined, parseCursors(message.data))),
      members.subscribe(['leave', 'remove'], ({ connectionId }) => this.remove(connectionId)),
    );
    for (const key of this.options.keys) {
      const listener = (message: MessageLike) => this.take(message, key, parseKeyed(message.data));
      const { channel } = cursors;
      // A refusal is told by the cursors themselves.
      channel?.subscribe(cursorEvent(key), listener).catch(() => {});
      this.undo.push(() => channel?.unsubscribe(cursorEvent(key), listener));
    }
  }

  /** The cursors to be drawn now. */
  get cursors(): readonly PlayedCursor<T>[] {
    return this.shown;
  }

  /** Calls back in each frame in which something changed. Returns the undo. */
  subscribe(listener: PlaybackListener<T>): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Chooses which cursors are played; see {@link PlaybackOptions}. */
  show(which: 'others' | 'all' | 'none'): void {
    this.options.show = which;
    for (const { shown } of this.playing.values())
      if (!this.isWanted(shown.connectionId)) this.remove(shown.connectionId);
  }

  /** ms that a connection is played late beside the fastest of its messages; undefined for one that is not played. */
  delayOf(connectionId: string): number | undefined {
    return this.of(connectionId)?.clock.delay;
  }

  /** Takes the cursors of a connection away. */
  remove(connectionId: string): void {
    for (const [id, { shown }] of this.playing) if (shown.connectionId === connectionId) this.playing.delete(id);
    this.wake();
  }

  /** Ends listening and playing. */
  dispose(): void {
    for (const undo of this.undo.splice(0)) undo();
    this.options.frames.cancel(this.handle);
    this.listeners.clear();
    this.playing.clear();
    this.shown = [];
  }

  private take(
    { clientId, connectionId, timestamp }: MessageLike,
    key: string | undefined,
    points: CursorPoint[],
  ): void {
    const [first] = points;
    if (!first || !clientId || !connectionId || !this.isWanted(connectionId)) return;
    const now = this.options.frames.now();
    const id = `${memberKey(connectionId, clientId)}:${key ?? ''}`;
    const one = this.playing.get(id) ?? this.add(id, clientId, connectionId, key, first);
    one.heardAt = now;
    const timed = timesOf(points, Number(timestamp) || now).map((point) => ({
      ...point,
      surface: this.options.surfaceOf(point.data),
    }));
    const [from, to] = [timed[0]?.t ?? 0, timed[timed.length - 1]?.t ?? 0];
    if (!one.clock.heard(from, to, now)) {
      for (const { track, clock } of this.playing.values()) if (clock === one.clock) track.restart(from);
    }
    one.track.add(timed);
    this.wake();
  }

  private add(
    id: string,
    clientId: string,
    connectionId: string,
    key: string | undefined,
    first: CursorPoint,
  ): Playing<T> {
    const clock = this.of(connectionId)?.clock ?? new SenderClock(this.options.delay);
    const { position, data } = first.cursor;
    const shown = { clientId, connectionId, key, position, data: data as CursorDataOf<T> | undefined, opacity: 1 };
    const made = { track: new CursorTrack(), clock, heardAt: 0, shown };
    this.playing.set(id, made);
    return made;
  }

  private of(connectionId: string): Playing<T> | undefined {
    return [...this.playing.values()].find(({ shown }) => shown.connectionId === connectionId);
  }

  private isWanted(connectionId: string): boolean {
    const { show } = this.options;
    return show === 'all' || (show === 'others' && connectionId !== this.space.connectionId);
  }

  private wake(): void {
    if (this.handle !== undefined || !this.undo.length) return;
    const { frames } = this.options;
    this.frameAt = frames.now();
    this.handle = frames.request((time) => this.frame(time));
  }

  private frame(time: number): void {
    const elapsed = Math.max(0, time - this.frameAt);
    this.frameAt = Math.max(time, this.frameAt);
    let isMoving = false;
    for (const [id, one] of this.playing) isMoving = this.step(id, one, elapsed) || isMoving;
    this.handle = isMoving ? this.options.frames.request((next) => this.frame(next)) : undefined;
    this.tell();
  }

  /** One frame of one cursor; false when nothing more happens to it by itself. */
  private step(id: string, one: Playing<T>, elapsed: number): boolean {
    const { track, clock, heardAt, shown } = one;
    const { fade, fadeAfter } = this.options;
    const isMoving = track.step(clock.playing(this.frameAt), elapsed);
    const silence = this.frameAt - heardAt - fadeAfter;
    const opacity = silence < 0 ? 1 : Math.max(0, 1 - silence / fade);
    if (!(opacity > 0)) this.playing.delete(id);
    const data = track.data as CursorDataOf<T> | undefined;
    const { x, y } = track;
    const isSame = shown.position.x === x && shown.position.y === y && shown.data === data && shown.opacity === opacity;
    if (!isSame) one.shown = { ...shown, position: { x, y }, data, opacity };
    return isMoving || Number.isFinite(fadeAfter);
  }

  private tell(): void {
    const next = [...this.playing.values()].map(({ shown }) => shown);
    if (next.length === this.shown.length && next.every((one, i) => one === this.shown[i])) return;
    this.shown = next;
    for (const listener of [...this.listeners]) {
      try {
        listener(next);
      } catch (error) {
        console.error('CursorPlayback: a listener threw', error);
      }
    }
  }
}

/** The points with times: of the sender's own clock where it tells, else so that the last was when the service took it. */
function timesOf(points: readonly CursorPoint[], timestamp: number): TrackPoint[] {
  const offsets = points.map(({ offset }) => Math.min(Math.max(Number(offset) || 0, 0), MAX_OFFSET));
  const at = points[0]?.[OWN_KEY]?.at;
  const start = typeof at === 'number' && Number.isFinite(at) ? at : timestamp - (offsets[offsets.length - 1] ?? 0);
  return points.map(({ cursor: { position, data } }, i) => ({
    t: start + (offsets[i] ?? 0),
    x: position.x,
    y: position.y,
    data,
  }));
}

/** No position is later than this in its batch, ms, whatever its sender says. */
const MAX_OFFSET = 10_000;
