import { EventEmitter } from './emitter.ts';
import type { SpaceCore } from './spaceCore.ts';
import type { ListChange, SpaceMember, SpaceTypes } from './types.ts';
import { memberKey } from './wire.ts';

/** Events of `space.members`. `update` follows each of the others. */
export interface MembersEventMap<T extends SpaceTypes = SpaceTypes> {
  leave: SpaceMember<T>;
  enter: SpaceMember<T>;
  update: SpaceMember<T>;
  updateProfile: SpaceMember<T>;
  remove: SpaceMember<T>;
}

/** Events of `space.members` that reach only those who name them. */
export interface MembersNamedEventMap<T extends SpaceTypes = SpaceTypes> {
  /** The list of members is another: a whole presence message, or a removal, at once. */
  change: ListChange<SpaceMember<T>>;
}

/** Who is in the space: one member per connection, those who left a moment ago included. */
export class Members<T extends SpaceTypes = SpaceTypes> extends EventEmitter<
  MembersEventMap<T>,
  MembersNamedEventMap<T>
> {
  #told: readonly SpaceMember<T>[] = [];

  readonly #core: SpaceCore;

  /** @internal */
  constructor(core: SpaceCore) {
    super('Members');
    this.#core = core;
  }

  /** All members as they are known now; the same list, of the same objects, while nothing about them changes. */
  get snapshot(): readonly SpaceMember<T>[] {
    return this.#core.state.snapshot.members as readonly SpaceMember<T>[];
  }

  /** This client's own member with all that it has set so far, or null when it is not in the space. */
  get self(): SpaceMember<T> | null {
    return this.#core.self as SpaceMember<T> | null;
  }

  /** @internal Tells of what has changed since it told last. */
  tell(): void {
    const told = this.#told;
    const { snapshot } = this;
    if (told === snapshot) return;
    this.#told = snapshot;
    if (this.hasListeners('change')) this.emitNamed('change', difference(told, snapshot));
  }

  /** This client's own member, or null when it is not in the space. */
  async getSelf(): Promise<SpaceMember<T> | null> {
    await this.#core.synced();
    return this.#core.self as SpaceMember<T> | null;
  }

  /** The members of other connections. */
  async getOthers(): Promise<SpaceMember<T>[]> {
    const members = await this.getAll();
    return members.filter(({ connectionId }) => !this.#core.isOwn(connectionId));
  }

  /** All members, in order of arrival; those who left come last until they are removed. */
  async getAll(): Promise<SpaceMember<T>[]> {
    await this.#core.synced();
    return [...this.#core.state.snapshot.members] as SpaceMember<T>[];
  }
}

function difference<T extends SpaceTypes>(
  before: readonly SpaceMember<T>[],
  snapshot: readonly SpaceMember<T>[],
): ListChange<SpaceMember<T>> {
  const keyOf = ({ connectionId, clientId }: SpaceMember<T>) => memberKey(connectionId, clientId);
  const old = new Map(before.map((member) => [keyOf(member), member]));
  const added: SpaceMember<T>[] = [];
  const updated: SpaceMember<T>[] = [];
  for (const member of snapshot) {
    const known = old.get(keyOf(member));
    old.delete(keyOf(member));
    if (!known) added.push(member);
    else if (known !== member) updated.push(member);
  }
  return { snapshot, added, updated, removed: [...old.values()] };
}
