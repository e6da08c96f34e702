import { type ErrorInfo, errors } from './errors.ts';
import { type Claim, holderOf } from './lockRules.ts';
import type { Lock } from './types.ts';
import type { LockEntry } from './wire.ts';

/** One member's request for one lock. */
export interface LockRequest extends Claim {
  /** Key of the member who asks. */
  key: string;
  connectionId: string;
  /** As first sent; what came with the request stays with it. */
  readonly entry: LockEntry;
  /** Lost once, and so out of the race until the member asks anew, or says that it holds the lock all the same. */
  refused: boolean;
  /** The member says that it holds the lock: it was granted in the eyes of those who saw what it saw. */
  isClaimed: boolean;
  /** The lock as the application sees it. */
  lock?: Lock;
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

const isInRace = ({ refused, isClaimed }: LockRequest): boolean => !refused || isClaimed;

/**
 * The requests for locks of all members, and who holds what. Each message of a member replaces its requests, so a lost
 * release heals with the next one. While paused (as it begins), requests are collected and nothing is decided.
 */
export class LockTable {
  /** Whether nothing is decided for now, because what is known may be out of date. */
  isPaused = true;
  readonly #slots = new Map<string, Slot>();

  /** How many locks are known of. */
  get size(): number {
    return this.#slots.size;
  }

  /** The request that holds the lock. */
  holder(id: string): LockRequest | undefined {
    return this.#slots.get(id)?.holder;
  }

