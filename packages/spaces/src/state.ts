import { errors } from './errors.ts';
import { sameJson } from './json.ts';
import type { LocationsEvents } from './locations.ts';
import { type LockChange, type LockRequest, LockTable } from './lockTable.ts';
import type { Lock, SpaceMember, SpaceSnapshot } from './types.ts';
import type { LockEntry, MemberMessage } from './wire.ts';

/** What one presence message changed, in the order in which the application is told: which view emits what. */
export type Change =
  | {
      readonly on: 'members';
      readonly event: 'enter' | 'leave' | 'updateProfile' | 'remove';
      readonly payload: SpaceMember;
    }
  | { readonly on: 'locations'; readonly event: 'update'; readonly payload: LocationsEvents.UpdateEvent }
  | { readonly on: 'locks'; readonly event: 'update'; readonly payload: Lock };

interface MemberRecord {
  readonly member: SpaceMember;
  readonly message: MemberMessage;
  /** The last profile id of any message, and the last location id that was told of. */
  readonly profileId: string | null;
  readonly locationId: string | null;
  /** Keys that this member had before; what comes under them is old. */
  readonly former: readonly string[];
}

/**
 * The fold: presence messages in, an immutable snapshot and a list of changes out. It waits for nothing and reads no
 * clock, so the same messages give the same state; a resync is just more messages.
 */
export class SpaceState {
  readonly locks = new LockTable();
  /** Whether the server decides on locks; else each client does, by the rule of official ones. */
  isServed = false;
  readonly #records = new Map<string, MemberRecord>();
  #last: SpaceSnapshot = { members: [], locks: [] };
  #isDirty = false;

