import type { Person } from './person.ts';

/** Which avatars fit, and who is behind the `+n`. */
export interface StackLayout {
  readonly shown: readonly Person[];
  readonly hidden: readonly Person[];
}

const ranks = { here: 0, away: 1, gone: 2 } as const;

/**
 * Orders people for an avatar stack of at most `places` circles, the `+n` being one of them: oneself, then who is here, away and
 * gone, each in order of arrival. Someone who left and is back through a new connection is shown once.
 */
export function layOut(people: readonly Person[], places: number): StackLayout {
  const back = new Set(people.filter(({ presence }) => presence !== 'gone').map(({ clientId }) => clientId));
  const ordered = people
    .filter(({ presence, clientId }) => presence !== 'gone' || !back.has(clientId))
    .sort((a, b) => Number(b.isSelf) - Number(a.isSelf) || ranks[a.presence] - ranks[b.presence]);
  const fitting = ordered.length <= places ? ordered.length : Math.max(1, places - 1);
  return { shown: ordered.slice(0, fitting), hidden: ordered.slice(fitting) };
}
