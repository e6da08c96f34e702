import type { SpacesClient } from './client.ts';
import type { Space } from './space.ts';
import type { LocationOf, ProfileOf, SpaceMember, SpaceTypes } from './types.ts';

/** What is watched of a window: `window` fits. */
export interface WindowLike {
  addEventListener(event: string, listener: (event: object) => void): void;
  removeEventListener(event: string, listener: (event: object) => void): void;
}

/**
 * Leaves the space when the page goes, without waiting for the service to notice, and comes back with profile and
 * location when the page comes back from the browser's back/forward cache. Locks are let go. Returns the undo.
 */
export function leaveOnPageHide<T extends SpaceTypes>(
  space: Space<T, SpacesClient>,
  window: WindowLike = globalThis as unknown as WindowLike,
): () => void {
  let parked: SpaceMember<T> | null = null;
  const onHide = () => {
    parked = space.members.self;
    if (parked) space.leaveNow();
  };
  const onShow = (event: object) => {
    const member = parked;
    parked = null;
    if ((event as { persisted?: boolean }).persisted && member) comeBack(space, member).catch(() => {});
  };
  const undoDispose = space.subscribe('dispose', () => stop());
  const stop = () => {
    undoDispose();
    window.removeEventListener('pagehide', onHide);
    window.removeEventListener('pageshow', onShow);
  };
  window.addEventListener('pagehide', onHide);
  window.addEventListener('pageshow', onShow);
  return stop;
}

/**
 * Goes on seeing without being seen: leaves, and returns the way back in with the profile and location of before. Who
 * has never entered is not seen either. Locks are let go. Rejects with 101001 outside the space.
 */
export async function hide<T extends SpaceTypes>(space: Space<T, SpacesClient>): Promise<() => Promise<void>> {
  const { self } = space.members;
  await space.leave();
  return async () => {
    if (self && !space.members.self) await comeBack(space, self);
  };
}

async function comeBack<T extends SpaceTypes>(
  space: Space<T, SpacesClient>,
  { profileData, location }: SpaceMember<T>,
): Promise<void> {
  const entered = space.enter(profileData as ProfileOf<T>);
  // Not after the echo of the enter: the others would see somebody who is nowhere.
  const placed = location === null ? undefined : space.locations.set(location as LocationOf<T>);
  await Promise.all([entered, placed]);
}
