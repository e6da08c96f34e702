import { expect, test } from 'vitest';
import { holderOf, precedes } from './lockRules.ts';

const claim = (connectionId: string, timestamp: number) => ({ connectionId, timestamp });

test('[SP2] the earlier request goes first, then the smaller connection id in plain string order', () => {
  expect(precedes(claim('b', 1), claim('a', 2))).toBe(true);
  expect(precedes(claim('a', 2), claim('b', 2))).toBe(true);
  expect(precedes(claim('B', 2), claim('a', 2))).toBe(true);
  expect(precedes(claim('10', 2), claim('9', 2))).toBe(true);
  expect(precedes(claim('a', 2), claim('a', 2))).toBe(false);
});

test('[SP2] the holder is the same for every order of the same requests', () => {
  const claims = [claim('c', 3), claim('b', 1), claim('a', 1), claim('d', 9)];
  for (let turn = 0; turn < claims.length; turn++) {
    claims.push(...claims.splice(0, 1));
    expect(holderOf(claims)).toEqual(claim('a', 1));
    expect(holderOf([...claims].reverse())).toEqual(claim('a', 1));
  }
  expect(holderOf([])).toBeUndefined();
});
