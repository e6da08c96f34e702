import { errors, parseSerial } from '@parvis/protocol';
import { macsEqual } from '../access/constantTime.ts';
import { macOf } from '../access/keys.ts';
import type { Principal } from '../access/principal.ts';
import type { HistoryQuery } from '../channel/history.ts';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1_000;
const MAC_LENGTH = 16;

/** What a cursor is good for: another channel, list or direction has other cursors. */
export type CursorScope = readonly string[];

/** Parameters of a link, in order; undefined ones are left out. */
export type LinkParams = Readonly<Record<string, string | number | undefined>>;

/** `limit`: 1 to 1000, 100 unless told. Throws 40003. */
export function limitOf(query: URLSearchParams): number {
  const limit = wholeNumber(query, 'limit') ?? DEFAULT_LIMIT;
  if (limit < 1 || limit > MAX_LIMIT) throw errors.badParameter('limit', `it must be from 1 to ${MAX_LIMIT}`);
  return limit;
}

/** Which part of a past is asked for, but for the cursor (protocol reference 4.5). Throws 40003. */
export function historyQueryOf(
  query: URLSearchParams,
  unlessTold: HistoryQuery['direction'] = 'backwards',
): Omit<HistoryQuery, 'cursor'> {
  const start = wholeNumber(query, 'start');
  const end = wholeNumber(query, 'end');
  if (start !== undefined && end !== undefined && start > end) {
    throw errors.badParameter('start', 'it must not be later than end');
  }
  const direction = query.get('direction') ?? unlessTold;
  if (direction !== 'backwards' && direction !== 'forwards') {
    throw errors.badParameter('direction', 'it must be backwards or forwards');
  }
  const untilSerial = query.get('from_serial') ?? undefined;
  if (untilSerial !== undefined && (direction === 'forwards' || parseSerial(untilSerial) === undefined)) {
    throw errors.badParameter('from_serial', 'it must be a channelSerial, and goes backwards only');
  }
  return {
    ...(start === undefined ? {} : { start }),
    ...(end === undefined ? {} : { end }),
    ...(untilSerial === undefined ? {} : { untilSerial }),
    direction,
    limit: limitOf(query),
  };
}

function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw errors.badParameter(name, 'it must be a whole number');
  return Number(text);
}

/** Where a page ended, signed by the key that the request came with: what comes back is what was given out. */
export function sealCursor(principal: Principal, scope: CursorScope, cursor: string): string {
  return mac(principal, scope, cursor).toString('base64url') + Buffer.from(cursor).toString('base64url');
}

/** The `cursor` parameter as it was sealed, if there is one. Throws 40011 for any other text. */
export function openCursor(principal: Principal, scope: CursorScope, query: URLSearchParams): string | undefined {
  const sealed = query.get('cursor');
  if (sealed === null) return undefined;
  const cursor = Buffer.from(sealed.slice(MAC_LENGTH), 'base64url').toString();
  // Compared as text, since decoding is lenient about what does not belong.
  if (!macsEqual(Buffer.from(sealed), Buffer.from(sealCursor(principal, scope, cursor)))) throw errors.badCursor();
  return cursor;
}

/** The first line keeps it apart from whatever else a key signs. */
function mac({ app, key }: Principal, scope: CursorScope, cursor: string): Buffer {
  const text = `page cursor\n${JSON.stringify([app.id, ...scope, cursor])}`;
  return Buffer.from(macOf(key, text)).subarray(0, (MAC_LENGTH * 3) / 4);
}

/**
 * Addresses of the pages around one, for the Link header: `next` only if there is more, the others always, also of an
 * empty page. `segment` is the last one of the route's path; clients take nothing but letters, digits and `_` there.
 */
export function pageLinks(segment: string, params: LinkParams, cursor: { current?: string; next?: string }) {
  const address = (at: string | undefined) => `./${segment}?${queryText({ ...params, cursor: at })}`;
  return {
    first: address(undefined),
    current: address(cursor.current),
    ...(cursor.next === undefined ? {} : { next: address(cursor.next) }),
  };
}

/** Percent-encoded as clients decode it: they take a `+` for a plus. */
function queryText(params: LinkParams): string {
  return Object.entries(params)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
    .join('&');
}
