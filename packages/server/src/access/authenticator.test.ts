import { issueJwt } from '@parvis/auth';
import { beforeEach, describe, expect, test } from 'vitest';
import { atOnce } from '../../test/atOnce.ts';
import type { Apps, Key } from './app.ts';
import { appFromKeys, createApps } from './apps.ts';
import { createAuthenticator } from './authenticator.ts';
import { secretsEqual } from './constantTime.ts';
import type { Authenticator, Credentials, Principal } from './principal.ts';
import { issueToken } from './tokens.ts';

const secret = 'a-secret-of-some-length';
const rootKey = `app.root:${secret}`;
const narrowKey = `app.narrow:${secret}`;
const revocableKey = `app.revocable:${secret}`;
const otherKey = `other.root:${secret}`;

let now = 0;
let apps: Apps;
let authenticator: Authenticator;
const clock = { now: () => now };

beforeEach(() => {
  now = 1_700_000_000_000;
  apps = createApps([
    appFromKeys([
      { key: rootKey },
      { key: narrowKey, capability: { 'news:*': ['subscribe'], own: ['*'] } },
      { key: revocableKey, revocableTokens: true },
    ]),
    appFromKeys([{ key: otherKey }]),
  ]);
  authenticator = createAuthenticator({ apps, clock });
});

const failing = (code: number, statusCode = 401) => expect.objectContaining({ code, statusCode });
const renew = (principal: Principal, token: string) => atOnce(authenticator.renew(principal, token, false));
const come = (credentials: Partial<Credentials>) =>
  atOnce(authenticator.authenticate({ secure: false, via: 'realtime', ...credentials }));

function keyNamed(name: string): Key {
  const key = apps.get(name.split('.')[0] ?? '')?.keys.get(name);
  if (!key) throw new Error(`no key ${name}`);
  return key;
}

const nativeToken = (clientId?: string, keyName = 'app.root', capability = '{"*":["*"]}') =>
  issueToken(keyNamed(keyName), { issuedAt: now, expiresAt: now + 60_000, clientId, capability });

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const wrap = (token: string, payload = {}) =>
  `${part({ alg: 'RS256' })}.${part({ 'x-ably-token': token, ...payload })}.c2ln`;

describe('keys', () => {
  test('[AU120] the right key gives all its rights, as any client or as the one asked for', () => {
    expect(come({ key: rootKey })).toEqual({
      app: apps.get('app'),
      key: keyNamed('app.root'),
      clientId: '*',
      capability: keyNamed('app.root').capability,
      method: 'key',
    });
    expect(come({ key: rootKey, clientId: 'ann' }).clientId).toBe('ann');
    expect(come({ key: rootKey, clientId: 'null' }).clientId).toBe('*');
    for (const clientId of ['', '*', '\n']) expect(() => come({ key: rootKey, clientId })).toThrow(failing(40012, 400));
  });

  test.each([
    { what: 'wrong secret', key: 'app.root:wrong', realtime: 40101, rest: 40101 },
    { what: 'unknown key of an app', key: `app.none:${secret}`, realtime: 40101, rest: 40400 },
    { what: 'unknown app', key: 'this.is:wrong', realtime: 40101, rest: 40101 },
    { what: 'name of Object.prototype', key: `constructor.name:${secret}`, realtime: 40101, rest: 40101 },
    { what: 'key of another app', key: rootKey.replace('app.', 'other.').slice(0, -1), realtime: 40101, rest: 40101 },
  ])('[AU121] a $what is refused', ({ key, realtime, rest }) => {
    expect(() => come({ key })).toThrow(failing(realtime));
    expect(() => come({ key, via: 'rest' })).toThrow(failing(rest));
  });

  test('[AU121] the text of a refusal repeats nothing of what was shown', () => {
    for (const key of ['app.root:hunter2', 'nobody.at-all:hunter2', 'hunter2']) {
      expect(() => come({ key })).not.toThrow(/hunter2|nobody/);
    }
  });

  test.each(['', 'app.root', 'app.root:', 'nonsense', 'a.b.c:d'])(
    '[AU121] %j is no key and refused with 40005',
    (key) => {
      expect(() => come({ key })).toThrow(failing(40005, 400));
    },
  );

  test('[AU122] a secret is compared exactly once, be the key known or not, before anything is said about it', () => {
    const compared: [string, string | undefined][] = [];
    authenticator = createAuthenticator({
      apps,
      clock,
      compareSecrets: (given, expected) => {
        compared.push([given, expected]);
        return secretsEqual(given, expected);
      },
    });
    expect(come({ key: rootKey }).method).toBe('key');
    for (const key of ['app.root:wrong', 'app.none:wrong', 'none.none:wrong']) {
      expect(() => come({ key, via: 'rest' })).toThrow(expect.objectContaining({ statusCode: 401 }));
    }
    expect(compared).toEqual([
      [secret, secret],
      ['wrong', secret],
      ['wrong', undefined],
      ['wrong', undefined],
    ]);
  });

  test('[AU123] a key without TLS is refused with 40103 where that is asked for, right or wrong, and a token is not', () => {
    authenticator = createAuthenticator({ apps, clock, requireTls: true });
    for (const key of [rootKey, 'app.root:wrong']) expect(() => come({ key })).toThrow(failing(40103));
    expect(come({ key: rootKey, secure: true }).method).toBe('key');
    expect(come({ token: nativeToken('ann') }).clientId).toBe('ann');
  });

  test('[AU124] no credentials are refused with 40101, and two at once with 40005', () => {
    expect(() => come({})).toThrow(failing(40101));
    expect(() => come({ key: rootKey, token: nativeToken() })).toThrow(failing(40005, 400));
  });
});

