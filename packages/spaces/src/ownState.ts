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

/** Changes on their way: what is undefined stays; a null lock is released. */
export interface OwnPatch {
  profile?: { readonly value: ProfileData };
  location?: { readonly value: unknown };
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
    profile: patch.profile ? patch.profile.value : state.profile,
    location: patch.location ? patch.location.value : state.location,
    locks,
  };
}

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
