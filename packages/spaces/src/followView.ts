import { isObject } from './json.ts';
import { type CursorPoint, OWN_KEY } from './wire.ts';

/** What somebody sees: the top left corner and size, in the units of the content, and how much it is enlarged. */
export interface Viewport {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly zoom?: number | undefined;
}

/** What a connection tells of its view. */
export interface View {
  readonly viewport: Viewport | undefined;
  /** The connection that it follows. */
  readonly leader: string | undefined;
  /** Asks everybody to follow: as long as it is there, a call of its own each. */
  readonly spotlight: string | undefined;
  readonly gather: string | undefined;
}

/** The key of the cursor as which a view travels. */
export const VIEW_KEY = `${OWN_KEY}:view`;

const number = (value: unknown) => (Number.isFinite(value) ? (value as number) : undefined);
const text = (value: unknown) => (typeof value === 'string' && value ? value : undefined);

/** A view as a cursor: nobody draws it, and batches, rate and the last value are as with cursors. */
export function viewCursor({ viewport, ...rest }: View): CursorPoint['cursor'] {
  const { x = 0, y = 0, ...size } = viewport ?? {};
  return { position: { x, y }, data: { ...size, ...rest } };
}

/** The view that a cursor is; what is malformed is left out. */
export function viewOf({ position: { x, y }, data }: CursorPoint['cursor']): View {
  const given: Record<string, unknown> = isObject(data) ? data : {};
  const [width, height, zoom] = [number(given.width), number(given.height), number(given.zoom)];
  const isWhole = width !== undefined && height !== undefined;
  return {
    viewport: isWhole ? { x, y, width, height, ...(zoom !== undefined && { zoom }) } : undefined,
    leader: text(given.leader),
    spotlight: text(given.spotlight),
    gather: text(given.gather),
  };
}

/** Those who follow each other round in a circle from `start` on, `start` included; empty if they do not. */
export function circleOf(start: string, leaderOf: (connectionId: string) => string | undefined): string[] {
  const path: string[] = [];
  for (let at: string | undefined = start; at !== undefined; at = leaderOf(at)) {
    // A circle further on, that we are not in, is not ours to break.
    if (path.includes(at)) return at === start ? path : [];
    path.push(at);
  }
  return [];
}
