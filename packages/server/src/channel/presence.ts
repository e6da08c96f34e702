import { presenceClientId } from '@parvis/auth';
import { errors, isNewer, memberKey, PresenceAction, type PresenceMessage, sizeOf } from '@parvis/protocol';
import type { Draft, Expectation, RowChange } from '../engine/engine.ts';
import type { PresencePayload } from './entryView.ts';
import { withUserClaim } from './extras.ts';
import { noLocks, type StoredPresence } from './lock.ts';
import { judgeLocks } from './lockJudge.ts';
import { connectionOwner } from './lockRows.ts';
import { type LockTurn, onlyConnectionOf } from './lockTurn.ts';
import { presenceTable } from './presenceTable.ts';
import { checkMessageId } from './publish.ts';

/** A member as stored: the message that last set it, and the serial and time of that entry. */
export interface Member {
  readonly message: StoredPresence;
  readonly serial: string;
  readonly time: number;
}

/** Who sends presence, and what its members are tied to. */
export interface PresenceOrigin {
  readonly connectionId: string;
  /** The connection's identity: a name, `*`, or undefined for anonymous. */
  readonly clientId: string | undefined;
  /** `<connectionId>:<msgSerial>`: base of the events' ids, and what recognises a repeated frame. */
  readonly idBase: string;
  /** Lease that the rows live by. */
  readonly owner: string;
  /** `extras.userClaim` of all that it sends. */
  readonly userClaim?: string | undefined;
  /** Whether it may take a lock by force. */
  readonly mayForce?: boolean;
}

/** What presence rules look at: the set as it stands, and its bounds. */
export interface PresenceSet {
  get(key: string): Member | undefined;
  readonly size: number;
  /** Bytes of data and extras of all members. */
  readonly bytes: number;
  readonly maxMembers: number;
  readonly maxBytes: number;
}

/**
 * Folds the events of one PRESENCE frame into a draft: all of them or none. Undefined means that nothing changes, and the
 * frame is acknowledged all the same. Throws 91000, 40012, 40013, 91003 or 91006 (protocol reference 2.11). Where the service
 * decides who holds a lock, `locks` is the turn that takes part in the draft; it may throw 40000.
 */
export function draftPresence(
  origin: PresenceOrigin,
  events: readonly PresenceMessage[],
  set: PresenceSet,
  locks?: LockTurn,
): Draft | undefined {
  const fold = new PresenceFold(origin, set, locks);
  for (const [index, event] of events.entries()) fold.add(event, index);
  return fold.draft();
}

class PresenceFold {
  readonly #origin: PresenceOrigin;
  readonly #set: PresenceSet;
  /** Members as this frame leaves them so far; undefined is gone. */
  readonly #overlay = new Map<string, StoredPresence | undefined>();
  readonly #broadcast: PresenceMessage[] = [];
  readonly #locks: LockTurn | undefined;
  /** In step with `broadcast`, where locks are judged. */
  readonly #stored: (StoredPresence | null)[] = [];
  #members: number;
  #bytes: number;

  constructor(origin: PresenceOrigin, set: PresenceSet, locks: LockTurn | undefined) {
    this.#origin = origin;
    this.#set = set;
    this.#locks = locks;
    this.#members = set.size;
    this.#bytes = set.bytes;
  }