describe('tokens', () => {
  test('[AU125] a native token and a JWT give the same principal', async () => {
    const expected = {
      app: apps.get('app'),
      key: keyNamed('app.root'),
      clientId: 'ann',
      method: 'token',
      issuedAt: now,
    };
    expect(come({ token: nativeToken('ann') })).toMatchObject({ ...expected, expiresAt: now + 60_000 });
    const jwt = await issueJwt({ key: rootKey, clientId: 'ann', ttlMs: 60_000, revocationKey: 'r', now });
    expect(come({ token: jwt })).toMatchObject({ ...expected, expiresAt: now + 60_000, revocationKey: 'r' });
  });

  test('[AU126] whose token it is decides who may come with it, in either transport', () => {
    const token = nativeToken('ann');
    expect(come({ token, clientId: 'ann' }).clientId).toBe('ann');
    expect(come({ token: nativeToken('*') }).clientId).toBe('*');
    expect(come({ token: nativeToken('*'), clientId: 'bob' }).clientId).toBe('bob');
    expect(come({ token: nativeToken() }).clientId).toBeUndefined();
    for (const [shown, clientId] of [
      [token, 'bob'],
      [nativeToken(), 'bob'],
    ] as const) {
      expect(() => come({ token: shown, clientId })).toThrow(failing(40102));
      expect(() => come({ token: shown, clientId, via: 'rest' })).toThrow(failing(40012));
    }
  });

  test('[AU127] a token never does more than its key, and one with nothing in common is refused with 40160', async () => {
    const wide = await issueJwt({ key: narrowKey, capability: { '*': ['*'], '[*]*': ['*'] }, now });
    expect(come({ token: wide }).capability.text).toBe('{"news:*":["subscribe"],"own":["*"]}');
    expect(come({ token: await issueJwt({ key: narrowKey, now }) }).capability).toBe(keyNamed('app.narrow').capability);
    expect(come({ token: nativeToken('ann', 'app.narrow') }).capability.text).toBe(
      '{"news:*":["subscribe"],"own":["*"]}',
    );
    for (const token of [
      await issueJwt({ key: narrowKey, capability: { other: ['*'] }, now }),
      await issueJwt({ key: narrowKey, capability: {}, now }),
      nativeToken('ann', 'app.narrow', '{"other":["*"]}'),
    ]) {
      expect(() => come({ token })).toThrow(failing(40160));
    }
  });

  test('[AU127] tokens with equal capabilities share one', async () => {
    const capability = { 'news:*': ['subscribe'] };
    const [ann, bob] = await Promise.all(
      ['ann', 'bob'].map((clientId) => issueJwt({ key: rootKey, clientId, capability, now })),
    );
    expect(come({ token: ann ?? '' }).capability).toBe(come({ token: bob ?? '' }).capability);
  });

  test('[AU128] a token is refused with 40142 from its expiry on, though it was good before', async () => {
    for (const token of [nativeToken('ann'), await issueJwt({ key: rootKey, clientId: 'ann', ttlMs: 60_000, now })]) {
      const issued = now;
      now += 59_999;
      expect(come({ token }).clientId).toBe('ann');
      now += 1;
      expect(() => come({ token })).toThrow(failing(40142));
      now = issued;
    }
  });

  test('[AU129] tokens of an app or key that is gone are refused, though they were good before', async () => {
    const native = nativeToken('ann');
    const jwt = await issueJwt({ key: rootKey, clientId: 'ann', now });
    for (const token of [native, jwt]) expect(come({ token }).clientId).toBe('ann');
    apps.add(appFromKeys([{ key: narrowKey }]));
    expect(() => come({ token: native })).toThrow(failing(40143));
    expect(() => come({ token: jwt })).toThrow(failing(40400, 404));
    apps.add(appFromKeys([{ key: 'app.root:another-secret-entirely' }]));
    expect(() => come({ token: native })).toThrow(failing(40143));
    expect(() => come({ token: jwt })).toThrow(failing(40101));
    apps.remove('app');
    expect(() => come({ token: native })).toThrow(failing(40143));
  });

  test('[AU130] tokens of one app are nothing in another, whatever their secrets', async () => {
    const jwt = await issueJwt({ key: otherKey, clientId: 'ann', now });
    expect(come({ token: jwt }).app.id).toBe('other');
    expect(come({ token: nativeToken('ann', 'other.root') }).app.id).toBe('other');
    const [head = '', body = '', mac = ''] = jwt.split('.');
    const renamed = part({ alg: 'HS256', typ: 'JWT', kid: 'app.root' });
    expect(head).not.toBe(renamed);
    expect(() => come({ token: `${renamed}.${body}.${mac}` })).toThrow(failing(40101));
  });

  test.each([
    ['alg none', `${part({ alg: 'none', kid: 'app.root' })}.${part({ iat: 1, exp: 2 })}.`, 40144, 401],
    ['missing third part', `${part({ alg: 'HS256', kid: 'app.root' })}.${part({ iat: 1, exp: 2 })}`, 40144, 401],
    [
      'unknown app in kid',
      `${part({ alg: 'HS256', kid: 'invalid.invalid' })}.${part({ iat: 1, exp: 2 })}.c2ln`,
      40400,
      404,
    ],
    ['kid without an app', `${part({ alg: 'HS256', kid: '../../etc' })}.${part({ iat: 1, exp: 2 })}.c2ln`, 40400, 404],
    ['bad signature', `${part({ alg: 'HS256', kid: 'app.root' })}.${part({ iat: 1, exp: 2 })}.c2ln`, 40101, 401],
    ['empty token', '', 40005, 400],
    ['garbage', 'garbage', 40005, 400],
    ['unknown native token', 'app.bm90IG91cnM', 40143, 401],
    ['token of 200 kB', `app.${'A'.repeat(200_000)}`, 40005, 400],
  ])('[AU131] a token with %s is refused', (_, token, code, statusCode) => {
    expect(() => come({ token })).toThrow(failing(code, statusCode));
    expect(() => come({ token, via: 'rest' })).toThrow(failing(code, statusCode));
  });

  test('[AU132] tokens of a key with revocable tokens live an hour at most', async () => {
    const long = await issueJwt({ key: revocableKey, ttlMs: 3_601_000, now });
    expect(() => come({ token: long })).toThrow(failing(40003, 400));
    expect(come({ token: await issueJwt({ key: revocableKey, now }) }).key.name).toBe('app.revocable');
  });

  test('[AU133] claims by channel come with the principal', async () => {
    const claims = { 'ably.channel.board:*': 'editor', 'ably.limits.publish.perAttachment.maxRate.board:*': 5 };
    const principal = come({ token: await issueJwt({ key: rootKey, claims, now }) });
    expect(principal.userClaims?.for('board:1')).toBe('editor');
    expect(principal.publishRates?.for('board:1')).toBe(5);
  });
});

