import { expect, test } from 'vitest';
import { appFromKeys, appsFromKeys, createApps } from './apps.ts';

const secret = 'a-secret-of-some-length';

test('[AU100] an app is made of its keys, each with its own capability', () => {
  const app = appFromKeys(
    [
      { key: `app.root:${secret}` },
      { key: `app.reader:${secret}`, capability: '{"news:*":["subscribe"]}', revocableTokens: true },
    ],
    { namespaces: [{ id: 'news', persisted: true }], maxPresenceMembers: 250 },
  );
  expect(app.id).toBe('app');
  expect(app.keys.get('app.root')?.capability.text).toBe('{"*":["*"]}');
  expect(app.keys.get('app.root')?.revocableTokens).toBe(false);
  expect(app.keys.get('app.reader')).toMatchObject({ name: 'app.reader', secret, revocableTokens: true });
  expect(app.keys.get('app.reader')?.capability.text).toBe('{"news:*":["subscribe"]}');
  expect(app.namespaces.get('news')).toEqual({ id: 'news', persisted: true });
  expect(app.maxPresenceMembers).toBe(250);
});

test.each([
  ['empty secret', 'app.key:'],
  ['secret of one byte', 'app.key:x'],
  ['secret that is too short', 'app.key:123456789012345'],
  ['no secret', 'app.key'],
  ['id with a slash', `a/b.key:${secret}`],
  ['id with a leading dash', `-app.key:${secret}`],
  ['id that is too long', `app.${'k'.repeat(65)}:${secret}`],
  ['id with other letters', `äpp.key:${secret}`],
])('[AU101] a key with %s is not taken, and its secret not shown', (_, key) => {
  const make = () => appFromKeys([{ key }]);
  expect(make).toThrow(expect.objectContaining({ code: 40005 }));
  expect(make).not.toThrow(/12345|some-length/);
});

test('[AU101] a shorter secret is taken where that is configured, but never one of a single byte', () => {
  expect(appFromKeys([{ key: 'dev.key:secret' }], { minSecretLength: 6 }).id).toBe('dev');
  expect(() => appFromKeys([{ key: 'dev.key:x' }], { minSecretLength: 0 })).toThrow(
    expect.objectContaining({ code: 40005 }),
  );
  expect(() => appFromKeys([{ key: 'dev.key:é' }], { minSecretLength: 3 })).toThrow(
    expect.objectContaining({ code: 40005 }),
  );
});

test('[AU102] an app without keys, with the same key twice or with keys of another app is not made', () => {
  const key = `app.key:${secret}`;
  for (const keys of [[], [{ key }, { key: `${key}x` }], [{ key }, { key: `other.key:${secret}` }]]) {
    expect(() => appFromKeys(keys)).toThrow(expect.objectContaining({ code: 40005 }));
  }
  expect(() => appFromKeys([{ key, capability: '{"a":[]}' }])).toThrow(expect.objectContaining({ code: 40000 }));
});

test('[AU103] keys of several apps make several apps, which come and go by id', () => {
  const apps = createApps(appsFromKeys([{ key: `a.k:${secret}` }, { key: `b.k:${secret}` }, { key: `a.l:${secret}` }]));
  expect([...(apps.get('a')?.keys.keys() ?? [])]).toEqual(['a.k', 'a.l']);
  expect([...(apps.get('b')?.keys.keys() ?? [])]).toEqual(['b.k']);
  expect(apps.get('constructor')).toBeUndefined();
  expect(apps.remove('a')).toBe(true);
  expect(apps.remove('a')).toBe(false);
  expect(apps.get('a')).toBeUndefined();
  apps.add(appFromKeys([{ key: `a.new:${secret}` }]));
  expect(apps.get('a')?.keys.has('a.new')).toBe(true);
});
