import { describe, expect, test } from 'vitest';
import { isKeeper } from './keeper.ts';
import type { Person } from './person.ts';

function people(self: string, gone: readonly string[] = []): Person[] {
  return ['c3', 'c1', 'c2'].map((connectionId) => ({
    connectionId,
    clientId: connectionId,
    name: connectionId,
    initials: '',
    colour: '',
    presence: gone.includes(connectionId) ? 'gone' : 'here',
    isSelf: connectionId === self,
    card: null,
  }));
}

describe('keeper', () => {
  test.each([
    ['c3', [], ['c1']],
    ['c1', [], ['c2']],
    ['c2', ['c1'], ['c3']],
  ])('[DM5] when %s comes and %j are gone, %j tells it the texts', (newcomer, gone, keepers) => {
    expect(['c1', 'c2', 'c3'].filter((self) => isKeeper(people(self, gone), newcomer))).toEqual(keepers);
  });
});
