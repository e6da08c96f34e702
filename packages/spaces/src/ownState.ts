import { isObject } from './json.ts';
import type { ProfileData } from './types.ts';
import type { LockEntry, MemberData } from './wire.ts';

/** A lock that this client asked for; its status is looked up when it is sent. */
export interface OwnLock {
  readonly id: string;
  readonly timestamp: number;
  readonly attributes?: unknown;
  /** How it is asked for, where the server decides: waiting, ttl and the like. */
  readonly terms?: object;
}

/** What this client wants the others to know of it while it is in the space. Never changed, only replaced. */
export interface OwnState {
  readonly profile: ProfileData;
  readonly location: unknown;
  readonly locks: ReadonlyMap<string, OwnLock>;
}

/** What a change makes of a value. It runs when it is sent, so that what was refused meanwhile is not in it. */
export type Edit<V = unknown> = (current: V) => V;

/** Changes on their way: what is undefined stays; a null lock is released. */
export interface OwnPatch {
  profile?: Edit<ProfileData>;
  location?: Edit;
  readonly locks: Map<string, OwnLock | null>;
}

/** The state of somebody who just came in. */
export const EMPTY: OwnState = { profile: null, location: null, locks: new Map() };

/** The state after a patch. */
export function patched(state: OwnState, patch: OwnPatch): OwnState {
  const locks = new Map(state.locks);
  for (const [id, lock] of patch.locks) {
    if (lock) locks.set(id, lock);
    else locks.delete(id);
  }
  return {
    profile: patch.profile ? patch.profile(state.profile) : state.profile,
    location: patch.location ? patch.location(state.location) : state.location,
    locks,
  };
}

/** One change after another. */
export const after = <V>(first: Edit<V> | undefined, next: Edit<V>): Edit<V> =>
  first ? (current) => next(first(current)) : next;

/** Puts the keys of `fields`, a JSON object, over those of an object; the keys of `gone` go. */
export const merge =
  (fields: object, gone: readonly string[]) =>
  <V>(current: V): V => {
    const merged = { ...(isObject(current) ? current : {}), ...fields } as Record<string, unknown>;
    for (const key of gone) delete merged[key];
    return merged as V;
  };

/** The presence data that tells a state and which parts of it are new; `newId` makes an id unique to this connection. */
export function memberData(before: OwnState, after: OwnState, patch: OwnPatch, newId: () => string): MemberData {
  const { profile, location } = patch;
  return {
    profileUpdate: { id: profile ? newId() : null, current: after.profile },
    locationUpdate: {
      id: location ? newId() : null,
      current: after.location,
      previous: location ? before.location : null,
    },
  };
}

/**
 * The lock entries that tell a state. A lock that was held before and is no more is told once as `unlocked`, and so are
 * those of `retold`.
 */
export function lockEntries(
  before: OwnState,
  after: OwnState,
  retold: readonly OwnLock[],
  isHeld: (lock: OwnLock) => boolean,
): LockEntry[] {
  const released = new Map([...retold, ...before.locks.values()].map((lock) => [lock.id, lock]));
  for (const id of after.locks.keys()) released.delete(id);
  return [
    ...[...released.values()].map((lock): LockEntry => ({ ...lock, status: 'unlocked' })),
    ...[...after.locks.values()].map((lock): LockEntry => ({ ...lock, status: isHeld(lock) ? 'locked' : 'pending' })),
  ];
}
