import { EventEmitter } from './emitter.ts';
import { errors, InvalidArgumentError } from './errors.ts';
import { toJson } from './json.ts';
import type { SpaceCore } from './spaceCore.ts';
import type { Lock, LockAttributesOf, SpaceTypes } from './types.ts';

/** Options of `locks.acquire`. */
export interface LockOptions<T extends SpaceTypes = SpaceTypes> {
  attributes: LockAttributesOf<T>;
}

/** Events of `space.locks`. `member` is whose request changed, which need not be the holder. */
export interface LocksEventMap<T extends SpaceTypes = SpaceTypes> {
  update: Lock<T>;
}

/** Named locks, each held by at most one member. */
export class Locks<T extends SpaceTypes = SpaceTypes> extends EventEmitter<LocksEventMap<T>> {
  /** @internal */
  constructor(private readonly core: SpaceCore) {
    super('Locks');
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
    return this.core.self ? locks.filter((lock) => this.isOwn(lock)) : [];
  }

  /** The locks that others hold. */
  async getOthers(): Promise<Lock<T>[]> {
    const locks = await this.getAll();
    return this.core.self ? locks.filter((lock) => !this.isOwn(lock)) : locks;
  }

  /**
   * Asks for a lock. Resolves with the `pending` request on acknowledgement; whether it is granted comes as an event.
   * Rejects with 101001 outside the space, 101002 if this client has asked before.
   */
  async acquire(id: string, options?: LockOptions<T>): Promise<Lock<T>> {
    const { core } = this;
    const own = core.own;
    if (typeof id !== 'string') throw new InvalidArgumentError('Locks.acquire(): Invalid arguments: no string');
    if (own.locks.has(id)) throw errors.lockRequested(id);
    const attributes = options?.attributes && (toJson(options.attributes) as LockAttributesOf<T>);
    // Clocks differ by some ms however well they are set: who sees a holder asks after it.
    const timestamp = Math.max(core.stamp(), (core.heldLock(id)?.timestamp ?? 0) + 1);
    const lock = { id, timestamp, ...(attributes && { attributes }) };
    const member = core.self ?? core.selfToBe(own);
    await core.queue.acquire(lock);
    return { ...lock, status: 'pending', member } as Lock<T>;
  }

  /** Gives a lock up, or its request; resolves on acknowledgement. Rejects with 101001 outside the space. */
  async release(id: string): Promise<void> {
    if (this.core.own.locks.has(id)) await this.core.queue.release(id);
  }

  private isOwn({ member }: Lock<T>): boolean {
    return this.core.isOwn(member.connectionId);
  }
}
