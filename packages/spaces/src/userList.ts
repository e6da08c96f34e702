import type { SpacesClient } from './client.ts';
import { EventEmitter } from './emitter.ts';
import type { Space } from './space.ts';
import type { ProfileOf, SpaceMember, SpaceTypes } from './types.ts';

/** One user with all connections: tabs, devices, and those that left a moment ago. */
export interface SpaceUser<T extends SpaceTypes = SpaceTypes> {
  readonly clientId: string;
  /** Whether any connection is there. */
  readonly isConnected: boolean;
  /** As the connection that came last tells it, one that is there before one that is not. */
  readonly profileData: ProfileOf<T>;
  readonly members: readonly SpaceMember<T>[];
}

/** Events of a user list: a user's first member came, something about it changed, its last member was removed. */
export interface UserListEventMap<T extends SpaceTypes = SpaceTypes> {
  enter: SpaceUser<T>;
  update: SpaceUser<T>;
  leave: SpaceUser<T>;
}

/**
 * The members of a space by user: one avatar for many tabs. A user who reloads the page does not leave, for its member
 * stays in the list for `offlineTimeout`. Ends with the space.
 *
 * @example
 * const users = new UserList(space);
 * users.subscribe(() => draw(users.snapshot));
 */
export class UserList<T extends SpaceTypes = SpaceTypes> extends EventEmitter<UserListEventMap<T>> {
  /** Users in the order in which their first members came. The same list while nothing about them changes. */
  snapshot: readonly SpaceUser<T>[];
  readonly #undo: (() => void)[];

  constructor(space: Space<T, SpacesClient>) {
    super('UserList');
    this.snapshot = grouped(space.members.snapshot, []);
    this.#undo = [
      space.members.subscribe('change', ({ snapshot }) => this.#take(snapshot)),
      space.subscribe('dispose', () => this.dispose()),
    ];
  }

  /** Stops following the space, and drops its listeners. */
  dispose(): void {
    for (const undo of this.#undo) undo();
    this.off();
  }

  #take(members: readonly SpaceMember<T>[]): void {
    const before = new Map(this.snapshot.map((user) => [user.clientId, user]));
    this.snapshot = grouped(members, this.snapshot);
    for (const user of this.snapshot) {
      const known = before.get(user.clientId);
      before.delete(user.clientId);
      if (known !== user) this.emit(known ? 'update' : 'enter', user);
    }
    for (const user of before.values()) this.emit('leave', { ...user, isConnected: false });
  }
}

function grouped<T extends SpaceTypes>(
  members: readonly SpaceMember<T>[],
  before: readonly SpaceUser<T>[],
): SpaceUser<T>[] {
  const known = new Map(before.map((user) => [user.clientId, user]));
  // Who is known keeps the place, however its members come and go.
  const groups = new Map<string, SpaceMember<T>[]>(before.map(({ clientId }) => [clientId, []]));
  for (const member of members) groups.set(member.clientId, [...(groups.get(member.clientId) ?? []), member]);
  return [...groups].flatMap(([clientId, group]) => {
    const last = group.filter(({ isConnected }) => isConnected).pop() ?? group[group.length - 1];
    if (!last) return [];
    const old = known.get(clientId);
    const isSame = old?.members.length === group.length && group.every((one, i) => one === old.members[i]);
    if (isSame) return old;
    return { clientId, isConnected: last.isConnected, profileData: last.profileData, members: group };
  });
}
