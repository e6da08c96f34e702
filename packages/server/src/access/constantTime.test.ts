import { timingSafeEqual } from 'node:crypto';
import { expect, test } from 'vitest';
import { type Equals, macsEqual, secretsEqual } from './constantTime.ts';

/** Stands between us and the comparison, and notes what is compared. */
function recorder() {
  const lengths: [number, number][] = [];
  const equals: Equals = (a, b) => {
    lengths.push([a.length, b.length]);
    return timingSafeEqual(a, b);
  };
  return { lengths, equals };
}

test('[AU106] secrets are compared once, as digests of 32 bytes, whatever they have in common and however long they are', () => {
  const secret = 'correct-horse-battery-staple';
  const { lengths, equals } = recorder();
  const prefixes = Array.from({ length: secret.length }, (_, length) => secret.slice(0, length));
  const guesses = [
    ...prefixes,
    ...prefixes.map((prefix) => prefix.padEnd(secret.length, '~')),
    `${secret}x`,
    'x'.repeat(10_000),
  ];
  for (const guess of guesses) expect(secretsEqual(guess, secret, equals)).toBe(false);
  expect(lengths).toEqual(guesses.map(() => [32, 32]));
  expect(secretsEqual(secret, secret, equals)).toBe(true);
});

test('[AU106] a secret is compared just so when there is none to compare with, and never matches', () => {
  const { lengths, equals } = recorder();
  expect(secretsEqual('guess', undefined, equals)).toBe(false);
  expect(secretsEqual('', undefined, equals)).toBe(false);
  expect(lengths).toEqual([
    [32, 32],
    [32, 32],
  ]);
});

test('[AU106] the comparison itself decides, and nothing beside it', () => {
  expect(secretsEqual('a', 'b', () => true)).toBe(true);
  expect(secretsEqual('a', 'a', () => false)).toBe(false);
  expect(macsEqual(Buffer.alloc(32), Buffer.alloc(32), () => false)).toBe(false);
});

test('[AU106] a mac of the right length is compared as a whole, and one of another length is not the one', () => {
  const mac = Buffer.alloc(32, 7);
  const { lengths, equals } = recorder();
  for (let index = 0; index < mac.length; index += 1) {
    const forged = Buffer.from(mac);
    forged[index] = 8;
    expect(macsEqual(forged, mac, equals)).toBe(false);
  }
  expect(macsEqual(Buffer.from(mac), mac, equals)).toBe(true);
  expect(lengths).toEqual(Array.from({ length: 33 }, () => [32, 32]));
  for (const other of [Buffer.alloc(0), mac.subarray(1), Buffer.concat([mac, mac])]) {
    expect(macsEqual(other, mac, equals)).toBe(false);
  }
  expect(lengths).toHaveLength(33);
});