describe('tokens inside tokens', () => {
  test('[AU134] a native token or a JWT inside a JWT of any kind is what counts', async () => {
    const jwt = await issueJwt({ key: rootKey, clientId: 'ann', now });
    for (const inner of [nativeToken('ann'), jwt]) {
      expect(come({ token: wrap(inner) })).toMatchObject({ clientId: 'ann', method: 'token' });
      const jwe = `${part({ alg: 'dir', enc: 'A256GCM', 'x-ably-token': inner })}..aXY.Y2lwaGVy.dGFn`;
      expect(come({ token: jwe }).clientId).toBe('ann');
    }
  });

  test('[AU134] the earlier expiry counts, and an outer one that is later or past is refused', () => {
    const inner = nativeToken('ann');
    const seconds = now / 1_000;
    expect(come({ token: wrap(inner, { exp: seconds + 30 }) }).expiresAt).toBe(now + 30_000);
    expect(() => come({ token: wrap(inner, { exp: seconds + 61 }) })).toThrow(failing(40144));
    expect(() => come({ token: wrap(inner, { exp: seconds }) })).toThrow(failing(40142));
    const token = wrap(inner, { exp: seconds + 30 });
    expect(come({ token }).clientId).toBe('ann');
    now += 30_000;
    expect(() => come({ token })).toThrow(failing(40142));
  });

  test('[AU134] what is inside must be good itself, and must not hold yet another', () => {
    expect(() => come({ token: wrap('garbage') })).toThrow(failing(40005, 400));
    expect(() => come({ token: wrap('app.bm90IG91cnM') })).toThrow(failing(40143));
    expect(() => come({ token: wrap(wrap(nativeToken('ann'))) })).toThrow(failing(40144));
    const inner = nativeToken('ann');
    now += 60_000;
    expect(() => come({ token: wrap(inner) })).toThrow(failing(40142));
  });
});

