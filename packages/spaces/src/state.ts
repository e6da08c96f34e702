import { sameJson } from './json.ts';
import { type LockChange, type LockRequest, LockTable } from './lockTable.ts';
import type { Lock, SpaceMember, SpaceSnapshot } from './types.ts';
import type { LockEntry, MemberMessage } from './wire.ts';

/** What one presence message changed, in the order in which the application is told. */
export type Change =
  | {
      readonly on: 'members';
      readonly event: 'enter' | 'leave' | 'updateProfile' | 'remove';
      readonly member: SpaceMember;
    }
  | {
      readonly on: 'locations';
      readonly member: SpaceMember;
      readonly currentLocation: unknown;
      readonly previousLocation: unknown;
    }
  | { readonly on: 'locks'; readonly lock: Lock };

interface MemberRecord {
  member: SpaceMember;
  messageId: string | undefined;
  profileId: string | null;
  locationId: string | null;
  former: readonly string[];
}

/**
 * The fold: presence messages in, an immutable snapshot and a list of changes out. It waits for nothing and reads no
 * clock, so the same messages give the same state; a resync is just more messages.
 */
export class SpaceState {
  private readonly live = new Map<string, MemberRecord>();
  private readonly left = new Map<string, MemberRecord>();
  private readonly superseded = new Map<string, string>();
  private readonly table = new LockTable();
  private readonly lockOf = new WeakMap<LockRequest, { entry: LockEntry; lock: Lock }>();
  private lastSnapshot: SpaceSnapshot = { members: [], locks: [] };
  private isDirty = false;

  /** The state as one immutable value; the same object as before if nothing changed. */
  get snapshot(): SpaceSnapshot {
    if (this.isDirty) {
      this.isDirty = false;
      const members = [...this.live.values(), ...this.left.values()].map(({ member }) => member);
      const locks = this.table.held().map((request) => this.lock(request));
      const last = this.lastSnapshot;
      const next = { members: keep(last.members, members), locks: keep(last.locks, locks) };
      if (next.members !== last.members || next.locks !== last.locks) this.lastSnapshot = next;
    }
    return this.lastSnapshot;
  }

  /** The member of this key, if it is here now. */
  present(key: string): SpaceMember | undefined {
    return this.live.get(key)?.member;
  }

  /** Whether the member left and is not removed yet. */
  isLeaver(key: string): boolean {
    return this.left.has(key);
  }

  /** The lock, if somebody holds it. */
  heldLock(id: string): Lock | undefined {
    const request = this.table.holder(id);
    return request && this.lock(request);
  }

  /** Whether more than one member asks for the lock. */
  isContested(id: string): boolean {
    return this.table.isContested(id);
  }

  /** The live lock requests of a member, whatever became of them. */
  requestsOf(key: string): LockRequest[] {
    return this.table.requestsOf(key);
  }

  /** See {@link LockTable.verdict}. */
  verdict(key: string, id: string, timestamp: number): 'open' | 'held' | 'refused' {
    return this.table.verdict(key, id, timestamp);
  }

  /** Folds one message. */
  apply(message: MemberMessage): Change[] {
    if (this.superseded.has(message.key)) return [];
    this.isDirty = true;
    if (message.former.length) this.forget(this.live.get(message.key)?.former, message.former);
    const gone = message.former.flatMap((key) => this.supersede(key, message));
    return [...gone, ...(message.action === 'leave' ? this.leave(message) : this.upsert(message))];
  }

  /** The member's time after leaving is over. */
  remove(key: string): Change[] {
    const record = this.left.get(key);
    if (!record) return [];
    this.left.delete(key);
    this.isDirty = true;
    this.forget(record.former);
    const { member } = record;
    const { location } = member;
    const removed: Change = { on: 'members', event: 'remove', member };
    if (!location) return [removed];
    const after = { ...member, location: null };
    return [removed, { on: 'locations', member: after, previousLocation: location, currentLocation: null }];
  }

  /** Brings the fold in line with the whole presence set: one list of changes per member that differs. */
  reconcile(messages: readonly MemberMessage[]): Change[][] {
    const listed = new Set(messages.map(({ key }) => key));
    const missing = [...this.live].filter(([key]) => !listed.has(key));
    const news = messages.filter(({ key, id }) => {
      const record = this.live.get(key);
      return !record || id === undefined || record.messageId !== id;
    });
    return [
      ...missing.map(([key, { member, messageId }]) => this.apply(leaveOf(key, member, messageId))),
      ...news.map((message) => this.apply({ ...message, action: 'present' })),
    ];
  }

  /** Whether no decision on locks is taken. */
  get isPaused(): boolean {
    return this.table.isPaused;
  }

  /** Takes no decision on locks until {@link resumeLocks}: messages may have been missed. */
  pauseLocks(): void {
    this.table.pause();
  }

  /** Decides on all locks; `selfKey` is told of its refusals. */
  resumeLocks(selfKey: string): Change[] {
    return this.lockChanges(this.table.resume(selfKey));
  }