  add(event: PresenceMessage, index: number): void {
    const { connectionId, idBase } = this.#origin;
    const clientId = presenceClientId(this.#origin.clientId, event.clientId);
    const key = memberKey({ clientId, connectionId });
    const member = this.#current(key);
    // An enter may bring the id it had before a reconnect; nothing else has a say in its id.
    const givenId = event.action === PresenceAction.ENTER ? event.id : undefined;
    if (givenId !== undefined) checkMessageId(givenId);
    const id = givenId ?? `${idBase}:${index}`;
    const isBareLeave = event.action === PresenceAction.LEAVE && event.data === undefined;
    const said = isBareLeave && member !== undefined ? withStateOf(event, member) : event;
    const { timestamp: _time, extras: given, ...rest } = said;
    const extras = withUserClaim(given, this.#origin.userClaim);
    const stamped: PresenceMessage = {
      ...rest,
      id,
      clientId,
      connectionId,
      ...(extras === undefined ? {} : { extras }),
    };
    const isPut = event.action === PresenceAction.ENTER || event.action === PresenceAction.UPDATE;
    if (!isPut && event.action !== PresenceAction.LEAVE) {
      throw errors.badRequest('presence action must be enter (2), leave (3) or update (4)');
    }
    if (member !== undefined && isStale(stamped, member)) return;
    if (isPut) this.#put(key, stamped, member);
    else this.#leave(key, stamped, member);
  }

  draft(): Draft | undefined {
    if (this.#broadcast.length === 0) return undefined;
    const { connectionId, idBase, owner } = this.#origin;
    const rows: RowChange[] = [];
    const expect: Expectation[] = [];
    for (const [key, message] of this.#overlay) {
      const ownerOf = this.#locks === undefined ? owner : connectionOwner(this.#locks.scene.ref, key);
      rows.push(
        message === undefined
          ? { table: presenceTable, key }
          : { table: presenceTable, key, value: message, owner: ownerOf },
      );
      expect.push({ table: presenceTable, key, serial: this.#set.get(key)?.serial ?? null });
    }
    const payload: PresencePayload = { idBase, connectionId, presence: this.#broadcast };
    const draft = { kind: 'presence', id: `c:${idBase}`, payload, rows, expect } as const;
    return this.#locks === undefined ? draft : this.#withLocks(draft, this.#locks);
  }

  #withLocks(draft: Draft & { readonly payload: PresencePayload }, locks: LockTurn): Draft {
    if (this.#stored.every((stored) => stored === null)) return draft;
    const { rows = [], expect = [] } = draft;
    const footing = locks.footing();
    const { idBase, presence } = draft.payload;
    const connectionId = onlyConnectionOf(presence);
    const payload: PresencePayload = {
      idBase,
      ...(connectionId === undefined ? {} : { connectionId }),
      presence,
      stored: this.#stored,
      ...(footing.counter === undefined ? {} : { counter: footing.counter }),
    };
    return { ...draft, payload, rows: [...rows, ...footing.rows], expect: [...expect, ...footing.expect] };
  }

  #current(key: string): StoredPresence | undefined {
    return this.#overlay.has(key) ? this.#overlay.get(key) : this.#set.get(key)?.message;
  }

  #put(key: string, event: PresenceMessage, member: PresenceMessage | undefined): void {
    // An update of nobody is how a client enters whose member has lapsed.
    const stored = member === undefined ? { ...event, action: PresenceAction.ENTER } : event;
    if (member === undefined && ++this.#members > this.#set.maxMembers)
      throw errors.tooManyMembers(this.#set.maxMembers);
    if (this.#locks !== undefined) {
      this.#putJudged(key, stored, member, this.#locks);
      return;
    }
    this.#store(key, stored, member);
    this.#broadcast.push(stored);
  }

  /** Who loses a lock is told of it before who gets it. */
  #putJudged(key: string, event: PresenceMessage, member: PresenceMessage | undefined, locks: LockTurn): void {
    const { told, stored } = judgeLocks(locks, key, event, this.#origin.mayForce === true);
    this.#store(key, stored, member);
    for (const served of locks.served(`locks-${this.#origin.idBase}`, (other) => this.#current(other))) {
      this.#store(served.key, served.stored, this.#current(served.key));
      this.#tell(served.told, served.stored);
    }
    const had = member as StoredPresence | undefined;
    const isPlain = [had, stored, told as StoredPresence].every(
      (each) => each?.extras === undefined && each?.locking === undefined,
    );
    this.#tell(told, isPlain ? null : stored);
  }

  #store(key: string, stored: StoredPresence, member: PresenceMessage | undefined): void {
    this.#bytes += sizeOf(stored) - (member === undefined ? 0 : sizeOf(member));
    if (this.#bytes > this.#set.maxBytes) throw errors.presenceTooLarge(this.#set.maxBytes);
    this.#overlay.set(key, stored);
  }

  #tell(event: PresenceMessage, stored: StoredPresence | null): void {
    this.#broadcast.push(event);
    this.#stored.push(stored);
  }

  #leave(key: string, event: PresenceMessage, member: PresenceMessage | undefined): void {
    if (member === undefined) return;
    this.#members -= 1;
    this.#bytes -= sizeOf(member);
    this.#overlay.set(key, undefined);
    if (this.#locks === undefined) this.#broadcast.push(event);
    else this.#leaveJudged(key, event, this.#locks);
  }

  #leaveJudged(key: string, event: PresenceMessage, locks: LockTurn): void {
    const isPlain = locks.of(key) === noLocks;
    if (!isPlain) locks.set(key, noLocks);
    this.#tell(withoutLocks(event), isPlain ? null : withoutLocks(event));
  }
}

/**
 * Whether an event comes from before what is stored: nothing changes then, and nobody is told, for every client decides by
 * the same rule. The re-entry after a reconnect is one of these: an enter with the id of the stored member, and without
 * its extras (spec RTP17g), or with an older id when the echo of what the client did last was lost.
 */
function isStale(event: PresenceMessage, member: PresenceMessage): boolean {
  const isOwn = ({ id, connectionId = '' }: PresenceMessage) => id?.startsWith(connectionId) === true;
  return isOwn(event) && isOwn(member) ? !isNewer(event, member) : event.id === member.id;
}

/** A leave without data says what the member last said: the official Spaces SDK cannot read a leave without it. */
function withStateOf(leave: PresenceMessage, member: PresenceMessage): PresenceMessage {
  const { data, encoding } = member;
  const extras = leave.extras ?? member.extras;
  return {
    ...leave,
    ...(data === undefined ? {} : { data }),
    ...(encoding === undefined ? {} : { encoding }),
    ...(extras === undefined ? {} : { extras }),
  };
}

/**
 * Leaves that the service makes for members whose connection is gone. Their ids begin with no connection's id, so that
 * clients compare them by time and never take them for stale (protocol reference 2.11).
 *
 * `unset` members are still there and are removed by the entry; lapsed ones are gone already, and the draft holds only
 * if nobody has entered under their keys since.
 */
export function draftLeaves(
  members: readonly Member[],
  state: 'unset' | 'lapsed',
  idBase: string,
  locks?: LockTurn,
): Draft {
  const keys = members.map((member) => ({ key: memberKey(member.message), serial: member.serial }));
  const presence = members.map(({ message }, index) => ({
    ...withStateOf({ action: PresenceAction.LEAVE }, message),
    id: `${idBase}:${index}`,
    ...(message.clientId === undefined ? {} : { clientId: message.clientId }),
    ...(message.connectionId === undefined ? {} : { connectionId: message.connectionId }),
  }));
  const draft = {
    kind: 'presence',
    id: `l:${idBase}`,
    payload: { idBase, presence } satisfies PresencePayload,
    rows: state === 'unset' ? keys.map(({ key }) => ({ table: presenceTable, key })) : [],
    expect: keys.map(({ key, serial }) => ({
      table: presenceTable,
      key,
      serial: state === 'unset' ? serial : null,
    })),
  } as const;
  return locks === undefined ? draft : leavesWithLocks(draft, members, locks);
}

/** What the members held and waited for goes with them. */
function leavesWithLocks(
  draft: Draft & { readonly payload: PresencePayload },
  members: readonly Member[],
  locks: LockTurn,
): Draft {
  const presence = draft.payload.presence.map(withoutLocks);
  for (const { message } of members) locks.set(memberKey(message), noLocks);
  const { rows, expect, counter } = locks.footing();
  return {
    ...draft,
    payload: { ...draft.payload, presence, ...(counter === undefined ? {} : { counter }) },
    rows: [...(draft.rows ?? []), ...rows],
    expect: [...(draft.expect ?? []), ...expect],
  };
}

/** Who leaves holds nothing: what its message says of locks is of no use to anybody. */
function withoutLocks(event: PresenceMessage): PresenceMessage {
  if (event.extras === undefined) return event;
  const { extras, ...bare } = event;
  const { locks: _locks, parvis: _parvis, ...others } = extras;
  return Object.keys(others).length === 0 ? bare : { ...bare, extras: others };
}

/** A member as SYNC and REST show it. */
export function presentOf(member: Member): PresenceMessage {
  if (member.message.locking === undefined) {
    return { ...member.message, action: PresenceAction.PRESENT, timestamp: member.time };
  }
  const { locking: _, ...message } = member.message;
  return { ...message, action: PresenceAction.PRESENT, timestamp: member.time };
}
