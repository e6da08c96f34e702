import { EventEmitter } from './emitter.ts';
import { patchParts, toJson } from './json.ts';
import { merge } from './ownState.ts';
import type { SpaceCore } from './spaceCore.ts';
import type { LocationOf, Patch, SpaceMember, SpaceTypes } from './types.ts';

/** Payloads of `space.locations`. */
export declare namespace LocationsEvents {
  /** A member moved; null means nowhere. */
  interface UpdateEvent<T extends SpaceTypes = SpaceTypes> {
    member: SpaceMember<T>;
    currentLocation: LocationOf<T> | null;
    previousLocation: LocationOf<T> | null;
  }
}

/** Events of `space.locations`. */
export interface LocationsEventMap<T extends SpaceTypes = SpaceTypes> {
  update: LocationsEvents.UpdateEvent<T>;
}

/** Where each member is: any JSON value that the application gives meaning to. */
export class Locations<T extends SpaceTypes = SpaceTypes> extends EventEmitter<LocationsEventMap<T>> {
  #seen: readonly SpaceMember[] | undefined;
  #last: ReadonlyMap<string, LocationOf<T> | null> = new Map();

  readonly #core: SpaceCore;

  /** @internal */
  constructor(core: SpaceCore) {
    super('Locations');
    this.#core = core;
  }

  /** Replaces this client's location; resolves on acknowledgement. Rejects with 101001 outside the space. */
  async set(location: LocationOf<T>): Promise<void> {
    void this.#core.own;
    const value = toJson(location);
    await this.#core.queue.editLocation(() => value);
  }

  /**
   * Changes some fields of this client's location, an object, and leaves the others; those that are undefined go.
   * Resolves on acknowledgement. Rejects with 101001 outside the space.
   */
  async patch(fields: Patch<LocationOf<T>>): Promise<void> {
    void this.#core.own;
    await this.#core.queue.editLocation(merge(...patchParts(fields, 'Locations.patch')));
  }

  /** Where everybody is, by connection id; the same map as before while nobody has moved, come or gone. */
  get snapshot(): ReadonlyMap<string, LocationOf<T> | null> {
    const { members } = this.#core.state.snapshot;
    if (this.#seen === members) return this.#last;
    this.#seen = members;
    const last = this.#last;
    const isSame = last.size === members.length && members.every((one) => last.get(one.connectionId) === one.location);
    if (!isSame) this.#last = new Map(members.map((one) => [one.connectionId, one.location as LocationOf<T> | null]));
    return this.#last;
  }

  /** This client's location, or null. */
  async getSelf(): Promise<LocationOf<T> | null> {
    await this.#core.synced();
    return (this.#core.self?.location ?? null) as LocationOf<T> | null;
  }

  /** The locations of other connections, by connection id. */
  async getOthers(): Promise<Record<string, LocationOf<T> | null>> {
    return this.#locations((connectionId) => !this.#core.isOwn(connectionId));
  }

  /** All locations by connection id, with the last ones of those who left. */
  async getAll(): Promise<Record<string, LocationOf<T> | null>> {
    return this.#locations(() => true);
  }

  async #locations(isAsked: (connectionId: string) => boolean): Promise<Record<string, LocationOf<T> | null>> {
    await this.#core.synced();
    const members = this.#core.state.snapshot.members.filter(({ connectionId }) => isAsked(connectionId));
    return Object.fromEntries(members.map(({ connectionId, location }) => [connectionId, location])) as Record<
      string,
      LocationOf<T> | null
    >;
  }
}
