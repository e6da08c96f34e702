import { describe, expect, test } from 'vitest';
import type { Person } from './person.ts';
import { layOut } from './stackLayout.ts';

function person(name: string, presence: Person['presence'] = 'here', isSelf = false): Person {
  return {
    connectionId: `${name}-${presence}`,
    clientId: name,
    name,
    initials: 'X',
    colour: '',
    presence,
    isSelf,
    card: null,
  };
}

const names = (people: readonly Person[]) => people.map(({ name }) => name).join(' ');

describe('avatar stack', () => {
  test('[DM4] oneself comes first, then who is here, away and gone', () => {
    const people = [
      person('gone', 'gone'),
      person('away', 'away'),
      person('ann'),
      person('me', 'away', true),
      person('bob'),
    ];
    expect(names(layOut(people, 9).shown)).toBe('me ann bob away gone');
  });

  test('[DM4] those who do not fit are behind +n, which takes a place itself', () => {
    const people = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => person(name));
    expect(names(layOut(people, 6).shown)).toBe('a b c d e f');
    const { shown, hidden } = layOut(people, 5);
    expect(names(shown)).toBe('a b c d');
    expect(names(hidden)).toBe('e f');
    expect(layOut(people, 1).shown).toHaveLength(1);
    expect(layOut([], 5)).toEqual({ shown: [], hidden: [] });
  });

  test('[DM4] someone who is back through a new connection is not shown as gone as well', () => {
    expect(names(layOut([person('ann', 'gone'), person('bob', 'gone'), person('ann')], 9).shown)).toBe('ann bob');
    expect(layOut([person('ann'), { ...person('ann'), connectionId: 'tab2' }], 9).shown).toHaveLength(2);
  });
});
