import { createTokenRequest, issueJwt, type TokenRequestFields, tokenRequestText } from '@parvis/auth';
import Ably from 'ably';
import { beforeEach, describe, expect, test } from 'vitest';
import { atOnce } from '../../test/atOnce.ts';
import type { Apps } from './app.ts';
import { appFromKeys, createApps } from './apps.ts';
import { createAuthenticator } from './authenticator.ts';
import { macOf } from './keys.ts';
import type { Authenticator } from './principal.ts';
import { createTokenRequests, type TokenQuery } from './tokenRequests.ts';

const secret = 'a-secret-of-some-length';
const rootKey = `app.root:${secret}`;
const narrowKey = `app.narrow:${secret}`;
const revocableKey = `app.revocable:${secret}`;

let now = 0;
let apps: Apps;
let authenticator: Authenticator;
let claimed: Map<string, number>;
let requestToken: (query: TokenQuery) => Promise<Record<string, unknown> & { readonly token: string }>;

beforeEach(() => {
  now = 1_700_000_000_000;
  claimed = new Map();
  const clock = { now: () => now };
  apps = createApps([
    appFromKeys([
      { key: rootKey },
      { key: narrowKey, capability: { 'news:*': ['subscribe', 'publish'] } },
      { key: revocableKey, revocableTokens: true },
    ]),
    appFromKeys([{ key: `other.root:${secret}` }]),
  ]);
  authenticator = createAuthenticator({ apps, clock });
  const nonces = {
    claim: async (appId: string, nonce: string, forMs: number) => {
      const isNew = !claimed.has(`${appId} ${nonce}`);
      claimed.set(`${appId} ${nonce}`, forMs);
      return isNew;
    },
  };
  const answer = createTokenRequests({ apps, nonces, clock });
  requestToken = async (query) => ({ ...(await answer(query)) });
});

const failing = (code: number, statusCode = 401) => expect.objectContaining({ code, statusCode });
const come = (token: string) => atOnce(authenticator.authenticate({ token, secure: true, via: 'rest' }));

let count = 0;

/** Signs fields as a key holder of any library would. */
function signed(fields: TokenRequestFields = {}, keyName = 'app.root'): TokenRequestFields {
  count += 1;
  const full = { keyName, timestamp: now, nonce: String(count).padStart(16, '0'), ...fields };
  const key = apps.get('app')?.keys.get(keyName);
  if (!key) throw new Error(`no key ${keyName}`);
  return { ...full, mac: Buffer.from(macOf(key, tokenRequestText(full))).toString('base64') };
}

const ask = (body: unknown, keyName = 'app.root') => requestToken({ keyName, body });

