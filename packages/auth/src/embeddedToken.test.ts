import { expect, test } from 'vitest';
import { checkEmbedding, embeddedToken } from './embeddedToken.ts';
import { decodeJwt } from './jwt.ts';

const now = 1_700_000_000_000;
const seconds = now / 1_000;
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const embedded = (header: object, payload: object) =>
  embeddedToken(decodeJwt(`${part(header)}.${part(payload)}.c2ln`), now);
const failing = (code: number) => expect.objectContaining({ code, statusCode: 401 });

test('[AU45] a token in the header or the payload of any JWT is found, whatever signs it', () => {
  expect(embedded({ alg: 'RS256' }, { 'x-ably-token': 'inner' })).toEqual({ token: 'inner' });
  expect(embedded({ alg: 'none', 'x-ably-token': 'inner' }, { exp: seconds + 60 })).toEqual({
    token: 'inner',
    outerExpiresAt: now + 60_000,
  });
  expect(embedded({ alg: 'HS256' }, {})).toBeUndefined();
});

test('[AU45] a token in the header of an encrypted JWT is found', () => {
  const jwe = `${part({ alg: 'dir', enc: 'A256GCM', 'x-ably-token': 'inner' })}..aXY.Y2lwaGVy.dGFn`;
  expect(embeddedToken(decodeJwt(jwe), now)).toEqual({ token: 'inner' });
});

test('[AU46] an outer token that has expired ends the inner one too', () => {
  expect(() => embedded({}, { 'x-ably-token': 'inner', exp: seconds })).toThrow(failing(40142));
});

test.each([
  ['a token that is no string', { 'x-ably-token': 5 }],
  ['an empty token', { 'x-ably-token': '' }],
  ['null for a token and a list for exp', { 'x-ably-token': 'inner', exp: [] }],
])('[AU46] %s is refused with 40144', (_, payload) => {
  expect(() => embedded({}, payload)).toThrow(failing(40144));
});

test('[AU46] an outer token must not outlive the inner one', () => {
  expect(() => checkEmbedding({ token: 'inner', outerExpiresAt: now + 1 }, now)).toThrow(failing(40144));
  checkEmbedding({ token: 'inner', outerExpiresAt: now }, now);
  checkEmbedding({ token: 'inner' }, now);
});
