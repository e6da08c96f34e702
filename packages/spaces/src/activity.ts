import type { SpacesClient } from './client.ts';
import { isObject } from './json.ts';
import type { Space } from './space.ts';
import type { Patch, ProfileOf, SpaceMember, SpaceTypes } from './types.ts';
import { OWN_KEY } from './wire.ts';

/** What somebody is doing: at work, paused, gone for long, or with the page out of sight. */
export type Activity = 'active' | 'idle' | 'away' | 'hidden';

/** What is watched of a page: `document` fits. */
export interface PageLike {
  readonly visibilityState: string;
  addEventListener(event: string, listener: () => void, options?: { passive: boolean; capture: boolean }): void;
  removeEventListener(event: string, listener: () => void, options?: { capture: boolean }): void;
}

/** Options of {@link shareActivity}. */
export interface ActivityOptions {
  /** Default: the page's `document`. */
  document?: PageLike;
  /** ms without input until `idle`. Default 60 000. */
  idleAfterMs?: number;
  /** ms without input until `away`. Default 300 000. */
  awayAfterMs?: number;
  /** ms; default `Date.now`. */
  now?: () => number;
}

const INPUTS = ['pointermove', 'pointerdown', 'keydown', 'wheel', 'touchstart'];
const KNOWN: readonly unknown[] = ['active', 'idle', 'away', 'hidden'];

/** What a member is doing, as it tells; `active` where it does not, `away` once it has left. */
export function activityOf(member: Pick<SpaceMember, 'profileData' | 'isConnected'>): Activity {
  if (!member.isConnected) return 'away';
  const ours = member.profileData?.[OWN_KEY];
  const activity = isObject(ours) ? ours.activity : undefined;
  return KNOWN.includes(activity) ? (activity as Activity) : 'active';
}

/**
 * Tells the others what this client's user is doing, in the profile under the key `parvis`, while the client is in the
 * space; nothing is sent while it does not change. Returns the undo; the space's end undoes it too.
 *
 * @example
 * const stop = shareActivity(space);
 * space.members.subscribe('update', (member) => console.log(member.clientId, activityOf(member)));
 */
export function shareActivity<T extends SpaceTypes>(
  space: Space<T, SpacesClient>,
  options: ActivityOptions = {},
): () => void {
  const { document = (globalThis as { document?: PageLike }).document, now = Date.now } = options;
  const { idleAfterMs = 60_000, awayAfterMs = 300_000 } = options;
  let lastInput = now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let told: Activity | undefined;

  const current = (): Activity => {
    if (document?.visibilityState === 'hidden') return 'hidden';
    const quiet = now() - lastInput;
    return quiet >= awayAfterMs ? 'away' : quiet >= idleAfterMs ? 'idle' : 'active';
  };
  const tell = () => {
    const { self } = space.members;
    if (!self) {
      told = undefined;
      return;
    }
    const activity = current();
    // An app that replaces its profile drops what was told.
    if (told === activity && activityOf(self as SpaceMember) === activity) return;
    told = activity;
    const fields = { [OWN_KEY]: { activity } } as unknown as Patch<ProfileOf<T>>;
    space.patchProfileData(fields).catch(() => {
      told = undefined;
    });
  };
  const check = () => {
    clearTimeout(timer);
    tell();
    const quiet = now() - lastInput;
    const next = quiet < idleAfterMs ? idleAfterMs : awayAfterMs;
    // One timer that is late by the input since, and none when nothing can change by itself.
    timer = quiet < next ? setTimeout(check, next - quiet) : undefined;
  };
  const onInput = () => {
    lastInput = now();
    if (told !== 'active') check();
  };
  const undo = [space.members.subscribe('change', tell), space.subscribe('dispose', () => stop())];
  for (const event of INPUTS) document?.addEventListener(event, onInput, { passive: true, capture: true });
  document?.addEventListener('visibilitychange', check);
  const stop = () => {
    clearTimeout(timer);
    for (const end of undo) end();
    for (const event of INPUTS) document?.removeEventListener(event, onInput, { capture: true });
    document?.removeEventListener('visibilitychange', check);
  };
  check();
  return stop;
}
