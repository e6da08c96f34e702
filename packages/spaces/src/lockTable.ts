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
  /** Lost once, and so out of the race until the member asks anew. */
  refused: boolean;
}

/** A change to tell the application of: `request` is now locked, or unlocked for this reason (none: released). */
export interface LockChange {
  readonly request: LockRequest;
  readonly status: 'locked' | 'unlocked';
  readonly reason?: ErrorInfo;
}

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
  private paused = true;

  /** The request that holds the lock. */
  holder(id: string): LockRequest | undefined {
    return this.slots.get(id)?.holder;
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
    if (this.paused || request?.timestamp !== timestamp) return 'open';
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
    this.paused = true;
  }

  /** Decides on all that is known now. Refusals are told of for `selfKey` alone: the others' are old news. */
  resume(selfKey: string): LockChange[] {
    this.paused = false;
    const isTold = ({ key }: LockRequest) => key === selfKey;
    return [...this.slots].flatMap(([id, slot]) => this.decide(id, slot, isTold));
  }

  /** Steps back, at the next {@link resume}, from each lock of this member that others ask for or hold by now. */
  yield(key: string): void {
    for (const request of this.requestsOf(key)) {
      const others = this.slots.get(request.entry.id)?.requests.values() ?? [];
      if ([...others].some((other) => other !== request && !other.refused)) request.refused = true;
    }
  }

  /** The member goes on under another key; its locks go with it. */
  rekey(from: string, to: string, connectionId: string): void {
    for (const request of this.requestsOf(from)) {
      const id = request.entry.id;
      const slot = this.slot(id);
      slot.requests.delete(from);
      this.remember(from, id, false);
      slot.requests.set(to, Object.assign(request, { key: to, connectionId }));
      this.remember(to, id, true);
    }
  }

  private request(key: string, connectionId: string, entry: LockEntry): LockChange[] {
    const slot = this.slot(entry.id);
    const known = slot.requests.get(key);
    if (known?.timestamp === entry.timestamp) {
      if (!sameJson({ ...known.entry, status: '' }, { ...entry, status: '' })) known.entry = entry;
      // The member says that it holds the lock, and nobody else does: it saw a grant that we missed.
      if (known.refused && entry.status === 'locked' && !slot.holder) known.refused = false;
      return this.decide(entry.id, slot, () => false);
    }
    const fresh: LockRequest = { key, connectionId, timestamp: entry.timestamp, entry, refused: false };
    slot.requests.set(key, fresh);
    this.remember(key, entry.id, true);
    return this.decide(entry.id, slot, (request) => request === fresh);
  }

  private release(key: string, id: string): LockChange[] {
    const slot = this.slots.get(id);
    if (!slot?.requests.delete(key)) return [];
    this.remember(key, id, false);
    return this.decide(id, slot, () => false);
  }

  private decide(id: string, slot: Slot, isTold: (request: LockRequest) => boolean): LockChange[] {
    if (this.paused) return [];
    const changes: LockChange[] = [];
    const before = slot.holder;
    const holder = holderOf([...slot.requests.values()].filter(({ refused }) => !refused));
    slot.holder = holder;
    if (before && before !== holder) {
      const isTaken = slot.requests.get(before.key) === before;
      before.refused = true;
      changes.push({ request: before, status: 'unlocked', ...(isTaken && { reason: errors.lockTaken(id) }) });
    }
    if (holder && holder !== before) changes.push({ request: holder, status: 'locked' });
    for (const request of slot.requests.values()) {
      if (request === holder || request.refused) continue;
      request.refused = true;
      if (isTold(request)) changes.push({ request, status: 'unlocked', reason: errors.lockHeld(id) });
    }
    if (!slot.requests.size) this.slots.delete(id);
    return changes;
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
