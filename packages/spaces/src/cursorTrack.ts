import { type Knot, slope, splineAt } from './cursorSpline.ts';

/** A received position: `t` is ms of the sender's clock. */
export interface TrackPoint extends Knot {
  readonly data?: object | undefined;
  /** What the position is relative to. From one to another the path jumps. */
  readonly surface?: unknown;
}

/** Beyond this many waiting positions the oldest go. */
const MAX_POINTS = 512;
/** ms without a position after which the next one is a new movement, and how long before it that began. */
const REST = 250;
const LEAD = 16;
/** How much faster or slower than time the track is played to get to another delay. */
const STRETCH = 0.5;
/** ms that a path may be off before it is not bent but left. */
const JUMP = 500;
/** ms in which a path that turned out to be wrong becomes the right one. */
const CORRECT = 80;
/** Where nothing is known the movement goes on, slowing down, for what it made in AHEAD ms; after HOLD it goes back in as many. */
const AHEAD = 24;
const HOLD = 160;

/** The path of one cursor: takes positions in batches, and says where it is, moment by moment, never going back in time. */
export class CursorTrack {
  /** Where it is to be seen. */
  x = 0;
  y = 0;
  private points: TrackPoint[] = [];
  private at = Number.NEGATIVE_INFINITY;
  private off = { x: 0, y: 0, since: 0 };
  private surface: unknown;

  /** Data of the position that was last passed. */
  get data(): object | undefined {
    return this.points[this.index()]?.data;
  }

  /** Takes positions, in order. */
  add(points: readonly TrackPoint[]): void {
    const isNew = !this.points.length;
    for (const point of points) this.take(point);
    this.points.splice(0, this.points.length - MAX_POINTS);
    const [first] = this.points;
    if (isNew && first) Object.assign(this, { x: first.x, y: first.y });
    else this.bend();
  }

  /** Forgets the path but the last position: what follows is of another clock. */
  restart(t: number): void {
    const last = this.points[this.points.length - 1];
    this.points = last ? [{ ...last, t: t - REST }] : [];
    this.at = Number.NEGATIVE_INFINITY;
    this.bend();
  }

  /** Goes on to about the moment `wanted` of the sender's clock; `elapsed` is ms since the last step. False when at rest. */
  step(wanted: number, elapsed: number): boolean {
    const ahead = wanted - (this.at + elapsed);
    const isFar = Math.abs(ahead) > JUMP;
    const bent = Math.max(-STRETCH * elapsed, Math.min(STRETCH * elapsed, ahead));
    this.at = Math.max(this.at, isFar ? wanted : this.at + elapsed + bent);
    const surface = this.points[this.index()]?.surface;
    // What was off there says nothing here.
    this.off.since = isFar || surface !== this.surface ? CORRECT : this.off.since + elapsed;
    this.surface = surface;
    const left = (1 - Math.min(1, this.off.since / CORRECT)) ** 2;
    const { x, y } = this.path();
    this.x = x + this.off.x * left;
    this.y = y + this.off.y * left;
    while (this.points[3] && this.points[3].t <= this.at) this.points.shift();
    const last = this.points[this.points.length - 1];
    return left > 0 || (last !== undefined && this.at < last.t + 2 * HOLD);
  }

  private take(point: TrackPoint): void {
    const last = this.points[this.points.length - 1];
    if (last && point.t <= last.t) this.points[this.points.length - 1] = { ...point, t: last.t };
    else {
      if (last && last.surface === point.surface && point.t - last.t > REST)
        this.points.push({ ...last, t: point.t - LEAD });
      this.points.push(point);
    }
  }

  /** What was shown stays for now where it was, and what is known now is come to by and by. */
  private bend(): void {
    const { x, y } = this.path();
    this.off = { x: this.x - x, y: this.y - y, since: 0 };
  }

  private index(): number {
    let i = 0;
    while ((this.points[i + 1]?.t ?? Number.POSITIVE_INFINITY) <= this.at) i++;
    return i;
  }

  /** The positions around this moment that are on one surface, and which of them was last passed. */
  private stretch(): { points: readonly TrackPoint[]; i: number } {
    const i = this.index();
    const isSame = (point: TrackPoint | undefined) => point !== undefined && point.surface === this.points[i]?.surface;
    let [from, to] = [i, i + 1];
    while (isSame(this.points[from - 1])) from--;
    while (isSame(this.points[to])) to++;
    return { points: this.points.slice(from, to), i: i - from };
  }

  private path(): { x: number; y: number } {
    const { at } = this;
    const { points, i } = this.stretch();
    const [early, before, from] = [points[i - 2], points[i - 1], points[i]];
    if (!from || points[i + 1] || !before || !early) return splineAt(points, i, Math.max(at, from?.t ?? 0));
    const ms = further(at - from.t);
    const along = (axis: 'x' | 'y') => from[axis] + ms * steady(slope(early, before, axis), slope(before, from, axis));
    return { x: along('x'), y: along('y') };
  }
}

/** The speed that two speeds in a row are sure of. */
function steady(a: number, b: number): number {
  return a * b > 0 ? Math.sign(a) * Math.min(Math.abs(a), Math.abs(b)) : 0;
}

/** How far, in ms of the last speed, a path goes on without being known. */
function further(ms: number): number {
  const s = Math.min(1, ms / (2 * AHEAD));
  const back = Math.min(1, Math.max(0, (ms - HOLD) / HOLD));
  return AHEAD * s * (2 - s) * (1 - back * back * (3 - 2 * back));
}
