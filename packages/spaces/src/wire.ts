import type { PresenceMessageLike } from './client.ts';
import { ErrorInfo } from './errors.ts';
import { isObject } from './json.ts';
import type { CursorPosition, LockStatus, PresenceAction, ProfileData } from './types.ts';

/** The channel that carries members, locations and locks of a space, as presence. */
export const spaceChannel = (name: string): string => `${name}::$space`;
/** The channel that carries the cursors of a space, as messages. */
export const cursorsChannel = (name: string): string => `${name}::$cursors`;
/** The channel that carries what happens in a space and is not kept. */
export const eventsChannel = (name: string): string => `${name}::$events`;
/** The name of a cursor message. */
export const CURSOR_EVENT = 'cursorUpdate';
/** Our own key in `extras`: other SDKs leave it alone. */
export const OWN_KEY = 'parvis';

/** How many earlier connection ids a member names as its own. */
export const MAX_FORMER = 4;
const ACTIONS: readonly string[] = ['present', 'enter', 'leave', 'update'];
const STATUSES: readonly unknown[] = ['pending', 'locked', 'unlocked'];

/** One lock of a member as it travels in `extras.locks`; keys we do not know are kept. */
export interface LockEntry {
  readonly id: string;
  readonly status: LockStatus;
  readonly timestamp: number;
  readonly [key: string]: unknown;
}

/** A presence message of the space channel, parsed. What is missing or malformed reads as null, empty or absent. */
export interface MemberMessage {
  /** `connectionId:clientId`. */
  readonly key: string;
  readonly action: PresenceAction;
  readonly clientId: string;
  readonly connectionId: string;
  readonly id: string | undefined;
  readonly timestamp: number;
  readonly profile: { readonly id: string | null; readonly current: ProfileData };
  readonly location: { readonly id: string | null; readonly current: unknown; readonly previous: unknown };
  /** Undefined when the message carries no lock array at all. */
  readonly locks: readonly LockEntry[] | undefined;
  /** Keys under which this member was known before its connection id changed. */
  readonly former: readonly string[];
  /** The requests of the member that the server keeps in line, as they came. */
  readonly waiting: unknown;
}

/** `data` of a presence message on the space channel: always both parts, always whole. */
export interface MemberData {
  profileUpdate: { id: string | null; current: ProfileData };
  locationUpdate: { id: string | null; current: unknown; previous: unknown };
}

/** The key of a member: a connection, under one clientId. */
export const memberKey = (connectionId: string, clientId: string): string => `${connectionId}:${clientId}`;

const part = (from: unknown, name: string): unknown => (isObject(from) ? from[name] : undefined);
const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** Parses a presence message; undefined if it is of no member. Data of any shape is accepted. */
export function parseMember(raw: PresenceMessageLike): MemberMessage | undefined {
  const { clientId, connectionId } = raw;
  if (!ACTIONS.includes(raw.action) || !text(clientId) || !text(connectionId)) return undefined;
  const profile = part(raw.data, 'profileUpdate');
  const location = part(raw.data, 'locationUpdate');
  const current = part(profile, 'current');
  const ours = part(raw.extras, OWN_KEY);
  return {
    key: memberKey(connectionId, clientId),
    action: raw.action as PresenceAction,
    clientId,
    connectionId,
    id: text(raw.id) ?? undefined,
    timestamp: Number(raw.timestamp) || 0,
    profile: { id: text(part(profile, 'id')), current: isObject(current) ? current : null },
    location: {
      id: text(part(location, 'id')),
      current: part(location, 'current') ?? null,
      previous: part(location, 'previous') ?? null,
    },
    locks: withOutcomes(parseLocks(part(raw.extras, 'locks')), part(ours, 'outcomes')),
    former: parseFormer(part(ours, 'former'), connectionId, clientId),
    waiting: part(ours, 'waiting'),
  };
}

function parseLocks(value: unknown): LockEntry[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.filter(isLockEntry).map(({ member: _, reason, ...entry }) => {
    const code = part(reason, 'code');
    if (entry.status !== 'unlocked' || !Number.isFinite(code)) return entry as LockEntry;
    return { ...entry, reason: new ErrorInfo(`${part(reason, 'message')}`, Number(code)) } as LockEntry;
  });
}

/** What the server says of requests that failed or ended takes the place of the plain entries for them. */
function withOutcomes(locks: LockEntry[] | undefined, told: unknown): LockEntry[] | undefined {
  if (!Array.isArray(told)) return locks;
  const ended = parseLocks(told.filter(isObject).map((outcome) => ({ ...outcome, status: 'unlocked' }))) ?? [];
  const isEnded = (a: LockEntry) => ended.some((b) => a.status === b.status && a.id === b.id);
  return [...(locks ?? []).filter((entry) => !isEnded(entry)), ...ended];
}

function isLockEntry(value: unknown): value is LockEntry {
  if (!isObject(value)) return false;
  const { id, status, timestamp, attributes } = value;
  const isKnown = typeof id === 'string' && STATUSES.includes(status) && Number.isFinite(timestamp);
  return isKnown && (attributes === undefined || isObject(attributes));
}

function parseFormer(value: unknown, connectionId: string, clientId: string): string[] {
  if (!Array.isArray(value)) return [];
  const ids = value.filter((id): id is string => typeof id === 'string' && id !== connectionId);
  return ids.slice(-MAX_FORMER).map((id) => memberKey(id, clientId));
}

/** `extras` of a presence message: left out when there is nothing to say. */
export function composeExtras(entries: readonly LockEntry[], former: readonly string[]): object | undefined {
  const locks: object[] = [];
  const requests: object[] = [];
  for (const { terms, ...entry } of entries) {
    if (terms && entry.status === 'pending') requests.push({ ...entry, status: undefined, ...(terms as object) });
    else locks.push(entry);
  }
  const ours = { ...(former.length && { former }), ...(requests.length && { requests }) };
  const hasOurs = former.length || requests.length;
  return locks.length || hasOurs ? { ...(locks.length && { locks }), ...(hasOurs && { [OWN_KEY]: ours }) } : undefined;
}

/** The name of the messages of one cursor: a key of its own has messages that others, official ones too, do not hear. */
export const cursorEvent = (key: string | undefined): string => (key ? `${CURSOR_EVENT}:${key}` : CURSOR_EVENT);

/** One element of a cursor message; `offset` is ms since the first of its array. */
export interface CursorPoint {
  cursor: { position: CursorPosition; data?: object | undefined };
  offset: number;
  /** Only in the first of an array: when that was, ms of the sender's clock. */
  [OWN_KEY]?: { at: number };
}

/**
 * A message of a cursor with a key: one element, so that who looks for the last position in history finds that of the
 * default cursor, or none.
 */
export const composeKeyed = (points: readonly CursorPoint[], cursor: CursorPoint['cursor'] | undefined): object[] => [
  { ...(cursor && { cursor }), offset: 0, [OWN_KEY]: { points } },
];

/** The points of a cursor message; elements that are none are left out. */
export function parseCursors(data: unknown): CursorPoint[] {
  return Array.isArray(data) ? data.filter(isCursorPoint) : [];
}

/** The points of a message of a cursor with a key; see {@link composeKeyed}. */
export function parseKeyed(data: unknown): CursorPoint[] {
  return parseCursors(part(part(Array.isArray(data) ? data[0] : undefined, OWN_KEY), 'points'));
}

function isCursorPoint(value: unknown): value is CursorPoint {
  const position = part(part(value, 'cursor'), 'position');
  return Number.isFinite(part(position, 'x')) && Number.isFinite(part(position, 'y'));
}
