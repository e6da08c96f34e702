import type { SpacesClient } from './client.ts';
import type { Unsubscribe } from './emitter.ts';
import type { Space } from './space.ts';
import type { SpaceSnapshot, SpaceTypes } from './types.ts';

/**
 * Listens to one part of a space, such as one member or one lock: the listener runs when what `pick` finds in the
 * snapshot is another value (`isSame`, by default identity, which parts keep while they do not change).
 *
 * @example
 * const stop = select(space, ({ locks }) => locks.find(({ id }) => id === 'card'), (lock) => show(lock));
 */
export function select<V, T extends SpaceTypes = SpaceTypes>(
  space: Space<T, SpacesClient>,
  pick: (snapshot: SpaceSnapshot<T>) => V,
  listener: (value: V) => void,
  isSame: (a: V, b: V) => boolean = Object.is,
): Unsubscribe {
  let last = pick(space.snapshot);
  return space.subscribe('change', (snapshot) => {
    const value = pick(snapshot);
    if (isSame(last, value)) return;
    last = value;
    listener(value);
  });
}
