import type { SpaceMember } from '@parvis/spaces';
import { describe, expect, test } from 'vitest';
import { cleanName, initialsOf, maxNameLength, nameOf, type Person, peopleOf } from './person.ts';

const member: SpaceMember = {
  clientId: 'visitor-1',
  connectionId: 'c1',
  isConnected: true,
  profileData: { name: 'Calm Heron', away: false },
  location: { card: 'lights' },
  lastEvent: { name: 'present', timestamp: 0 },
};

const personOf = (one: SpaceMember, self?: string): Person | undefined => peopleOf([one], self)[0];

describe('person', () => {
  test('[DM2] a member becomes a person with name, initials and place', () => {
    const person = personOf(member, 'c1');
    expect(person).toMatchObject({
      name: 'Calm Heron',
      initials: 'CH',
      presence: 'here',
      isSelf: true,
      card: 'lights',
    });
    expect(personOf(member, 'c2')?.isSelf).toBe(false);
    expect(personOf(member)?.isSelf).toBe(false);
  });

  test('[DM2] who looks elsewhere is away, who left is gone', () => {
    expect(personOf({ ...member, profileData: { name: 'A', away: true } }, '')?.presence).toBe('away');
    expect(personOf({ ...member, isConnected: false }, '')?.presence).toBe('gone');
  });

  test.each([
    ['no profile', null],
    ['a name that is no text', { name: { toString: 'x' } }],
    ['an empty name', { name: ' \n\u200b ' }],
    ['a list', ['name']],
  ])('[DM3] a member with %s is shown by its clientId', (_, profileData) => {
    expect(nameOf({ ...member, profileData } as SpaceMember)).toBe('visitor-1');
  });

  test.each([[null], ['lights'], [{ card: 7 }], [[]]])(
    '[DM3] a location of another shape is no place (%j)',
    (location) => {
      expect(personOf({ ...member, location }, '')?.card).toBeNull();
    },
  );

  test('[DM3] a name is one short line without invisible characters', () => {
    expect(cleanName('a\u202eb\nc')).toBe('a b c');
    expect(Array.from(cleanName('\u{1f984}'.repeat(99)) ?? '')).toHaveLength(maxNameLength);
  });

  test.each([
    ['Calm Heron', 'CH'],
    ['ada', 'A'],
    ['Ada van der Berg', 'AB'],
    ['\u{1f984} pony', '\u{1f984}P'],
    ['...', '?'],
  ])('[DM2] the initials of %s are %s', (name, initials) => {
    expect(initialsOf(name)).toBe(initials);
  });
});
