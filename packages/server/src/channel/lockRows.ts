import type { ChannelRef, RowChange } from '../engine/engine.ts';
import type { HeldLock, Locking, WaitingLock } from './lock.ts';

/** Tables of locks that are held, by id; of requests that wait, by lock and member; and of questions, alike. */
export const lockTable = 'locks';
export const waiterTable = 'lockWaiters';
export const questionTable = 'lockQuestions';
/** Of the one row whose value is the last fence or place in a queue that was given on the channel. */
export const counterTable = 'lockCounter';
export const counterKey = 'last';

/** Value of a row of `lockTable`. */
export interface LockRow extends Pick<HeldLock, 'id' | 'timestamp' | 'fence' | 'attributes'> {
  /** Member key of the holder. */
  readonly key: string;
}

/** Value of a row of `questionTable`: who waits for the answer, since when. */
export interface QuestionRow {
  readonly id: string;
  readonly key: string;
  readonly at: number;
}

/** A lease that a row needs. */
export interface LockLease {
  readonly owner: string;
  readonly ms: number;
}

/** What the keys of all that wait for one lock begin with. The length keeps one id from being the beginning of another. */
export function waiterPrefix(id: string): string {
  return `${id.length}:${id}:`;
}

/** The lease of a lock that is to be renewed. */
export function ttlOwner({ app, name }: ChannelRef, fence: number): string {
  return `lock/${app}/${name}/${fence}`;
}

function questionOwner({ app, name }: ChannelRef, at: number): string {
  return `question/${app}/${name}/${at}`;
}

/** The lease that all rows of a connection live by. */
export function connectionOwner({ app }: ChannelRef, key: string): string {
  return `${app}/${key.slice(0, key.indexOf(':'))}`;
}

/** How the rows of locks change when what members have to do with locks does. */
export class LockRowChanges {
  readonly leases: LockLease[] = [];
  readonly #ref: ChannelRef;
  readonly #now: number;
  readonly #changes = new Map<string, RowChange>();

  constructor(ref: ChannelRef, now: number) {
    this.#ref = ref;
    this.#now = now;
  }

  get rows(): RowChange[] {
    return [...this.#changes.values()];
  }

  /** What one member holds and waits for no longer. All that is given up comes before what is given. */
  drop(key: string, before: Locking, after: Locking): void {
    const [held, waiting] = [new Set<unknown>(after.held), new Set<unknown>(after.waiting)];
    for (const lock of before.held) if (!held.has(lock)) this.#put({ table: lockTable, key: lock.id });
    for (const lock of before.waiting) if (!waiting.has(lock)) this.#forget(key, lock);
  }

  /** What one member holds and waits for now. */
  add(key: string, before: Locking, after: Locking): void {
    const [had, waited] = [new Set<unknown>(before.held), new Set<unknown>(before.waiting)];
    for (const lock of after.held) if (!had.has(lock)) this.#hold(key, lock, before);
    for (const lock of after.waiting) if (!waited.has(lock)) this.#wait(key, lock);
  }

  #hold(key: string, lock: HeldLock, before: Locking): void {
    const { id, timestamp, fence, attributes, ttl } = lock;
    const value: LockRow = { id, key, timestamp, fence, ...(attributes === undefined ? {} : { attributes }) };
    const owner = ttl === undefined ? connectionOwner(this.#ref, key) : ttlOwner(this.#ref, fence);
    const isNew = !before.held.some((other) => other.fence === fence);
    if (ttl !== undefined && isNew) this.leases.push({ owner, ms: ttl });
    this.#put({ table: lockTable, key: id, value, owner });
  }

  #wait(key: string, { id, at, ask }: WaitingLock): void {
    const rowKey = `${waiterPrefix(id)}${key}`;
    this.#put({ table: waiterTable, key: rowKey, value: at, owner: connectionOwner(this.#ref, key) });
    if (ask === undefined) return;
    const owner = questionOwner(this.#ref, at);
    this.leases.push({ owner, ms: Math.max(1, ask.until - this.#now) });
    this.#put({ table: questionTable, key: rowKey, value: { id, key, at } satisfies QuestionRow, owner });
  }

  #forget(key: string, { id, ask }: WaitingLock): void {
    const rowKey = `${waiterPrefix(id)}${key}`;
    this.#put({ table: waiterTable, key: rowKey });
    if (ask !== undefined) this.#put({ table: questionTable, key: rowKey });
  }

  #put(change: RowChange): void {
    this.#changes.set(`${change.table} ${change.key}`, change);
  }
}
