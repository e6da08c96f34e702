import { expect, test } from 'vitest';
import { connectIdentity, messageClientId, presenceClientId, tokenClientId } from './identity.ts';

const failing = (code: number, statusCode = 400) => expect.objectContaining({ code, statusCode });

test.each([
  { credential: '*', requested: undefined, identity: '*' },
  { credential: '*', requested: 'x', identity: 'x' },
  { credential: undefined, requested: undefined, identity: undefined },
  { credential: undefined, requested: 'null', identity: undefined },
  { credential: 'x', requested: undefined, identity: 'x' },
  { credential: 'x', requested: 'x', identity: 'x' },
  { credential: 'x', requested: 'null', identity: 'x' },
  { credential: 'null', requested: 'null', identity: 'null' },
])(
  '[AU10] credentials of $credential asking for $requested act as $identity',
  ({ credential, requested, identity }) => {
    expect(connectIdentity(credential, requested)).toBe(identity);
  },
);

test.each([
  { credential: undefined, requested: 'x' },
  { credential: 'x', requested: 'y' },
  { credential: 'x', requested: 'X' },
  { credential: 'caf\u00e9', requested: 'cafe\u0301' },
])('[AU11] credentials of $credential never act as $requested', ({ credential, requested }) => {
  expect(() => connectIdentity(credential, requested)).toThrow(failing(40102, 401));
  expect(() => connectIdentity(credential, requested, 'rest')).toThrow(failing(40012, 401));
});

test.each(['', '*', 'a\nb', 'a\rb'])('[AU12] nobody connects as %j', (requested) => {
  for (const credential of ['*', 'x', undefined]) {
    expect(() => connectIdentity(credential, requested)).toThrow(failing(40012));
  }
});

test('[AU13] a token is for a name, for anybody or for nobody', () => {
  expect(tokenClientId('x')).toBe('x');
  expect(tokenClientId('*')).toBe('*');
  expect(tokenClientId(undefined)).toBeUndefined();
  expect(tokenClientId(null)).toBeUndefined();
  for (const bad of ['', '\n', 5, {}, ['x'], true]) expect(() => tokenClientId(bad)).toThrow(failing(40012));
});

test('[AU14] an identified publisher signs its messages with its own name and no other', () => {
  expect(messageClientId('x', undefined)).toBe('x');
  expect(messageClientId('x', null)).toBe('x');
  expect(messageClientId('x', 'x')).toBe('x');
  for (const bad of ['y', '*', '', 5, ['x']]) expect(() => messageClientId('x', bad)).toThrow(failing(40012));
});

test('[AU14] a wildcard publisher signs as anybody or not at all, and an anonymous one not at all', () => {
  expect(messageClientId('*', undefined)).toBeUndefined();
  expect(messageClientId('*', 'y')).toBe('y');
  for (const bad of ['*', '', 5]) expect(() => messageClientId('*', bad)).toThrow(failing(40012));
  expect(messageClientId(undefined, undefined)).toBeUndefined();
  for (const bad of ['y', '*', '', 5]) expect(() => messageClientId(undefined, bad)).toThrow(failing(40012));
});

test('[AU15] a presence member always has a name, its own or one that a wildcard connection gives', () => {
  expect(presenceClientId('x', undefined)).toBe('x');
  expect(presenceClientId('x', 'x')).toBe('x');
  expect(presenceClientId('*', 'y')).toBe('y');
  for (const bad of ['y', '*', '', 5]) expect(() => presenceClientId('x', bad)).toThrow(failing(40012));
  for (const bad of ['*', '', 5]) expect(() => presenceClientId('*', bad)).toThrow(failing(40012));
  expect(() => presenceClientId('*', undefined)).toThrow(failing(91000));
  for (const given of [undefined, 'y', '*']) expect(() => presenceClientId(undefined, given)).toThrow(failing(91000));
});