  /** Whether more than one member asks for the lock. */
  isContested(id: string): boolean {
    return (this.#slots.get(id)?.requests.size ?? 0) > 1;
  }

  /** The requests that hold a lock, by lock id in order of request. */
  held(): LockRequest[] {
    return [...this.#slots.values()].flatMap(({ holder }) => holder ?? []);
  }

  /** The live requests of a member, in any state. */
  requestsOf(key: string): LockRequest[] {
    return [...this.#slots.values()].flatMap(({ requests }) => requests.get(key) ?? []);
  }

  /** Whether a request is seen and not the one that holds the lock. */
  isRefused(key: string, id: string, timestamp: number): boolean {
    const slot = this.#slots.get(id);
    const request = slot?.requests.get(key);
    return request?.timestamp === timestamp && slot?.holder !== request;
  }

  /** Takes the entries of a member's latest message as all that it has. */
  replace(key: string, connectionId: string, entries: readonly LockEntry[]): LockChange[] {
    const named = entries.map(({ id }) => id);
    const missing = this.requestsOf(key).filter(({ entry }) => !named.includes(entry.id));
    return [
      ...entries.flatMap((entry) =>
        entry.status === 'unlocked' ? this.#release(key, entry.id) : this.#request(key, connectionId, entry),
      ),
      ...missing.flatMap(({ entry }) => this.#release(key, entry.id)),
    ];
  }

  /**
   * Takes what the server says of a member's locks: it has decided. What an `isWhole` list leaves out is not held, for
   * `reason` if given.
   */
  obey(
    key: string,
    connectionId: string,
    entries: readonly LockEntry[],
    isWhole: boolean,
    reason?: (id: string) => ErrorInfo,
  ): LockChange[] {
    const held = isWhole ? this.requestsOf(key).map(({ entry }) => entry) : [];
    const gone = held.filter(({ id }) => !entries.some((entry) => entry.id === id));
    const ends = gone.map((entry) => ({ ...entry, status: 'unlocked' as const, reason: reason?.(entry.id) }));
    return [...ends, ...entries].flatMap((entry) => this.#take(key, connectionId, entry));
  }

  #take(key: string, connectionId: string, entry: LockEntry): LockChange[] {
    const { id, timestamp, status } = entry;
    const slot = this.#slot(id);
    const { holder } = slot;
    const isSame = holder?.key === key && holder.timestamp === timestamp;
    const request: LockRequest = isSame
      ? { ...holder, entry: { ...holder.entry, ...entry } }
      : { key, connectionId, timestamp, entry, refused: false, isClaimed: true };
    if (status === 'locked') {
      if (holder && (isSame || Number(holder.entry.fence) > Number(entry.fence))) return [];
      slot.requests.clear();
      slot.requests.set(key, request);
      slot.holder = request;
      const isTaken = holder && holder.key !== key;
      const lost: LockChange[] = isTaken ? [{ request: holder, status: 'unlocked', reason: errors.lockTaken(id) }] : [];
      return [...lost, { request, status }];
    }
    if (isSame || !holder) this.#slots.delete(id);
    const reason = entry.reason as ErrorInfo | undefined;
    if (status !== 'unlocked' || !(isSame || reason)) return [];
    return [{ request, status, ...(reason && { reason }) }];
  }

  /**
   * Decides on all that is known now. Refusals are told of for `selfKey` alone, and none is final: who was refused in
   * its time is not known here.
   */
  resume(selfKey: string): LockChange[] {
    this.isPaused = false;
    return [...this.#slots].flatMap(([id, slot]) => {
      const own = slot.requests.get(selfKey);
      return [...this.#decide(id, slot), ...(own ? this.#refuse(slot, own) : [])];
    });
  }

  /** The member goes on under another key, and takes along what its `entries` still name and it was not refused. */
  rekey(from: string, to: string, connectionId: string, entries: readonly LockEntry[]): LockChange[] {
    return this.requestsOf(from).flatMap((request) => {
      const { id, timestamp } = request.entry;
      const slot = this.#slot(id);
      slot.requests.delete(from);
      const isNamed = entries.some((entry) => entry.id === id && entry.timestamp === timestamp);
      if (isNamed && isInRace(request)) {
        slot.requests.set(to, Object.assign(request, { key: to, connectionId }));
        return [];
      }
      // The old member was a shadow of the new one, so what it won it won for nothing: refusals are forgotten.
      for (const other of slot.requests.values()) other.refused = false;
      return this.#decide(id, slot);
    });
  }

  #request(key: string, connectionId: string, entry: LockEntry): LockChange[] {
    const { id, timestamp, status } = entry;
    const slot = this.#slot(id);
    let request = slot.requests.get(key);
    if (request?.timestamp !== timestamp) {
      request = { key, connectionId, timestamp, entry, refused: false, isClaimed: false };
      slot.requests.set(key, request);
    }
    request.isClaimed = status === 'locked';
    return [...this.#decide(id, slot), ...this.#refuse(slot, request)];
  }

  #release(key: string, id: string): LockChange[] {
    const slot = this.#slot(id);
    slot.requests.delete(key);
    return this.#decide(id, slot);
  }

  #decide(id: string, slot: Slot): LockChange[] {
    if (this.isPaused) return [];
    const { holder: before, requests } = slot;
    const changes: LockChange[] = [];
    const holder = holderOf([...requests.values()].filter(isInRace));
    if (holder) holder.refused = false;
    slot.holder = holder;
    if (before && before !== holder) {
      const isTaken = requests.get(before.key) === before;
      before.refused = true;
      changes.push({ request: before, status: 'unlocked', ...(isTaken && { reason: errors.lockTaken(id) }) });
    }
    if (holder && holder !== before) changes.push({ request: holder, status: 'locked' });
    if (!requests.size) this.#slots.delete(id);
    return changes;
  }

  #refuse({ holder }: Slot, request: LockRequest): LockChange[] {
    if (this.isPaused || request === holder || request.refused) return [];
    request.refused = true;
    return [{ request, status: 'unlocked', reason: errors.lockHeld(request.entry.id) }];
  }

  #slot(id: string): Slot {
    const slot = this.#slots.get(id) ?? { holder: undefined, requests: new Map() };
    this.#slots.set(id, slot);
    return slot;
  }
}
