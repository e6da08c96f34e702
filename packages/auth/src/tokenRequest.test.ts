import { createHmac } from 'node:crypto';
import Ably from 'ably';
import { expect, test } from 'vitest';
import { parseKey } from './key.ts';
import { createTokenRequest, tokenRequestIsSigned, tokenRequestText } from './tokenRequest.ts';

const key = 'app.key:a-secret-of-some-length';
const now = 1_700_000_000_000;

test('[AU50] six values are signed as they came, each with a line feed, an absent one as an empty line', () => {
  const fields = { keyName: 'app.key', ttl: '60000', capability: '{ "b": ["*"] }', timestamp: now, nonce: 'n' };
  expect(tokenRequestText(fields)).toBe(`app.key\n60000\n{ "b": ["*"] }\n\n${now}\nn\n`);
  expect(tokenRequestText({ keyName: 'app.key', ttl: null, clientId: ['x'], nonce: undefined })).toBe(
    'app.key\n\n\n\n\n\n',
  );
});

test('[AU51] a created token request holds what was asked for and is signed by the key', async () => {
  const request = await createTokenRequest({
    key,
    clientId: 'ann',
    capability: { a: ['subscribe', 'publish'] },
    ttlMs: 60_000,
    now,
  });
  expect(request).toMatchObject({
    keyName: 'app.key',
    clientId: 'ann',
    capability: '{"a":["publish","subscribe"]}',
    ttl: 60_000,
    timestamp: now,
  });
  expect(request.nonce.length).toBeGreaterThanOrEqual(16);
  const mac = createHmac('sha256', 'a-secret-of-some-length').update(tokenRequestText(request)).digest('base64');
  expect(request.mac).toBe(mac);
  expect(await tokenRequestIsSigned(request, parseKey(key))).toBe(true);
  expect(Object.keys(await createTokenRequest({ key })).sort()).toEqual(['keyName', 'mac', 'nonce', 'timestamp']);
});

test('[AU51] what the official client signs is recognised', async () => {
  const request = await new Ably.Rest({ key }).auth.createTokenRequest({
    clientId: 'ann',
    ttl: 5_000,
    capability: { b: ['*'] },
  });
  expect(await tokenRequestIsSigned({ ...request }, parseKey(key))).toBe(true);
  expect(await tokenRequestIsSigned({ ...request }, parseKey('app.key:another'))).toBe(false);
});

test('[AU52] a change in any signed field breaks the signature, and base64url spells the same one', async () => {
  const request = await createTokenRequest({ key, clientId: 'ann', capability: { a: ['*'] }, ttlMs: 1_000, now });
  const changes = [
    { keyName: 'app.other' },
    { ttl: 1_001 },
    { capability: '{"a": ["*"]}' },
    { clientId: 'Ann' },
    { clientId: undefined },
    { timestamp: now + 1 },
    { nonce: `${request.nonce}0` },
    { mac: request.mac.slice(4) },
    { mac: '12345' },
    { mac: '' },
    { mac: undefined },
  ];
  for (const change of changes)
    expect(await tokenRequestIsSigned({ ...request, ...change }, parseKey(key))).toBe(false);
  const urlSafe = request.mac.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  expect(await tokenRequestIsSigned({ ...request, mac: urlSafe }, parseKey(key))).toBe(true);
});

test.each([
  [{ ttlMs: 0 }, 40003],
  [{ ttlMs: 0.5 }, 40003],
  [{ ttlMs: 86_400_001 }, 40003],
  [{ clientId: '' }, 40012],
  [{ capability: '{' }, 40000],
  [{ key: 'nonsense' }, 40005],
])('[AU53] options %j are refused', async (options, code) => {
  await expect(createTokenRequest({ key, ...options })).rejects.toThrow(
    expect.objectContaining({ code, statusCode: 400 }),
  );
});