  private supersede(key: string, message: MemberMessage): Change[] {
    if (key === message.key) return [];
    this.superseded.set(key, message.key);
    const record = this.live.get(key) ?? this.left.get(key);
    if (!record) return [];
    this.forget(record.former, message.former);
    const locks = this.table.rekey(key, message.key, message.connectionId);
    this.live.delete(key);
    const gone = this.left.delete(key) ? goneChanges(record.member).slice(1) : goneChanges(record.member);
    return [...gone, ...this.lockChanges(locks)];
  }

  private forget(former: readonly string[] | undefined, but: readonly string[] = []): void {
    for (const key of former ?? []) if (!but.includes(key)) this.superseded.delete(key);
  }

  private leave(message: MemberMessage): Change[] {
    const { key } = message;
    const record = this.live.get(key) ?? this.left.get(key);
    this.live.delete(key);
    this.left.delete(key);
    const raw = memberOf(message, record?.member);
    this.left.set(key, recordOf(message, raw, record));
    return [
      { on: 'members', event: 'leave', member: raw },
      ...profileChange(message, raw, record),
      ...this.lockChanges(this.table.replace(key, message.connectionId, [])),
    ];
  }

  private upsert(message: MemberMessage): Change[] {
    const { key, action } = message;
    const record = this.live.get(key) ?? this.left.get(key);
    const raw = memberOf(message, record?.member);
    const isSame = record?.member.isConnected && action !== 'enter' && sameMember(raw, record.member);
    const listed: SpaceMember = { ...raw, lastEvent: { name: 'present', timestamp: message.timestamp } };
    const next = recordOf(message, isSame ? record.member : listed, record);
    this.left.delete(key);
    this.live.set(key, next);
    const changes: Change[] = action === 'enter' ? [{ on: 'members', event: 'enter', member: raw }] : [];
    changes.push(...profileChange(message, raw, record));
    const { id, current: currentLocation, previous: previousLocation } = message.location;
    if (action === 'update' && id !== null && id !== record?.locationId) {
      next.locationId = id;
      changes.push({ on: 'locations', member: next.member, currentLocation, previousLocation });
    }
    return [...changes, ...this.lockChanges(this.table.replace(key, message.connectionId, message.locks ?? []))];
  }

  private lockChanges(changes: readonly LockChange[]): Change[] {
    if (changes.length) this.isDirty = true;
    return changes.map(({ request, status, reason }) => {
      return { on: 'locks', lock: { ...this.lock(request), status, ...(reason && { reason }) } };
    });
  }

  private lock(request: LockRequest): Lock {
    const { key, entry } = request;
    const known = this.lockOf.get(request);
    const member = (this.live.get(key) ?? this.left.get(key))?.member ?? known?.lock.member;
    if (known && known.lock.member === member && known.entry === entry) return known.lock;
    const lock = { ...entry, status: 'locked', member } as Lock;
    this.lockOf.set(request, { entry, lock });
    return lock;
  }
}

/** The list as it was if it holds the same objects, else the new one. */
function keep<T>(before: readonly T[], after: readonly T[]): readonly T[] {
  return before.length === after.length && before.every((item, i) => item === after[i]) ? before : after;
}

/** The member as the message tells it; values that are equal to those known stay the same objects. */
function memberOf(message: MemberMessage, known: SpaceMember | undefined): SpaceMember {
  const { clientId, connectionId, action, timestamp } = message;
  const profile = message.profile.current;
  const location = message.location.current;
  return {
    clientId,
    connectionId,
    isConnected: action !== 'leave',
    profileData: known && sameJson(known.profileData, profile) ? known.profileData : profile,
    location: known && sameJson(known.location, location) ? known.location : location,
    lastEvent: { name: action, timestamp },
  };
}

function sameMember(a: SpaceMember, b: SpaceMember): boolean {
  return a.profileData === b.profileData && a.location === b.location;
}

function recordOf(message: MemberMessage, member: SpaceMember, known: MemberRecord | undefined): MemberRecord {
  return {
    member,
    messageId: message.id,
    profileId: message.profile.id ?? known?.profileId ?? null,
    locationId: known?.locationId ?? null,
    former: message.former.length ? message.former : (known?.former ?? []),
  };
}

function profileChange(message: MemberMessage, member: SpaceMember, known: MemberRecord | undefined): Change[] {
  const { id } = message.profile;
  return id === null || id === known?.profileId ? [] : [{ on: 'members', event: 'updateProfile', member }];
}

function goneChanges(member: SpaceMember): Change[] {
  const gone: SpaceMember = { ...member, isConnected: false, lastEvent: { ...member.lastEvent, name: 'leave' } };
  return [
    { on: 'members', event: 'leave', member: gone },
    { on: 'members', event: 'remove', member: gone },
  ];
}

/** The leave of a member that is missing from the presence set. */
function leaveOf(key: string, member: SpaceMember, id: string | undefined): MemberMessage {
  const { clientId, connectionId, profileData, location, lastEvent } = member;
  return {
    key,
    action: 'leave',
    clientId,
    connectionId,
    id,
    timestamp: lastEvent.timestamp,
    profile: { id: null, current: profileData },
    location: { id: null, current: location, previous: null },
    locks: undefined,
    former: [],
  };
}
