import type { SpacesClient } from './client.ts';
import { EventEmitter } from './emitter.ts';
import type { Space } from './space.ts';
import type { LocationOf, SpaceMember, SpaceTypes } from './types.ts';
import { memberKey } from './wire.ts';

/** A place: names from the whole to the part, as `['deck', 'slide 3']`. */
export type Path = readonly string[];

/** Events of one place: somebody came to it or to a part of it, or went. */
export interface PlaceEventMap<T extends SpaceTypes = SpaceTypes> {
  enter: SpaceMember<T>;
  leave: SpaceMember<T>;
}

/** Options of {@link LocationIndex}. */
export interface LocationIndexOptions<T extends SpaceTypes = SpaceTypes> {
  /** Where a location is; undefined is nowhere. Default: a text by its slashes, a list as it is. */
  pathOf?: (location: LocationOf<T>) => Path | undefined;
}

const keyOf = (path: Path): string => JSON.stringify(path);
const prefixes = (path: Path): string[] => path.map((_, i) => keyOf(path.slice(0, i + 1)));

function plainPath(location: unknown): Path | undefined {
  if (typeof location === 'string') return location.split('/').filter(Boolean);
  return Array.isArray(location) ? location.map(String) : undefined;
}

/**
 * Who is where: the members of a space by place, those who left a moment ago too. Following a change costs as much as
 * the change; asking costs as much as the answer. Ends with the space.
 */
export class LocationIndex<T extends SpaceTypes = SpaceTypes> {
  readonly #places = new Map<string, Map<string, SpaceMember<T>>>();
  readonly #paths = new Map<string, string[]>();
  readonly #watched = new Map<string, EventEmitter<PlaceEventMap<T>>>();
  readonly #pathOf: (location: LocationOf<T>) => Path | undefined;
  readonly #undo: (() => void)[];

  constructor(space: Space<T, SpacesClient>, { pathOf = plainPath }: LocationIndexOptions<T> = {}) {
    this.#pathOf = pathOf;
    for (const member of space.members.snapshot) this.#put(member, member);
    this.#undo = [
      space.members.subscribe('change', ({ added, updated, removed }) => {
        for (const member of removed) this.#put(member, undefined);
        for (const member of [...added, ...updated]) this.#put(member, member);
      }),
      space.subscribe('dispose', () => this.dispose()),
    ];
  }

  /** The members at a place and at all parts of it. */
  at(path: Path): SpaceMember<T>[] {
    return [...(this.#places.get(keyOf(path))?.values() ?? [])];
  }

  /** How many are at a place and at all parts of it. */
  count(path: Path): number {
    return this.#places.get(keyOf(path))?.size ?? 0;
  }

  /** The events of one place: coming and going between its parts is none. */
  place(path: Path): EventEmitter<PlaceEventMap<T>> {
    const key = keyOf(path);
    const place = this.#watched.get(key) ?? new EventEmitter<PlaceEventMap<T>>('Place');
    this.#watched.set(key, place);
    return place;
  }

  /** Stops following the space. */
  dispose(): void {
    for (const undo of this.#undo) undo();
    for (const place of this.#watched.values()) place.off();
    this.#watched.clear();
  }

  #put(of: SpaceMember<T>, member: SpaceMember<T> | undefined): void {
    const key = memberKey(of.connectionId, of.clientId);
    const before = this.#paths.get(key) ?? [];
    const path = member && member.location !== null ? this.#pathOf(member.location as LocationOf<T>) : undefined;
    const now = path ? prefixes(path) : [];
    for (const place of before) if (!now.includes(place)) this.#remove(place, key, member ?? of);
    for (const place of now) this.#add(place, key, member ?? of, before.includes(place));
    if (now.length) this.#paths.set(key, now);
    else this.#paths.delete(key);
  }

  #add(place: string, key: string, member: SpaceMember<T>, wasThere: boolean): void {
    const there = this.#places.get(place) ?? new Map<string, SpaceMember<T>>();
    this.#places.set(place, there.set(key, member));
    if (!wasThere) this.#watched.get(place)?.emit('enter', member);
  }

  #remove(place: string, key: string, member: SpaceMember<T>): void {
    const there = this.#places.get(place);
    there?.delete(key);
    if (!there?.size) this.#places.delete(place);
    this.#watched.get(place)?.emit('leave', member);
  }
}
