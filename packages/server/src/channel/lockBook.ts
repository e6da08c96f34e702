import { type HeldLock, type Locking, noLocks, type WaitingLock } from './lock.ts';

/** One member's part in a lock. `key` is its member key. */
export interface Holding {
  readonly key: string;
  readonly lock: HeldLock;
}

/** One member's place in a queue. */
export interface Place {
  readonly key: string;
  readonly lock: WaitingLock;
}

/** Who holds what and who waits for what on a channel: a fold of what its members have to do with locks. */
export class LockBook {
  readonly #members = new Map<string, Locking>();
  readonly #holders = new Map<string, Holding>();
  readonly #queues = new Map<string, Place[]>();
  /** Locks that nobody holds and somebody waits for. */
  readonly #open = new Set<string>();

  /** Locks that are held. */
  get size(): number {
    return this.#holders.size;
  }

  /** All members that hold a lock or wait for one. */
  members(): Iterable<readonly [key: string, locking: Locking]> {
    return this.#members;
  }

  of(key: string): Locking {
    return this.#members.get(key) ?? noLocks;
  }

  holder(id: string): Holding | undefined {
    return this.#holders.get(id);
  }

  /** Who waits for a lock, in order. */
  queue(id: string): readonly Place[] {
    return this.#queues.get(id) ?? [];
  }

  /** What a member has to do with locks from now on. */
  set(key: string, locking: Locking | undefined): void {
    const before = this.#members.get(key);
    if (before === undefined && locking === undefined) return;
    if (locking === undefined) this.#members.delete(key);
    else this.#members.set(key, locking);
    for (const { id } of before?.held ?? []) if (this.#holders.get(id)?.key === key) this.#holders.delete(id);
    for (const { id } of before?.waiting ?? []) this.#forget(id, key);
    for (const lock of locking?.held ?? []) this.#holders.set(lock.id, { key, lock });
    for (const lock of locking?.waiting ?? []) this.#queue(key, lock);
    for (const { id } of [...parts(before), ...parts(locking)]) {
      if (this.#queues.has(id) && !this.#holders.has(id)) this.#open.add(id);
      else this.#open.delete(id);
    }
  }

  clear(): void {
    for (const map of [this.#members, this.#holders, this.#queues, this.#open]) map.clear();
  }

  /** The request that is to be granted next, with all others of its group; none if all that wait have to. */
  ready(): { readonly key: string; readonly locks: readonly WaitingLock[] } | undefined {
    let found: { key: string; locks: WaitingLock[] } | undefined;
    for (const id of this.#open) {
      const first = this.queue(id)[0];
      if (first === undefined || first.lock.at >= (found?.locks[0]?.at ?? Number.POSITIVE_INFINITY)) continue;
      const locks = this.of(first.key).waiting.filter((lock) => lock === first.lock || isOneOf(lock, first.lock));
      if (locks.every((lock) => this.#isFirst(first.key, lock.id))) found = { key: first.key, locks };
    }
    return found;
  }

  #isFirst(key: string, id: string): boolean {
    return !this.#holders.has(id) && this.queue(id)[0]?.key === key;
  }

  #queue(key: string, lock: WaitingLock): void {
    const queue = this.#queues.get(lock.id) ?? [];
    this.#queues.set(lock.id, queue);
    let index = queue.length;
    while (index > 0 && (queue[index - 1]?.lock.at ?? 0) > lock.at) index -= 1;
    queue.splice(index, 0, { key, lock });
  }

  #forget(id: string, key: string): void {
    const left = this.queue(id).filter((place) => place.key !== key);
    if (left.length === 0) this.#queues.delete(id);
    else this.#queues.set(id, left);
  }
}

function isOneOf(lock: WaitingLock, other: WaitingLock): boolean {
  return lock.group !== undefined && lock.group === other.group && lock.at === other.at;
}

function parts(locking: Locking | undefined): readonly { readonly id: string }[] {
  return locking === undefined ? [] : [...locking.held, ...locking.waiting];
}
