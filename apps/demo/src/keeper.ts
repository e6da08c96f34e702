import type { Person } from './person.ts';

/** Whether it falls to oneself to tell a newcomer what is written on the board: one page does, and all agree which. */
export function isKeeper(people: readonly Person[], newcomerConnectionId: string): boolean {
  const others = people.filter(
    ({ connectionId, presence }) => presence !== 'gone' && connectionId !== newcomerConnectionId,
  );
  const [keeper] = others.sort((a, b) => (a.connectionId < b.connectionId ? -1 : 1));
  return keeper?.isSelf === true;
}
