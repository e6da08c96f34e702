import { expect, test } from 'vitest';
import { formatKey, generateKey, parseKey } from './key.ts';

test('[AU1] a key is appId.keyId:secret and comes back as it was written', () => {
  const key = parseKey('app.key:secret');
  expect(key).toEqual({ appId: 'app', keyId: 'key', name: 'app.key', secret: 'secret' });
  expect(formatKey(key)).toBe('app.key:secret');
});

test.each([
  '',
  'app',
  'app.key',
  'app.key:',
  '.key:secret',
  'app.:secret',
  'a.b.c:secret',
  'app.key:se:cret',
  'app.key:sec.ret',
  'app.key: secret',
  'app key.k:secret',
  `app.key:${'x'.repeat(2_000)}`,
])('[AU1] %j is refused as a key with 40005, and not repeated in the message', (text) => {
  expect(() => parseKey(text)).toThrow(expect.objectContaining({ code: 40005, statusCode: 400 }));
  expect(() => parseKey(text)).toThrow('API key is not of the form appId.keyId:secret');
});

test('[AU2] generated keys differ, parse, and keep the app they are asked for', () => {
  const keys = Array.from({ length: 200 }, () => generateKey('demo'));
  expect(new Set(keys.map((key) => key.secret)).size).toBe(200);
  expect(new Set(keys.map((key) => key.name)).size).toBe(200);
  for (const key of keys) {
    expect(parseKey(formatKey(key))).toEqual(key);
    expect(key.appId).toBe('demo');
    expect(key.secret).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{42}$/);
  }
  expect(generateKey().appId).not.toBe(generateKey().appId);
});
