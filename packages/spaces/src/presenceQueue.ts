import { errors } from './errors.ts';
import {
  after as afterwards,
  type Edit,
  EMPTY,
  lockEntries,
  memberData,
  type OwnLock,
  type OwnPatch,
  type OwnState,
  patched,
} from './ownState.ts';
import type { ProfileData } from './types.ts';
import type { LockEntry, MemberData } from './wire.ts';

/** The presence operation that carries a message. */
export type PresenceOperation = 'enter' | 'update' | 'leave';

/** What the queue needs of the space around it. */
export interface PresenceSink {
  /** Resolves on acknowledgement. */
  send(operation: PresenceOperation, data: MemberData, locks: readonly LockEntry[]): Promise<unknown>;
  /** Whether the presence set shows this lock as ours. */
  isHeld(lock: OwnLock): boolean;
  /** Resolves when these requests are decided, or it has taken too long. */
  decided(locks: readonly OwnLock[]): Promise<unknown>;
  /** The acknowledged state moved. */
  confirmed(): void;
}

interface Batch {
  readonly operation: PresenceOperation;
  readonly patch: OwnPatch;
  done: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: unknown) => void;
}

/** Beyond this many waiting messages (the client is offline, say) changes join the last one. */
const MAX_WAITING = 16;
/** How many released locks are told again after a loss of continuity. */
const MAX_RELEASED = 32;

/**
 * This client's own presence. The wanted state is the acknowledged one plus what waits; changes of one tick go out as
 * one message, messages go out one after the other, and each carries the whole state, so none undoes another. A
 * message that is refused takes its changes with it and rejects their promises.
 */
export class PresenceQueue {
  /** The state that the service acknowledged, or null. */
  confirmed: OwnState | null = null;
  readonly #waiting: Batch[] = [];
  #inFlight: Batch | undefined;
  #open: Batch | undefined;
  #released = new Map<string, OwnLock>();
  #retold: OwnLock[] = [];
  readonly #decided = new WeakSet<OwnLock>();
  readonly #claimed = new WeakSet<OwnLock>();
  #isBusy = false;
  #generation = 0;
  readonly #idPrefix = Math.random().toString(36).slice(2);
  #lastId = 0;

  readonly #sink: PresenceSink;

  constructor(sink: PresenceSink) {
    this.#sink = sink;
  }

  /** The wanted state, or null when not in the space. */
  get state(): OwnState | null {
    const batches = this.#inFlight ? [this.#inFlight, ...this.#waiting] : this.#waiting;
    return batches.reduce((state, { operation, patch }) => next(state, operation, patch), this.confirmed);
  }

  /** Goes in with this profile; who is in already keeps location and locks. */
  enter(profile: ProfileData): Promise<void> {
    if (this.state) return this.editProfile(() => profile);
    const batch = this.#add('enter');
    batch.patch.profile = () => profile;
    this.#close();
    return batch.done;
  }

  /** Leaves; a profile, if given, becomes the last one shown. */
  leave(profile?: { value: ProfileData }): Promise<void> {
    const batch = this.#add('leave');
    if (profile) batch.patch.profile = () => profile.value;
    this.#close();
    return batch.done;
  }

