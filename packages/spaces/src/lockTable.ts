import { type ErrorInfo, errors } from './errors.ts';
import { sameJson } from './json.ts';
import { type Claim, holderOf } from './lockRules.ts';
import type { LockEntry } from './wire.ts';

/** One member's request for one lock. */
export interface LockRequest extends Claim {
  /** Key of the member who asks. */
  key: string;
  connectionId: string;
  /** As first sent, so its status is no news; the same object until something else in it changes. */
  entry: LockEntry;
  /** Lost once, and so out of the race until the member asks anew, or says that it holds the lock all the same. */
  refused: boolean;
  /** The member says that it holds the lock: it was granted in the eyes of those who saw what it saw. */
  isClaimed: boolean;
}

/** A change to tell the application of: `request` is now locked, or unlocked for this reason (none: released). */
export interface LockChange {
  readonly request: LockRequest;
  readonly status: 'locked' | 'unlocked';
  readonly reason?: ErrorInfo;
}

const isInRace = ({ refused, isClaimed }: LockRequest): boolean => !refused || isClaimed;

interface Slot {
  holder: LockRequest | undefined;
  readonly requests: Map<string, LockRequest>;
}

/**
 * The requests for locks of all members, and who holds what. Each message of a member replaces its requests, so a lost
 * release heals with the next one. While paused (as it begins), requests are collected and nothing is decided.
 */
export class LockTable {
  private readonly slots = new Map<string, Slot>();
  private readonly ofMember = new Map<string, Set<string>>();
  /** Whether nothing is decided for now. */
  isPaused = true;

  /** The request that holds the lock. */
  holder(id: string): LockRequest | undefined {
    return this.slots.get(id)?.holder;
  }

  /** Whether more than one member asks for the lock. */
  isContested(id: string): boolean {
    return (this.slots.get(id)?.requests.size ?? 0) > 1;
  }

  /** The requests that hold a lock, by lock id in order of request. */
  held(): LockRequest[] {
    return [...this.slots.values()].flatMap(({ holder }) => holder ?? []);
  }

  /** The live requests of a member, in any state. */
  requestsOf(key: string): LockRequest[] {
    return [...(this.ofMember.get(key) ?? [])].flatMap((id) => this.slots.get(id)?.requests.get(key) ?? []);
  }

  /** What became of a request: `open` while it is not seen or not decided. */
  verdict(key: string, id: string, timestamp: number): 'open' | 'held' | 'refused' {
    const slot = this.slots.get(id);
    const request = slot?.requests.get(key);
    if (this.isPaused || request?.timestamp !== timestamp) return 'open';
    return slot?.holder === request ? 'held' : 'refused';
  }

  /** Takes the entries of a member's latest message as all that it has. */
  replace(key: string, connectionId: string, entries: readonly LockEntry[]): LockChange[] {
    const changes: LockChange[] = [];
    const missing = new Set(this.ofMember.get(key));
    for (const entry of entries) {
      missing.delete(entry.id);
      const isRequest = entry.status !== 'unlocked';
      changes.push(...(isRequest ? this.request(key, connectionId, entry) : this.release(key, entry.id)));
    }
    for (const id of missing) changes.push(...this.release(key, id));
    return changes;
  }

  /** Decides nothing until {@link resume}: what is known may be out of date. */
  pause(): void {
    this.isPaused = true;
  }

  /**
   * Decides on all that is known now. Refusals are told of for `selfKey` alone, and none is final: who was refused in
   * its time is not known here.
   */
  resume(selfKey: string): LockChange[] {
    this.isPaused = false;
    return [...this.slots].flatMap(([id, slot]) => [
      ...this.decide(id, slot),
      ...[...slot.requests.values()]
        .filter(({ key }) => key === selfKey)
        .flatMap((request) => this.refuse(slot, request)),
    ]);
  }

  /** The member goes on under another key; its locks go with it, what it was refused does not. */
  rekey(from: string, to: string, connectionId: string): LockChange[] {
    return this.requestsOf(from).flatMap((request) => {
      const { id } = request.entry;
      const slot = this.slot(id);
      const known = slot.requests.get(to);
      slot.requests.delete(from);
      this.remember(from, id, false);
      const isKept = isInRace(request) && (!known || known.timestamp === request.timestamp);
      if (!isKept) return this.reopen(id, slot);
      slot.requests.set(to, Object.assign(request, { key: to, connectionId }));
      this.remember(to, id, true);
      return [];
    });
  }

  private request(key: string, connectionId: string, entry: LockEntry): LockChange[] {
    const slot = this.slot(entry.id);
    const isClaimed = entry.status === 'locked';
    let request = slot.requests.get(key);
    if (request?.timestamp === entry.timestamp) {
      if (!sameJson({ ...request.entry, status: '' }, { ...entry, status: '' })) request.entry = entry;
      request.isClaimed = isClaimed;
    } else {
      request = { key, connectionId, timestamp: entry.timestamp, entry, refused: false, isClaimed };
      slot.requests.set(key, request);
      this.remember(key, entry.id, true);
    }
    const changes = this.decide(entry.id, slot);
    return this.isPaused ? [] : [...changes, ...this.refuse(slot, request)];
  }

  private release(key: string, id: string): LockChange[] {
    const slot = this.slots.get(id);
    if (!slot?.requests.delete(key)) return [];
    this.remember(key, id, false);
    return this.decide(id, slot);
  }

  /** A member turned out to be a shadow of another, so what it won it won for nothing: refusals are forgotten. */
  private reopen(id: string, slot: Slot): LockChange[] {
    for (const request of slot.requests.values()) request.refused = false;
    return this.decide(id, slot);
  }

  private decide(id: string, slot: Slot): LockChange[] {
    if (this.isPaused) return [];
    const changes: LockChange[] = [];
    const before = slot.holder;
    const holder = holderOf([...slot.requests.values()].filter(isInRace));
    if (holder) holder.refused = false;
    slot.holder = holder;
    if (before && before !== holder) {
      const isTaken = slot.requests.get(before.key) === before;
      before.refused = true;
      changes.push({ request: before, status: 'unlocked', ...(isTaken && { reason: errors.lockTaken(id) }) });
    }
    if (holder && holder !== before) changes.push({ request: holder, status: 'locked' });
    if (!slot.requests.size) this.slots.delete(id);
    return changes;
  }

  private refuse(slot: Slot, request: LockRequest): LockChange[] {
    if (request === slot.holder || request.refused) return [];
    request.refused = true;
    return [{ request, status: 'unlocked', reason: errors.lockHeld(request.entry.id) }];
  }

  private slot(id: string): Slot {
    const slot = this.slots.get(id) ?? { holder: undefined, requests: new Map() };
    this.slots.set(id, slot);
    return slot;
  }

  private remember(key: string, id: string, isAsked: boolean): void {
    const ids = this.ofMember.get(key) ?? new Set();
    if (isAsked) this.ofMember.set(key, ids.add(id));
    else if (ids.delete(id) && !ids.size) this.ofMember.delete(key);
  }
}