describe('signed requests', () => {
  test('[AU140] a request that asks for nothing special gets an hour of all that the key may do', async () => {
    const details = await ask(signed());
    expect(details).toEqual({
      token: expect.stringMatching(/^app\./),
      keyName: 'app.root',
      issued: now,
      expires: now + 3_600_000,
      capability: '{"*":["*"]}',
    });
    expect(come(details.token)).toMatchObject({
      method: 'token',
      clientId: undefined,
      issuedAt: now,
      expiresAt: now + 3_600_000,
    });
  });

  test('[AU140] a token of all that the key may do tells it as the key was configured', async () => {
    const details = await ask(signed({}, 'app.narrow'), 'app.narrow');
    expect(details).toMatchObject({ capability: '{"news:*":["subscribe","publish"]}' });
    expect(come(details.token).capability.text).toBe('{"news:*":["publish","subscribe"]}');
    const text = '{ "b": ["subscribe", "history"], "a": ["*"] }';
    apps.add(appFromKeys([{ key: `text.root:${secret}`, capability: text }]));
    const [key] = apps.get('text')?.keys.values() ?? [];
    expect(key?.capabilityText).toBe('{"b":["subscribe","history"],"a":["*"]}');
  });

  test('[AU140] what is asked for is what the token gives', async () => {
    const capability = '{ "b": ["publish"],  "a": ["subscribe", "history"] }';
    const details = await ask(signed({ clientId: 'ann', ttl: 123, capability }));
    expect(details).toMatchObject({
      clientId: 'ann',
      expires: now + 123,
      capability: '{"a":["history","subscribe"],"b":["publish"]}',
    });
    expect(come(details.token)).toMatchObject({ clientId: 'ann', expiresAt: now + 123 });
    expect(come(details.token).capability.text).toBe(details.capability);
    expect(come((await ask(signed({ clientId: '*' }))).token).clientId).toBe('*');
  });

  test('[AU140] the official client and our own sign what is accepted', async () => {
    now = Date.now();
    const official = await new Ably.Rest({ key: rootKey }).auth.createTokenRequest({
      clientId: 'ann',
      capability: { a: ['*'] },
    });
    expect(await ask(JSON.parse(JSON.stringify(official)))).toMatchObject({
      clientId: 'ann',
      capability: '{"a":["*"]}',
    });
    const own = await createTokenRequest({ key: rootKey, clientId: 'ann', ttlMs: 5_000 });
    expect(await ask(JSON.parse(JSON.stringify(own)))).toMatchObject({ clientId: 'ann' });
  });

  test('[AU141] numbers may be text, signed as the text that came', async () => {
    expect(await ask(signed({ ttl: '60000', timestamp: String(now) }))).toMatchObject({ expires: now + 60_000 });
    expect(await ask(signed({ ttl: '060000' }))).toMatchObject({ expires: now + 60_000 });
    expect(await ask(signed({ ttl: '', capability: '' }))).toMatchObject({ expires: now + 3_600_000 });
    expect(await ask(signed({ ttl: null, capability: null, clientId: null }))).toMatchObject({
      capability: '{"*":["*"]}',
    });
  });

  test.each([0, -1, 0.5, 'notanumber', '1e3', 86_400_001, '99999999999999999999', true, [60_000], {}])(
    '[AU142] a ttl of %j is refused with 40003',
    async (ttl) => {
      await expect(ask(signed({ ttl }))).rejects.toThrow(failing(40003, 400));
    },
  );

  test('[AU142] a token lives from 1 ms to a day, or an hour if it must be revocable', async () => {
    expect(await ask(signed({ ttl: 1 }))).toMatchObject({ expires: now + 1 });
    expect(await ask(signed({ ttl: 86_400_000 }))).toMatchObject({ expires: now + 86_400_000 });
    const revocable = (ttl: number) => ask(signed({ ttl }, 'app.revocable'), 'app.revocable');
    expect(await revocable(3_600_000)).toMatchObject({ expires: now + 3_600_000 });
    await expect(revocable(3_600_001)).rejects.toThrow(failing(40003, 400));
  });

  test('[AU143] a request with any signed field changed, signed by another key or for another path is refused with 40101', async () => {
    const request = signed({ clientId: 'ann', ttl: 60_000, capability: '{"a":["*"]}' });
    const changes: TokenRequestFields[] = [
      { ttl: 60_001 },
      { clientId: 'eve' },
      { clientId: undefined },
      { capability: '{"*":["*"]}' },
      { capability: '{"a": ["*"]}' },
      { timestamp: now + 1 },
      { nonce: '0000000000000000' },
      { keyName: 'app.narrow' },
      { keyName: undefined },
      { mac: '12345' },
      { mac: 5 },
      { mac: ['x'] },
    ];
    for (const change of changes) await expect(ask({ ...request, ...change })).rejects.toThrow(failing(40101));
    await expect(ask(request, 'app.narrow')).rejects.toThrow(failing(40101));
    await expect(ask(request, 'other.root')).rejects.toThrow(failing(40101));
    expect(claimed.size).toBe(0);
    expect(await ask(request)).toMatchObject({ clientId: 'ann' });
  });

  test('[AU143] a map for a capability is covered by no signature and refused', async () => {
    await expect(ask({ ...signed(), capability: { a: ['*'] } })).rejects.toThrow(failing(40003, 400));
  });

  test('[AU144] a timestamp more than two minutes off is refused with 40104, and none with 40003', async () => {
    for (const off of [-120_000, 120_000]) expect(await ask(signed({ timestamp: now + off }))).toBeDefined();
    for (const off of [-120_001, 120_001, -900_000, 900_000]) {
      await expect(ask(signed({ timestamp: now + off }))).rejects.toThrow(failing(40104));
    }
    for (const timestamp of [undefined, 'yesterday', null, 1.5]) {
      await expect(ask(signed({ timestamp }))).rejects.toThrow(failing(40003, 400));
    }
  });

  test('[AU145] a nonce is good once, is remembered for longer than its request is good, and is not used up by a refusal', async () => {
    const request = signed();
    await expect(ask({ ...request, mac: 'AAAA' })).rejects.toThrow(failing(40101));
    const outcomes = await Promise.allSettled([ask(request), ask(request), ask(request)]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(ask(request)).rejects.toThrow(failing(40105));
    expect([...claimed.values()].every((forMs) => forMs >= 240_000)).toBe(true);
  });

  test('[AU145] a nonce is of one key: another key or app may use it too', async () => {
    const nonce = '1234567890123456';
    expect(await ask(signed({ nonce }))).toBeDefined();
    expect(await ask(signed({ nonce }, 'app.narrow'), 'app.narrow')).toBeDefined();
    await expect(ask(signed({ nonce }))).rejects.toThrow(failing(40105));
  });

  test.each([undefined, '', 'short', 'x'.repeat(257), ['1234567890123456']])(
    '[AU145] a nonce of %j is refused with 40003',
    async (nonce) => {
      await expect(ask(signed({ nonce }))).rejects.toThrow(failing(40003, 400));
    },
  );

  test.each(['', 'a\nb', 5, ['x'], {}])('[AU146] a clientId of %j is refused with 40012', async (clientId) => {
    await expect(ask(signed({ clientId }))).rejects.toThrow(failing(40012, 400));
  });

  test('[AU147] a capability is narrowed by that of the key, refused with 40160 if nothing is left and 40000 if it is none', async () => {
    const narrow = (capability: string) => ask(signed({ capability }, 'app.narrow'), 'app.narrow');
    expect(await narrow('{"*":["*"]}')).toMatchObject({ capability: '{"news:*":["publish","subscribe"]}' });
    expect(await narrow('{"news:a":["subscribe","history"]}')).toMatchObject({
      capability: '{"news:a":["subscribe"]}',
    });
    for (const capability of ['{"other":["*"]}', '{}', '{"news:a":["presence"]}']) {
      await expect(narrow(capability)).rejects.toThrow(failing(40160));
    }
    for (const capability of ['{', '[]', '{"a":[]}', '{"a":["fly"]}', '{"a":["*","publish"]}']) {
      await expect(narrow(capability)).rejects.toThrow(failing(40000, 400));
    }
  });

  test('[AU148] a body that is no object is refused with 40001, and the key of the path must exist', async () => {
    for (const body of [undefined, null, 'x', 5, [], [signed()]])
      await expect(ask(body)).rejects.toThrow(failing(40001, 400));
    await expect(ask(signed(), 'app.none')).rejects.toThrow(failing(40400));
    for (const keyName of ['nobody.none', 'app', '', '__proto__.x', '../app.root']) {
      await expect(ask(signed(), keyName)).rejects.toThrow(failing(40101));
    }
  });
});

describe('unsigned requests', () => {
  const byKey = (body: unknown, key = rootKey) =>
    requestToken({
      keyName: 'app.root',
      body,
      principal: atOnce(authenticator.authenticate({ key, secure: true, via: 'rest' })),
    });
  const byToken = (body: unknown, token: string) => requestToken({ keyName: 'app.root', body, principal: come(token) });

  test('[AU149] an unsigned request needs the key itself or a token of it', async () => {
    await expect(ask({})).rejects.toThrow(failing(40101));
    await expect(ask({ ...signed(), mac: undefined })).rejects.toThrow(failing(40101));
    await expect(byKey({}, narrowKey)).rejects.toThrow(failing(40101));
    await expect(byKey({ keyName: 'app.narrow' })).rejects.toThrow(failing(40101));
    expect(await byKey({})).toMatchObject({ capability: '{"*":["*"]}', expires: now + 3_600_000 });
    expect(await byKey({ keyName: 'app.root', clientId: 'ann', capability: { a: ['*'] }, ttl: 5 })).toMatchObject({
      clientId: 'ann',
      capability: '{"a":["*"]}',
      expires: now + 5,
    });
    expect(claimed.size).toBe(0);
  });

  test('[AU149] a timestamp or nonce that an unsigned request has must be good all the same', async () => {
    await expect(byKey({ timestamp: now - 900_000 })).rejects.toThrow(failing(40104));
    await byKey({ nonce: '1234567890123456' });
    await expect(byKey({ nonce: '1234567890123456' })).rejects.toThrow(failing(40105));
  });

  test('[AU150] a token makes tokens that do no more, for no other client and no longer than itself', async () => {
    const token = await issueJwt({
      key: rootKey,
      clientId: 'ann',
      capability: { 'a:*': ['subscribe'] },
      ttlMs: 60_000,
      revocationKey: 'team',
      now,
    });
    const details = await byToken({ capability: '{"*":["*"]}' }, token);
    expect(details).toMatchObject({ clientId: 'ann', capability: '{"a:*":["subscribe"]}', expires: now + 60_000 });
    expect(come(details.token)).toMatchObject({ clientId: 'ann', revocationKey: 'team', expiresAt: now + 60_000 });
    expect(await byToken({ ttl: 5, clientId: 'ann' }, token)).toMatchObject({ expires: now + 5 });
    for (const clientId of ['bob', '*']) await expect(byToken({ clientId }, token)).rejects.toThrow(failing(40102));
    await expect(byToken({ capability: '{"b":["*"]}' }, token)).rejects.toThrow(failing(40160));
  });

  test('[AU150] an anonymous token makes anonymous ones, a wildcard token those of any client', async () => {
    const anonymous = await issueJwt({ key: rootKey, now });
    expect(await byToken({}, anonymous)).not.toHaveProperty('clientId');
    await expect(byToken({ clientId: 'ann' }, anonymous)).rejects.toThrow(failing(40102));
    const wildcard = await issueJwt({ key: rootKey, clientId: '*', now });
    for (const clientId of ['ann', '*']) expect(await byToken({ clientId }, wildcard)).toMatchObject({ clientId });
    expect(await byToken({}, wildcard)).not.toHaveProperty('clientId');
  });
});