  /** The state as one immutable value; the same object as before if nothing changed. */
  get snapshot(): SpaceSnapshot {
    const last = this.#last;
    if (!this.#isDirty) return last;
    this.#isDirty = false;
    const all = [...this.#records.values()].map(({ member }) => member);
    const members = [true, false].flatMap((isHere) => all.filter(({ isConnected }) => isConnected === isHere));
    const locks = this.locks.held().map((request) => this.#lock(request));
    const next = { members: keep(last.members, members), locks: keep(last.locks, locks) };
    if (next.members !== last.members || next.locks !== last.locks) this.#last = next;
    return this.#last;
  }

  /** The member of this key, here or gone a moment ago. */
  member(key: string): SpaceMember | undefined {
    return this.#records.get(key)?.member;
  }

  /** The lock, if somebody holds it. */
  heldLock(id: string): Lock | undefined {
    const request = this.locks.holder(id);
    return request && this.#lock(request);
  }

  /** Folds one message. */
  apply(message: MemberMessage): Change[] {
    const { key, action, connectionId, locks } = message;
    const known = this.#records.get(key);
    if (!known && this.#isShadow(key)) return [];
    this.#isDirty = true;
    const isHere = action !== 'leave';
    const entries = (isHere && locks) || [];
    const gone = message.former.flatMap((former) => this.#supersede(former, message, entries));
    const { record, changes } = fold(message, known);
    // Who comes or goes moves to the end of the list.
    if (known?.member.isConnected !== isHere) this.#records.delete(key);
    this.#records.set(key, record);
    const isWhole = !isHere || action === 'present' || !locks;
    const lockChanges = this.isServed
      ? this.locks.obey(key, connectionId, entries, isWhole)
      : this.locks.replace(key, connectionId, entries);
    return [...gone, ...changes, ...this.#lockChanges(lockChanges)];
  }

  /** The member's time after leaving is over. */
  remove(key: string): Change[] {
    const member = this.member(key);
    if (!member || member.isConnected) return [];
    this.#records.delete(key);
    this.#isDirty = true;
    const removed: Change = { on: 'members', event: 'remove', payload: member };
    const { location: previousLocation } = member;
    if (!previousLocation) return [removed];
    const payload = { member: { ...member, location: null }, previousLocation, currentLocation: null };
    return [removed, { on: 'locations', event: 'update', payload }];
  }

  /** Brings the fold in line with the whole presence set: one list of changes per member that differs. */
  reconcile(messages: readonly MemberMessage[]): Change[][] {
    const listed = new Set(messages.map(({ key }) => key));
    const missing = [...this.#records.values()].filter(
      ({ member, message }) => member.isConnected && !listed.has(message.key),
    );
    const news = messages.filter(({ key, id }) => {
      const known = this.#records.get(key);
      return !known?.member.isConnected || id === undefined || known.message.id !== id;
    });
    return [
      ...missing.map(({ message }) => this.apply({ ...message, action: 'leave', former: [] })),
      ...news.map((message) => this.apply({ ...message, action: 'present' })),
    ];
  }

  /** The last message of each member who is here. */
  messages(): MemberMessage[] {
    return [...this.#records.values()].flatMap(({ member, message }) => (member.isConnected ? message : []));
  }

  /** Decides on all locks, after a pause; `selfKey` is told of its refusals. */
  resumeLocks(selfKey: string): Change[] {
    return this.#lockChanges(this.locks.resume(selfKey));
  }

  #isShadow(key: string): boolean {
    return [...this.#records.values()].some(({ former }) => former.includes(key));
  }

  /** The member goes on under the key of the message; the old one leaves and is removed at once. */
  #supersede(key: string, message: MemberMessage, entries: readonly LockEntry[]): Change[] {
    const member = this.member(key);
    if (!member || key === message.key) return [];
    // The server lets the old connection's locks go when that has ended, and none goes on by itself.
    const locks = this.isServed
      ? this.locks.obey(key, member.connectionId, [], true, errors.lockLost)
      : this.locks.rekey(key, message.key, message.connectionId, entries);
    this.#records.delete(key);
    const gone: SpaceMember = { ...member, isConnected: false, lastEvent: { ...member.lastEvent, name: 'leave' } };
    const left: Change[] = member.isConnected ? [{ on: 'members', event: 'leave', payload: gone }] : [];
    return [...left, { on: 'members', event: 'remove', payload: gone }, ...this.#lockChanges(locks)];
  }

  #lockChanges(changes: readonly LockChange[]): Change[] {
    if (changes.length) this.#isDirty = true;
    return changes.map(({ request, status, reason }) => {
      return {
        on: 'locks',
        event: 'update',
        payload: { ...this.#lock(request), ...request.entry, status, ...(reason && { reason }) },
      };
    });
  }

  #lock(request: LockRequest): Lock {
    const member = this.member(request.key) ?? request.lock?.member;
    if (!request.lock || request.lock.member !== member) {
      request.lock = { ...request.entry, status: 'locked', member } as Lock;
    }
    return request.lock;
  }
}

/** The list as it was if it holds the same objects, else the new one. */
function keep<T>(before: readonly T[], after: readonly T[]): readonly T[] {
  return before.length === after.length && before.every((item, i) => item === after[i]) ? before : after;
}

/** What a message makes of what is known of its member. */
function fold(message: MemberMessage, known: MemberRecord | undefined): { record: MemberRecord; changes: Change[] } {
  const { action, timestamp, profile, location, former } = message;
  const changes: Change[] = [];
  const told = memberOf(message, known?.member);
  const isArriving = action === 'enter' || !known?.member.isConnected;
  const isSame = known && told.profileData === known.member.profileData && told.location === known.member.location;
  const listed: SpaceMember = action === 'leave' ? told : { ...told, lastEvent: { name: 'present', timestamp } };
  const member = isSame && !isArriving && action !== 'leave' ? known.member : listed;
  if (action === 'enter' || action === 'leave') changes.push({ on: 'members', event: action, payload: told });
  if (profile.id !== null && profile.id !== known?.profileId) {
    changes.push({ on: 'members', event: 'updateProfile', payload: told });
  }
  const isMove = action === 'update' && location.id !== null && location.id !== known?.locationId;
  if (isMove) {
    const payload = { member, currentLocation: location.current, previousLocation: location.previous };
    changes.push({ on: 'locations', event: 'update', payload });
  }
  const record = {
    member,
    message,
    profileId: profile.id ?? known?.profileId ?? null,
    locationId: isMove ? location.id : (known?.locationId ?? null),
    former: former.length ? former : (known?.former ?? []),
  };
  return { record, changes };
}

/** The member as the message tells it; values that are equal to those known stay the same objects. */
function memberOf(
  { clientId, connectionId, action, timestamp, ...told }: MemberMessage,
  known?: SpaceMember,
): SpaceMember {
  const profile = told.profile.current;
  const location = told.location.current;
  return {
    clientId,
    connectionId,
    isConnected: action !== 'leave',
    profileData: known && sameJson(known.profileData, profile) ? known.profileData : profile,
    location: known && sameJson(known.location, location) ? known.location : location,
    lastEvent: { name: action, timestamp },
  };
}
