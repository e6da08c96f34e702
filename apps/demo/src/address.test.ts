import { describe, expect, test } from 'vitest';
import { queryFor, readAddress } from './address.ts';

describe('address', () => {
  test('[DM10] the query names the space and whether somebody new comes', () => {
    expect(readAddress('?space=team-7&person=new')).toEqual({ space: 'team-7', isNewPerson: true });
    expect(readAddress('')).toEqual({ space: 'market-day', isNewPerson: false });
  });

  test.each(['?space=', '?space=a*', '?space=[x]y', '?space=a::b', `?space=${'x'.repeat(41)}`, '?space=%00'])(
    '[DM10] %j names no space',
    (search) => {
      expect(readAddress(search).space).toBe('market-day');
    },
  );

  test.each([
    ['', { space: 'market-day', isNewPerson: false }],
    ['?person=new', { space: 'market-day', isNewPerson: true }],
    ['?space=x&person=new', { space: 'x', isNewPerson: true }],
  ])('[DM10] the query %j reads as it was written', (query, address) => {
    expect(queryFor(address)).toBe(query);
    expect(readAddress(query)).toEqual(address);
  });
});
