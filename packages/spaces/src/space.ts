import type { ChannelOf, SpacesClient } from './client.ts';
import { Cursors } from './cursors.ts';
import { EventEmitter } from './emitter.ts';
import { InvalidArgumentError } from './errors.ts';
import { isObject, patchParts, toJson } from './json.ts';
import { Locations } from './locations.ts';
import { Locks } from './locks.ts';
import { Members } from './members.ts';
import { applyOptions, defaultOptions } from './options.ts';
import { merge } from './ownState.ts';
import { SpaceCore } from './spaceCore.ts';
import type { Change } from './state.ts';
import type {
  Lock,
  Patch,
  ProfileData,
  ProfileOf,
  SpaceMember,
  SpaceOptions,
  SpaceSnapshot,
  SpaceTypes,
  Subset,
} from './types.ts';

/** Payloads of a space. */
export declare namespace SpaceEvents {
  /** Something about a member changed: all members, as in `members.getAll()`. */
  interface UpdateEvent<T extends SpaceTypes = SpaceTypes> {
    members: SpaceMember<T>[];
  }
}

/** Events of a space. */
export interface SpaceEventMap<T extends SpaceTypes = SpaceTypes> {
  update: SpaceEvents.UpdateEvent<T>;
}

/** Events of a space that reach only those who name them. */
export interface SpaceNamedEventMap<T extends SpaceTypes = SpaceTypes> {
  /** The snapshot changed. */
  change: SpaceSnapshot<T>;
  /** Something failed that no promise tells of: an ErrorInfo of this package or of the client. */
  error: unknown;
  /** The space is no more; what was built on it ends as well. */
  dispose: undefined;
}

/** What `getState` tells. */
export interface SpaceState<T extends SpaceTypes = SpaceTypes> {
  members: SpaceMember<T>[];
}

/** Makes the next profile from the current one; null when not in the space. */
export type UpdateProfileDataFunction<T extends SpaceTypes = SpaceTypes> = (profileData: ProfileOf<T>) => ProfileOf<T>;

/**
 * One shared space: who is in it, where they are, what they point at and hold.
 *
 * @example
 * const space = await spaces.get('board');
 * space.subscribe('update', ({ members }) => console.log(members.length));
 * await space.enter({ name: 'Ada' });
 */
export class Space<T extends SpaceTypes = SpaceTypes, C extends SpacesClient = SpacesClient> extends EventEmitter<
  SpaceEventMap<T>,
  SpaceNamedEventMap<T>
> {
  readonly options: SpaceOptions = defaultOptions();
  readonly channel: ChannelOf<C>;
  readonly members: Members<T>;
  readonly locations: Locations<T>;
  readonly cursors: Cursors<T, C>;
  readonly locks: Locks<T>;
  readonly #core: SpaceCore;
  #lastSnapshot: SpaceSnapshot | undefined;

  /** @internal `now` is the service's clock. */
  constructor(
    readonly name: string,
    readonly client: C,
    options?: Subset<SpaceOptions>,
    now: () => number = Date.now,
  ) {
    super('Space');
    applyOptions(this.options, options);
    const failed = (error: unknown) => this.emitNamed('error', error);
    const changed = (changes: readonly Change[]) => this.#tell(changes);
    this.#core = new SpaceCore(name, client, this.options, { changed, failed }, now);
    this.channel = this.#core.channel as ChannelOf<C>;
    this.members = new Members<T>(this.#core);
    this.locations = new Locations<T>(this.#core);
    this.cursors = new Cursors<T, C>(this.#core, this.options.cursors, failed);
    this.locks = new Locks<T>(this.#core);
  }

  /** The id of the client's connection, as it is now. */
  get connectionId(): string | undefined {
    return this.client.connection.id;
  }

  /** Everything known of the space; the same object as before if nothing changed. */
  get snapshot(): SpaceSnapshot<T> {
    return this.#core.state.snapshot as SpaceSnapshot<T>;
  }

  /**
   * Enters the space, or replaces the profile of who is in. Resolves with all members, oneself included. Rejects with
   * 40012 when the client has no clientId, and as the client does.
   */
  async enter(profileData: ProfileOf<T> | null = null): Promise<SpaceMember<T>[]> {
    await this.#core.enter(toJson(profileData) as ProfileData);
    this.cursors.resume();
    return this.members.getAll();
  }

  /**
   * Leaves the space; a profile, if given (even null), is the last one shown. Resolves on acknowledgement. Rejects with
   * 101001 outside the space.
   */
  async leave(...profileData: [(ProfileOf<T> | undefined)?]): Promise<void> {
    void this.#core.own;
    const profile = profileData.length ? { value: toJson(profileData[0]) as ProfileData } : undefined;
    await Promise.all([this.#core.leave(profile), this.cursors.leave()]);
  }

  /**
   * Replaces the profile, by a value or by a function of the current one; who is not in the space enters it. Resolves on
   * acknowledgement.
   */
  updateProfileData(profileData: ProfileOf<T>): Promise<void>;
  updateProfileData(update: UpdateProfileDataFunction<T>): Promise<void>;
  async updateProfileData(given: unknown): Promise<void> {
    if (!isObject(given) && typeof given !== 'function') {
      throw new InvalidArgumentError('Space.updateProfileData(): Invalid arguments: no object or function');
    }
    const core = this.#core;
    const current = core.ownOrNull?.profile ?? null;
    const profile = toJson(typeof given === 'function' ? given(current) : given) as ProfileData;
    await (core.ownOrNull ? core.queue.editProfile(() => profile) : core.enterUnseen(profile));
  }

  /**
   * Changes some fields of the profile and leaves the others; those that are undefined go. Resolves on acknowledgement.
   * Rejects with 101001 outside the space.
   */
  async patchProfileData(fields: Patch<ProfileOf<T>>): Promise<void> {
    void this.#core.own;
    await this.#core.queue.editProfile(merge(...patchParts(fields, 'Space.patchProfileData')));
  }

  /** The members of the space. */
  async getState(): Promise<SpaceState<T>> {
    return { members: await this.members.getAll() };
  }

  /** @internal Leaves at once, for a page that is going. */
  leaveNow(): void {
    this.#core.leaveNow();
  }

  /** Whether the space is no more; `get` makes another. */
  get isDisposed(): boolean {
    return this.#core.isDisposed;
  }

  /** Leaves, detaches both channels, and ends all listeners and timers of this space. Never rejects. */
  async dispose(): Promise<void> {
    this.emitNamed('dispose', undefined);
    this.off();
    this.members.off();
    this.locations.off();
    this.locks.off();
    await Promise.all([this.cursors.dispose(), this.#core.dispose()]);
  }

  #tell(changes: readonly Change[]): void {
    for (const { on, event, payload } of changes) {
      const view = this[on] as unknown as EventEmitter<Record<string, unknown>>;
      view.emit(event, payload);
      if (on === 'members') view.emit('update', payload);
      if (on === 'locks') this.locks.tell(payload as Lock<T>);
    }
    const { snapshot } = this;
    if (this.hasListeners('update')) this.emit('update', { members: [...snapshot.members] });
    if (snapshot === this.#lastSnapshot) return;
    this.#lastSnapshot = snapshot;
    this.members.tell();
    this.emitNamed('change', snapshot);
  }
}
