import { type ErrorInfo, type Extras, errors, type PresenceMessage } from '@parvis/protocol';
import type { LockPolicy } from './lockWish.ts';

/** What the holder of a lock has said about it. */
interface LockTerms {
  readonly attributes?: Extras;
  readonly ttl?: number;
  readonly policy?: LockPolicy;
}

/** A lock that a member holds. */
export interface HeldLock extends LockTerms {
  readonly id: string;
  /** Of the request, by the clock of who asked: a name, and nothing that decides. */
  readonly timestamp: number;
  /** Grows with each grant in the space. */
  readonly fence: number;
}

/** A request that waits for a lock. */
export interface WaitingLock extends LockTerms {
  readonly id: string;
  readonly timestamp: number;
  /** Its place among all that wait in the space: the smaller goes first. */
  readonly at: number;
  /** Granted together with all others of its member with this `group` and `at`. */
  readonly group?: string;
  /** What the holder was asked; `until` is the engine's time, ms. */
  readonly ask?: { readonly until: number; readonly note?: unknown };
}

/** Why a lock was not given, or is no longer held. */
export type LockReason = 'held' | 'taken' | 'expired' | 'tooMany' | 'noForce' | 'tooLarge';

/** A request that has come to its end, for as long as its member goes on sending it. */
export interface RefusedLock {
  readonly id: string;
  readonly timestamp: number;
  readonly reason: LockReason;
}

/** All that a member has to do with locks. */
export interface Locking {
  readonly held: readonly HeldLock[];
  readonly waiting: readonly WaitingLock[];
  readonly refused: readonly RefusedLock[];
}

/** Who has nothing to do with locks. */
export const noLocks: Locking = { held: [], waiting: [], refused: [] };

/** Bytes of attributes, or of a note, as JSON. */
export const maxLockData = 4_096;

/** A presence message as its row keeps it: as the set shows it, and what it says of locks beside that. */
export interface StoredPresence extends PresenceMessage {
  locking?: Locking;
}

/** One request, and what has become of it, for its member to know. */
export interface LockOutcome {
  readonly id: string;
  readonly timestamp: number;
  readonly outcome: 'denied' | 'lost' | 'expired';
  readonly reason: unknown;
  readonly by?: { readonly connectionId?: string; readonly clientId?: string };
  readonly how?: string;
}

/** What an echo says of one lock. */
export type LockAnswer =
  | { readonly status: 'locked'; readonly held: HeldLock }
  | { readonly status: 'unlocked'; readonly timestamp: number; readonly reason?: LockReason };

/** A reason as clients get it. */
export function reasonOf(reason: LockReason, channel: string): ReturnType<ErrorInfo['toJSON']> {
  return errorOf(reason, channel).toJSON();
}

function errorOf(reason: LockReason, channel: string): ErrorInfo {
  switch (reason) {
    case 'held':
      return errors.lockHeld();
    case 'taken':
      return errors.lockTaken();
    case 'expired':
      return errors.lockExpired();
    case 'tooMany':
      return errors.tooManyLocks();
    case 'noForce':
      return errors.capabilityDenied('taking locks by force', `channel ${channel}`);
    case 'tooLarge':
      return errors.lockDataTooLarge(maxLockData);
  }
}

/** Extras of a member as its set shows them: its locks, each held. */
export function storedExtras(extras: Extras | undefined, locking: Locking): Extras | undefined {
  return lockExtras(extras, locking, locking.held.length === 0 ? undefined : locking.held.map(heldEntry), []);
}

/** Extras of a live message: what it changes, or was asked for. */
export function liveExtras(
  extras: Extras | undefined,
  locking: Locking,
  told: { readonly answers: ReadonlyMap<string, LockAnswer>; readonly outcomes: readonly LockOutcome[] },
  channel: string,
): Extras | undefined {
  const entries = [...told.answers].map(([id, answer]) => answerEntry(id, answer, channel));
  const isSilent = entries.length === 0 && locking.held.length === 0;
  return lockExtras(extras, locking, isSilent ? undefined : entries, told.outcomes);
}

function lockExtras(
  { locks: _locks, parvis: said, ...others }: Extras = {},
  { held, waiting }: Locking,
  locks: readonly unknown[] | undefined,
  outcomes: readonly LockOutcome[],
): Extras | undefined {
  const terms = held.flatMap(({ id, ttl, policy }) =>
    ttl === undefined && policy === undefined ? [] : [defined({ id, ttl, policy })],
  );
  const parvis = {
    ...notOfLocks(said),
    ...(waiting.length === 0 ? {} : { waiting: waiting.map(({ ttl: _ttl, policy: _policy, ...shown }) => shown) }),
    ...(terms.length === 0 ? {} : { held: terms }),
    ...(outcomes.length === 0 ? {} : { outcomes }),
  };
  const extras = {
    ...others,
    ...(locks === undefined ? {} : { locks }),
    ...(Object.keys(parvis).length === 0 ? {} : { parvis }),
  };
  return Object.keys(extras).length === 0 ? undefined : extras;
}

/** What else a member says under our key: it is no business of locks, and stays. */
function notOfLocks(said: unknown): Extras {
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return {};
  const { requests: _requests, waiting: _waiting, held: _held, outcomes: _outcomes, ...others } = said as Extras;
  return others;
}

function heldEntry({ id, timestamp, fence, attributes }: HeldLock): Extras {
  return defined({ id, status: 'locked', timestamp, fence, attributes });
}

function answerEntry(id: string, answer: LockAnswer, channel: string): Extras {
  if (answer.status === 'locked') return heldEntry(answer.held);
  const { status, timestamp, reason } = answer;
  return defined({ id, status, timestamp, reason: reason === undefined ? undefined : reasonOf(reason, channel) });
}

function defined(fields: Extras): Extras {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
