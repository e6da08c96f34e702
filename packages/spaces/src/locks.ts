import { EventEmitter } from './emitter.ts';
import { errors, InvalidArgumentError } from './errors.ts';
import { toJson } from './json.ts';
import type { SpaceCore } from './spaceCore.ts';
import type { Lock, LockAttributesOf, SpaceTypes } from './types.ts';

/** Events of `space.locks` that reach only those who name them; each comes right after its `update`. */
export interface LocksNamedEventMap<T extends SpaceTypes = SpaceTypes> {
  /** This client asks. */
  requested: Lock<T>;
  granted: Lock<T>;
  /** Refused, with the reason; `by` tells who holds it, where the server does. */
  denied: Lock<T>;
  /** Given up by its holder, who may have left. */
  released: Lock<T>;
  /** Taken from its holder by another, or lost with a connection. */
  lost: Lock<T>;
  /** Its time was over. */
  expired: Lock<T>;
}

const EVENTS: Record<number, 'lost' | 'expired'> = { 101004: 'lost', 80008: 'lost', 101005: 'expired' };

/** Options of `locks.acquire`. */
export interface LockOptions<T extends SpaceTypes = SpaceTypes> {
  attributes: LockAttributesOf<T>;
}

/** Events of `space.locks`. `member` is whose request changed, which need not be the holder. */
export interface LocksEventMap<T extends SpaceTypes = SpaceTypes> {
  update: Lock<T>;
}

/** Named locks, each held by at most one member. */
export class Locks<T extends SpaceTypes = SpaceTypes> extends EventEmitter<LocksEventMap<T>, LocksNamedEventMap<T>> {
  /** @internal */
  constructor(/** @internal */ readonly core: SpaceCore) {
    super('Locks');
  }

  /**
   * Who decides on locks: `server`, or `clients` by the rule of the official SDK, which cannot rule out two holders for a
   * moment. Known once the channel is attached.
   */
  get guarantee(): 'server' | 'clients' {
    return this.core.isServed ? 'server' : 'clients';
  }

  /** The lock with its holder, or undefined when nobody holds it. */
  get(id: string): Lock<T> | undefined {
    const lock = this.core.heldLock(id);
    return lock && ({ ...lock } as Lock<T>);
  }

  /** All locks that are held. */
  async getAll(): Promise<Lock<T>[]> {
    await this.core.synced();
    return this.core.state.snapshot.locks.flatMap(({ id }) => this.get(id) ?? []);
  }

  /** The locks that this client holds. */
  async getSelf(): Promise<Lock<T>[]> {
    const locks = await this.getAll();
    return this.core.self ? locks.filter((lock) => this.#isOwn(lock)) : [];
  }

  /** The locks that others hold. */
  async getOthers(): Promise<Lock<T>[]> {
    const locks = await this.getAll();
    return this.core.self ? locks.filter((lock) => !this.#isOwn(lock)) : locks;
  }

  /**
   * Asks for a lock. Resolves with the `pending` request on acknowledgement; whether it is granted comes as an event.
   * Rejects with 101001 outside the space, 101002 if this client has asked before.
   */
  acquire(id: string, options?: LockOptions<T>): Promise<Lock<T>> {
    return this.request(id, options);
  }

  /** @internal As {@link acquire}; `terms` say how it is asked for, where the server decides. */
  async request(id: string, options?: Partial<LockOptions<T>>, terms?: object): Promise<Lock<T>> {
    const { core } = this;
    const own = core.own;
    if (typeof id !== 'string') throw new InvalidArgumentError('Locks.acquire(): Invalid arguments: no string');
    if (own.locks.has(id)) throw errors.lockRequested(id);
    const attributes = options?.attributes && (toJson(options.attributes) as LockAttributesOf<T>);
    // Clocks differ by some ms however well they are set: who sees a holder asks after it.
    const timestamp = Math.max(core.stamp(), (core.heldLock(id)?.timestamp ?? 0) + 1);
    const lock = { id, timestamp, ...(attributes && { attributes }) };
    const request = { ...lock, status: 'pending', member: core.self ?? core.selfToBe(own) } as Lock<T>;
    const sent = core.queue.acquire(terms ? { ...lock, terms } : lock);
    this.emitNamed('requested', request);
    await sent;
    return request;
  }

  /** Gives a lock up, or its request; resolves on acknowledgement. Rejects with 101001 outside the space. */
  async release(id: string): Promise<void> {
    if (this.core.own.locks.has(id)) await this.core.queue.release(id);
  }

  /** @internal Tells of a change to those who named its event. */
  tell(lock: Lock<T>): void {
    const ended = lock.reason ? (EVENTS[lock.reason.code] ?? 'denied') : 'released';
    this.emitNamed(lock.status === 'locked' ? 'granted' : ended, lock);
  }

  #isOwn({ member }: Lock<T>): boolean {
    return this.core.isOwn(member.connectionId);
  }
}