describe('repetition', () => {
  test('[AU135] a bad token that keeps coming over REST gets 40101, its own code again later, and others are not touched', () => {
    const token = nativeToken('ann');
    const later = issueToken(keyNamed('app.root'), {
      issuedAt: now,
      expiresAt: now + 90_000,
      clientId: 'bob',
      capability: '{"*":["*"]}',
    });
    now += 60_000;
    const codes = Array.from({ length: 7 }, () => {
      now += 10;
      return codeOf(() => come({ token, via: 'rest' }));
    });
    expect(codes).toEqual([40142, 40142, 40142, 40142, 40101, 40101, 40101]);
    expect(come({ token: later, via: 'rest' }).clientId).toBe('bob');
    expect(codeOf(() => come({ token: 'app.bm90IG91cnM', via: 'rest' }))).toBe(40143);
    now += 1_000;
    expect(codeOf(() => come({ token, via: 'rest' }))).toBe(40142);
  });

  test('[AU135] a good token is never refused however often it comes, nor is a bad one over realtime told otherwise', () => {
    const token = nativeToken('ann');
    for (let times = 0; times < 50; times += 1) expect(come({ token, via: 'rest' }).clientId).toBe('ann');
    now += 60_000;
    for (let times = 0; times < 50; times += 1) expect(codeOf(() => come({ token }))).toBe(40142);
  });

  function codeOf(act: () => unknown): unknown {
    try {
      act();
    } catch (thrown) {
      return (thrown as { code?: unknown }).code;
    }
    return undefined;
  }
});

describe('renewal', () => {
  test('[AU136] a new token changes rights and expiry, and leaves the clientId', () => {
    const principal = come({ token: nativeToken('ann') });
    now += 30_000;
    const renewed = renew(principal, nativeToken('ann', 'app.root', '{"a":["subscribe"]}'));
    expect(renewed).toMatchObject({ clientId: 'ann', expiresAt: now + 60_000, method: 'token' });
    expect(renewed.capability.text).toBe('{"a":["subscribe"]}');
  });

  test.each([
    { began: 'ann', token: 'ann', identity: 'ann' },
    { began: 'ann', token: '*', identity: 'ann' },
    { began: '*', token: '*', identity: '*' },
    { began: undefined, token: undefined, identity: undefined },
  ])('[AU136] a connection of $began goes on with a token of $token', ({ began, token, identity }) => {
    const principal = come({ token: nativeToken(began) });
    expect(renew(principal, nativeToken(token)).clientId).toBe(identity);
  });

  test.each([
    { began: 'ann', token: 'bob' },
    { began: 'ann', token: undefined },
    { began: '*', token: 'ann' },
    { began: '*', token: undefined },
    { began: undefined, token: 'ann' },
    { began: undefined, token: '*' },
  ])('[AU137] a connection of $began does not go on with a token of $token', ({ began, token }) => {
    const principal = come({ token: nativeToken(began) });
    expect(() => renew(principal, nativeToken(token))).toThrow(failing(40102));
  });

  test('[AU136] a connection that began with the key may go on with a token', () => {
    const unidentified = come({ key: rootKey });
    expect(renew(unidentified, nativeToken())).toMatchObject({ clientId: '*', method: 'token' });
    expect(renew(unidentified, nativeToken('*')).clientId).toBe('*');
    expect(() => renew(unidentified, nativeToken('ann'))).toThrow(failing(40102));
    expect(renew(come({ key: rootKey, clientId: 'ann' }), nativeToken('ann')).clientId).toBe('ann');
  });

  test('[AU137] a token of another key or app does not go on, and a bad one gets its own code', () => {
    const principal = come({ token: nativeToken('ann') });
    for (const keyName of ['app.narrow', 'other.root']) {
      expect(() => renew(principal, nativeToken('ann', keyName))).toThrow(failing(40102));
    }
    expect(() => renew(principal, 'garbage')).toThrow(failing(40005, 400));
    const token = nativeToken('ann');
    now += 60_000;
    expect(() => renew(principal, token)).toThrow(failing(40142));
  });
});

test('[AU138] memory is bounded by the size of the cache, and what it forgot is verified anew', () => {
  authenticator = createAuthenticator({ apps, clock, cacheSize: 2 });
  const tokens = ['a', 'b', 'c', 'd'].map((clientId) => nativeToken(clientId));
  for (const round of [1, 2]) {
    expect(
      tokens.map((token) => come({ token }).clientId),
      `round ${round}`,
    ).toEqual(['a', 'b', 'c', 'd']);
  }
});
