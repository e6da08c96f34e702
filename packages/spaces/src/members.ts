import { EventEmitter } from './emitter.ts';
import type { SpaceCore } from './spaceCore.ts';
import type { SpaceMember, SpaceTypes } from './types.ts';

/** Events of `space.members`. `update` follows each of the others. */
export interface MembersEventMap<T extends SpaceTypes = SpaceTypes> {
  leave: SpaceMember<T>;
  enter: SpaceMember<T>;
  update: SpaceMember<T>;
  updateProfile: SpaceMember<T>;
  remove: SpaceMember<T>;
}

/** Who is in the space: one member per connection, those who left a moment ago included. */
export class Members<T extends SpaceTypes = SpaceTypes> extends EventEmitter<MembersEventMap<T>> {
  /** @internal */
  constructor(private readonly core: SpaceCore) {
    super('Members');
  }

  /** This client's own member, or null when it is not in the space. */
  async getSelf(): Promise<SpaceMember<T> | null> {
    await this.core.synced();
    return this.core.self as SpaceMember<T> | null;
  }

  /** The members of other connections. */
  async getOthers(): Promise<SpaceMember<T>[]> {
    const members = await this.getAll();
    return members.filter(({ connectionId }) => !this.core.isOwn(connectionId));
  }

  /** All members, in order of arrival; those who left come last until they are removed. */
  async getAll(): Promise<SpaceMember<T>[]> {
    await this.core.synced();
    return [...this.core.state.snapshot.members] as SpaceMember<T>[];
  }
}
