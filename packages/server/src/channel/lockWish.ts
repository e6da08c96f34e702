import { type Extras, errors, type PresenceMessage } from '@parvis/protocol';

/** Who gets a lock when its holder does not answer a question: nobody, who asked, or who asked without waiting for an answer. */
export type LockPolicy = 'keep' | 'yield' | 'open';

/** A lock that is asked for, held or given up, as a member says it. Named by lock and time of the request, ms. */
export interface LockClaim {
  readonly id: string;
  readonly status: 'pending' | 'locked' | 'unlocked';
  readonly timestamp: number;
  readonly attributes?: Extras;
}

/** A request with more than official ones can say. */
export interface LockRequest {
  readonly id: string;
  readonly timestamp: number;
  readonly attributes?: Extras;
  /** ms from the grant, or from its renewal. */
  readonly ttl?: number;
  readonly policy?: LockPolicy;
  readonly wait?: boolean;
  readonly ask?: { readonly ms: number; readonly note?: unknown };
  readonly force?: boolean;
  /** Requests of one message with one group are granted together, or none of them. */
  readonly group?: string;
}

/** All that a member wants of locks: what it does not name it gives up. */
export interface LockWish {
  readonly claims: readonly LockClaim[];
  readonly requests: readonly LockRequest[];
}

/** What is no state of the member but said once. */
export type LockCommand =
  | { readonly act: 'renew'; readonly ids: readonly string[] }
  | {
      readonly act: 'answer';
      readonly id: string;
      readonly timestamp: number;
      readonly key: string;
      readonly accept: boolean;
    };

/** Claims and requests of one message. */
const MAX_ENTRIES = 200;
const MAX_ID_LENGTH = 256;
const policies: ReadonlySet<unknown> = new Set(['keep', 'yield', 'open']);
const statuses: ReadonlySet<unknown> = new Set(['pending', 'locked', 'unlocked']);
const nothing: LockWish = { claims: [], requests: [] };

/** Reads what a presence message wants of locks. Throws 40000 for what no client of ours or Ably's would send. */
export function lockWishOf({ extras }: PresenceMessage): LockWish {
  if (extras === undefined) return nothing;
  const claims = listOf(extras.locks, 'extras.locks').map(readClaim);
  const requests = listOf(fieldsOf(extras.parvis ?? {}, 'extras.parvis').requests, 'requests').map(readRequest);
  if (claims.length + requests.length > MAX_ENTRIES) refuse(`a message names ${MAX_ENTRIES} locks at most`);
  return { claims, requests };
}

/** Reads the command of a presence message, if it is one. Throws 40000. */
export function lockCommandOf({ extras }: PresenceMessage): LockCommand | undefined {
  const said = extras?.parvis;
  if (said === undefined || said === null) return undefined;
  const { act, ids, id, timestamp, connectionId, clientId, accept } = fieldsOf(said, 'extras.parvis');
  if (act === undefined) return undefined;
  if (act === 'renew') return { act, ids: listOf(ids, 'ids').slice(0, MAX_ENTRIES).map(readId) };
  if (act !== 'answer' || typeof accept !== 'boolean')
    refuse('act must be renew or answer, and an answer accept or not');
  if (typeof connectionId !== 'string' || typeof clientId !== 'string') refuse('an answer needs the member that asked');
  return { act, id: readId(id), timestamp: readTime(timestamp), key: `${connectionId}:${clientId}`, accept };
}

function readClaim(entry: unknown): LockClaim {
  const { id, status, timestamp, attributes } = fieldsOf(entry, 'a lock');
  if (!statuses.has(status)) refuse('status of a lock must be pending, locked or unlocked');
  return {
    id: readId(id),
    status: status as LockClaim['status'],
    timestamp: readTime(timestamp),
    ...readAttributes(attributes),
  };
}

function readRequest(entry: unknown): LockRequest {
  const { id, timestamp, attributes, ttl, policy, wait, ask, force, group } = fieldsOf(entry, 'a request');
  if (policy !== undefined && !policies.has(policy)) refuse('policy of a lock must be keep, yield or open');
  if (ttl !== undefined) readMs(ttl, 'ttl', 3_600_000);
  if (group !== undefined && (typeof group !== 'string' || group.length > MAX_ID_LENGTH))
    refuse('group must be a text');
  if (group !== undefined && (ask !== undefined || force === true)) refuse('a group can neither ask nor force');
  return {
    id: readId(id),
    timestamp: readTime(timestamp),
    ...readAttributes(attributes),
    ...(ttl === undefined ? {} : { ttl: ttl as number }),
    ...(policy === undefined ? {} : { policy: policy as LockPolicy }),
    ...(wait === true ? { wait } : {}),
    ...(ask === undefined ? {} : { ask: readAsk(ask) }),
    ...(force === true ? { force } : {}),
    ...(group === undefined ? {} : { group }),
  };
}

function readAsk(value: unknown): NonNullable<LockRequest['ask']> {
  const { ms, note } = fieldsOf(value, 'ask');
  return { ms: readMs(ms, 'ask.ms', 300_000), ...(note === undefined ? {} : { note }) };
}

function readMs(value: unknown, name: string, max: number): number {
  if (typeof value === 'number' && value >= 1_000 && value <= max) return Math.round(value);
  return refuse(`${name} must be 1000 to ${max} ms`);
}

function readId(value: unknown): string {
  if (typeof value === 'string' && value.length > 0 && value.length <= MAX_ID_LENGTH) return value;
  return refuse(`id of a lock must be a text of 1 to ${MAX_ID_LENGTH} characters`);
}

function readTime(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : refuse('timestamp of a lock must be a number');
}

function readAttributes(value: unknown): { attributes?: Extras } {
  return value === undefined || value === null ? {} : { attributes: fieldsOf(value, 'attributes') };
}

function listOf(value: unknown, name: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : refuse(`${name} must be a list`);
}

function fieldsOf(value: unknown, name: string): Extras {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Extras;
  return refuse(`${name} must be an object`);
}

function refuse(rule: string): never {
  throw errors.badRequest(`locks of a presence message are not valid: ${rule}`);
}