  /** Leaves without waiting for what is on its way: for a page that has no time left. */
  leaveNow(): Promise<unknown> {
    const told = this.state;
    this.reset();
    for (const batch of this.#waiting.splice(0)) batch.resolve();
    if (!told) return Promise.resolve();
    const data = memberData(told, told, { locks: new Map() }, () => '');
    return this.#sink.send('leave', data, []);
  }

  editProfile(edit: Edit<ProfileData>): Promise<void> {
    const { patch, done } = this.#update();
    patch.profile = afterwards(patch.profile, edit);
    return done;
  }

  editLocation(edit: Edit): Promise<void> {
    const { patch, done } = this.#update();
    patch.location = afterwards(patch.location, edit);
    return done;
  }

  /** Asks for a lock that is not wanted so far. */
  acquire(lock: OwnLock): Promise<void> {
    // A receiver would lose a request that shares its message with the release of the same lock.
    if (this.#open?.patch.locks.get(lock.id) === null) this.#close();
    const batch = this.#update();
    batch.patch.locks.set(lock.id, lock);
    return batch.done;
  }

  /** Gives up a lock; one whose request did not go out yet is just forgotten. */
  release(id: string): Promise<void> {
    const batch = this.#update();
    const { locks } = batch.patch;
    if (locks.get(id)) locks.delete(id);
    else locks.set(id, null);
    return batch.done;
  }

  /** The lock was refused or taken: forgets it, and tells the others that the request is over. */
  withdraw(lock: OwnLock): void {
    if (!this.replace(lock, null)) return;
    // Official clients believe whoever says `locked`, and need to be told otherwise.
    if (this.#claimed.has(lock)) this.#retold.push(lock);
    this.#update();
  }

  /** Tells the others that the lock is held, if they were not told before. */
  claim(lock: OwnLock): void {
    if (!this.#claimed.has(lock)) this.#update();
    this.#claimed.add(lock);
  }

  /** Puts another request in the place of an acknowledged one, or none; the next message tells. False if there is no such. */
  replace(lock: OwnLock, by: OwnLock | null): boolean {
    const state = this.confirmed;
    if (state?.locks.get(lock.id) !== lock) return false;
    this.confirmed = patched(state, { locks: new Map([[lock.id, by]]) });
    return true;
  }

  /** Tells the whole state again; recent releases too, if they were told under the same connection id. */
  repeat(withReleases: boolean): Promise<void> {
    this.#retold = withReleases ? [...this.#released.values()] : [];
    this.#released.clear();
    return this.#update().done;
  }

  /** The service has forgotten us. */
  reset(): void {
    this.#generation += 1;
    this.confirmed = null;
    this.#released.clear();
  }

  #update(): Batch {
    const last = this.#waiting[this.#waiting.length - 1];
    const isOpen = last === this.#open || this.#waiting.length >= MAX_WAITING;
    if (last?.operation === 'update' && isOpen) return last;
    this.#open = this.#add('update');
    return this.#open;
  }

  #add(operation: PresenceOperation): Batch {
    this.#close();
    const batch = { operation, patch: { locks: new Map() } } as unknown as Batch;
    batch.done = new Promise((resolve, reject) => Object.assign(batch, { resolve, reject }));
    // Whoever asked hears of a failure through a promise of its own; here it must not count as unhandled.
    batch.done.catch(() => {});
    this.#waiting.push(batch);
    // The end of the tick: what comes later is another message.
    void Promise.resolve().then(() => {
      if (this.#open === batch) this.#close();
      return this.#drain();
    });
    return batch;
  }

  #close(): void {
    this.#open = undefined;
  }

  async #drain(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    for (let batch = this.#waiting.shift(); batch; batch = this.#waiting.shift()) {
      this.#inFlight = batch;
      try {
        // Who leaves asks for nothing more, and may have no time left.
        if (batch.operation !== 'leave') await this.#settled();
        await this.#send(batch);
        batch.resolve();
      } catch (error) {
        batch.reject(error);
      }
      this.#inFlight = undefined;
    }
    this.#isBusy = false;
  }

  /** A request told as `pending` once more would undo its own grant at official clients: wait for the decision. */
  async #settled(): Promise<void> {
    const fresh = [...(this.confirmed?.locks.values() ?? [])].filter((lock) => !this.#decided.has(lock));
    if (fresh.length) await this.#sink.decided(fresh);
    for (const lock of fresh) this.#decided.add(lock);
  }

  async #send({ operation, patch }: Batch): Promise<void> {
    const generation = this.#generation;
    const after = next(this.confirmed, operation, patch);
    if (!after && !this.confirmed) throw errors.notEntered();
    const before = this.confirmed ?? EMPTY;
    const told = after ?? patched(before, patch);
    const entries = lockEntries(before, told, this.#retold, (lock) => this.#isHeld(lock));
    const data = memberData(before, told, patch, () => `${this.#idPrefix}-${++this.#lastId}`);
    this.#retold = [];
    await this.#sink.send(operation, data, entries);
    if (generation !== this.#generation) return;
    this.#remember(before, told);
    this.confirmed = after;
    this.#sink.confirmed();
  }

  #isHeld(lock: OwnLock): boolean {
    const isHeld = this.#sink.isHeld(lock);
    if (isHeld) this.#claimed.add(lock);
    return isHeld;
  }

  #remember(before: OwnState, after: OwnState): void {
    const gone = [...before.locks].filter(([id]) => !after.locks.has(id));
    this.#released = new Map([...this.#released, ...gone].slice(-MAX_RELEASED));
  }
}

function next(state: OwnState | null, operation: PresenceOperation, patch: OwnPatch): OwnState | null {
  if (operation === 'leave') return null;
  return state || operation === 'enter' ? patched(state ?? EMPTY, patch) : null;
}
