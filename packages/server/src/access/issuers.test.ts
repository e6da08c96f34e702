import { createHmac } from 'node:crypto';
import { issueJwt } from '@parvis/auth';
import { createFakeClock, type FakeClock } from '@parvis/testing';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestIssuer } from '../../test/testIssuer.ts';
import { appFromKeys, createApps } from './apps.ts';
import { createAuthenticator } from './authenticator.ts';
import { claimAt, type IssuerOptions } from './issuer.ts';
import { Issuers } from './issuers.ts';
import type { Credentials, Principal } from './principal.ts';

const secret = 'secret-of-more-than-sixteen-bytes';
const capability = { 'board:*': ['subscribe', 'publish'], room: ['subscribe'] };
const apps = createApps([
  appFromKeys([
    { key: `app.users:${secret}`, capability },
    { key: `app.revocable:${secret}`, revocableTokens: true },
  ]),
  appFromKeys([{ key: `other.users:${secret}` }]),
]);

const issuer = new TestIssuer();
const second = new TestIssuer('https://second.example/');
let clock: FakeClock;
let fetched: string[];
/** What comes when keys are fetched, by address. */
let served: Map<string, () => string | Promise<string>>;

beforeAll(async () => {
  await issuer.addKey('k1');
  await issuer.addKey('ec', 'ES256');
  await issuer.addKey('ed', 'EdDSA');
  await second.addKey('k1');
  await second.addKey('s2');
});

beforeEach(() => {
  clock = createFakeClock();
  fetched = [];
  served = new Map([
    [jwksOf(issuer), () => issuer.jwks],
    [jwksOf(second), () => second.jwks],
  ]);
});

const jwksOf = ({ issuer: name }: TestIssuer) => `${name}jwks.json`;
const optionsOf = (of: TestIssuer, more: Partial<IssuerOptions> = {}): IssuerOptions => ({
  issuer: of.issuer,
  jwks: jwksOf(of),
  key: 'app.users',
  ...more,
});

/** An authenticator with these issuers. */
function taking(...options: IssuerOptions[]) {
  const issuers = new Issuers({
    issuers: options,
    apps,
    clock,
    fetchText: async (url) => {
      fetched.push(url);
      const serve = served.get(url);
      if (serve === undefined) throw new Error('nothing there');
      return serve();
    },
  });
  const authenticator = createAuthenticator({ apps, clock, issuers });
  const credentials = (token: string): Credentials => ({ token, secure: true, via: 'realtime' });
  return {
    issuers,
    authenticator,
    come: async (token: string): Promise<Principal> => authenticator.authenticate(credentials(token)),
    comeAtOnce: (token: string) => authenticator.authenticate(credentials(token)),
  };
}

const failing = (code: number, statusCode = 401) => expect.objectContaining({ code, statusCode });
const sign = (claims: Record<string, unknown> = {}, kid = 'k1') => issuer.sign(kid, claims, clock.now());
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('tokens of other issuers', () => {
  test.each([
    ['RS256', 'k1'],
    ['ES256', 'ec'],
    ['EdDSA', 'ed'],
  ] as const)('[JI1] a JWT signed with %s is a token of the key that the issuer belongs to', async (alg, kid) => {
    const { come } = taking(optionsOf(issuer, { algorithms: [alg] }));
    const principal = await come(await sign({}, kid));
    expect(principal).toMatchObject({
      clientId: 'ann',
      method: 'token',
      key: { name: 'app.users' },
    });
    expect(principal.app.id).toBe('app');
    expect(JSON.parse(principal.capability.text)).toEqual({ 'board:*': ['publish', 'subscribe'], room: ['subscribe'] });
    expect(principal.issuedAt).toBe(clock.now());
    expect(principal.expiresAt).toBe(clock.now() + 600_000);
  });

  test('[JI1] tokens signed with a key of ours are taken beside them, at once and without a fetch', async () => {
    const { comeAtOnce } = taking(optionsOf(issuer));
    const token = await issueJwt({ key: `app.users:${secret}`, clientId: 'bob', now: clock.now() });
    expect(comeAtOnce(token)).toMatchObject({ clientId: 'bob' });
    expect(fetched).toEqual([]);
  });

  test('[JI1] a token that was good is known again at once, until it expires', async () => {
    const { come, comeAtOnce } = taking(optionsOf(issuer));
    const token = await sign();
    await come(token);
    expect(comeAtOnce(token)).toMatchObject({ clientId: 'ann' });
    expect(fetched).toHaveLength(1);
    clock.advance(600_000);
    await expect(come(token)).rejects.toEqual(failing(40142));
  });

  test.each<[string, Partial<IssuerOptions>, Record<string, unknown>, string]>([
    ['sub', {}, { sub: 'auth0|123' }, 'auth0|123'],
    ['a claim', { clientIdClaim: 'cognito:username' }, { 'cognito:username': 'ann' }, 'ann'],
    ['a path', { clientIdClaim: 'user.id' }, { user: { id: 'u7' } }, 'u7'],
    ['a claim whose name is a URL', { clientIdClaim: 'https://x.example/id' }, { 'https://x.example/id': 'u8' }, 'u8'],
    ['sub with a prefix', { clientIdPrefix: 'firebase:' }, { sub: 'ann' }, 'firebase:ann'],
  ])('[JI2] the clientId comes from %s', async (_title, more, claims, clientId) => {
    expect((await taking(optionsOf(issuer, more)).come(await sign(claims))).clientId).toBe(clientId);
  });

  test.each<[string, Record<string, unknown>]>([
    ['missing', {}],
    ['a number', { user: { id: 7 } }],
    ['null', { user: { id: null } }],
    ['empty', { user: { id: '' } }],
    ['*', { user: { id: '*' } }],
    ['a list', { user: { id: ['ann'] } }],
    ['of two lines', { user: { id: 'a\nb' } }],
    ['below a text', { user: 'id' }],
  ])('[JI2] a token whose clientId is %s is refused with 40012, prefix or not', async (_title, claims) => {
    for (const clientIdPrefix of [undefined, 'x:']) {
      const more = { clientIdClaim: 'user.id', ...(clientIdPrefix === undefined ? {} : { clientIdPrefix }) };
      await expect(taking(optionsOf(issuer, more)).come(await sign(claims))).rejects.toEqual(failing(40012, 400));
    }
  });

  test('[JI2] no path leads to what an object inherits', () => {
    expect(claimAt({}, 'constructor.name')).toBeUndefined();
    expect(claimAt({ a: {} }, 'a.__proto__')).toBeUndefined();
    expect(claimAt(JSON.parse('{"a.b":"whole","a":{"b":"path"}}'), 'a.b')).toBe('whole');
  });

  test.each<[string, Partial<IssuerOptions>, Record<string, unknown>, object]>([
    ['that of the key', {}, {}, { 'board:*': ['publish', 'subscribe'], room: ['subscribe'] }],
    ['the default of the issuer', { capability: { room: ['*'] } }, {}, { room: ['subscribe'] }],
    ['a claim', { capabilityClaim: 'caps' }, { caps: { 'board:1': ['publish'] } }, { 'board:1': ['publish'] }],
    ['a claim in JSON', { capabilityClaim: 'a.caps' }, { a: { caps: '{"room":["*"]}' } }, { room: ['subscribe'] }],
    [
      'a claim over the default',
      { capabilityClaim: 'caps', capability: { room: ['*'] } },
      { caps: { 'board:*': ['*'] } },
      { 'board:*': ['publish', 'subscribe'] },
    ],
    [
      'the default without the claim',
      { capabilityClaim: 'caps', capability: { room: ['*'] } },
      {},
      { room: ['subscribe'] },
    ],
    [
      'not what the token says where nobody asked',
      {},
      { 'x-ably-capability': '{"*":["*"]}', 'x-ably-clientId': 'eve' },
      { 'board:*': ['publish', 'subscribe'], room: ['subscribe'] },
    ],
  ])('[JI3] the capability is %s, within that of the key', async (_title, more, claims, expected) => {
    const principal = await taking(optionsOf(issuer, more)).come(await sign(claims));
    expect(JSON.parse(principal.capability.text)).toEqual(expected);
    expect(principal.clientId).toBe('ann');
  });

  test.each<[string, Record<string, unknown>, number]>([
    ['missing', {}, 40144],
    ['malformed', { caps: { room: 'subscribe' } }, 40144],
    ['no JSON', { caps: '{' }, 40144],
    ['nothing that the key may', { caps: { elsewhere: ['*'] } }, 40160],
  ])('[JI3] a token whose capability is %s is refused', async (_title, claims, code) => {
    const { come } = taking(optionsOf(issuer, { capabilityClaim: 'caps' }));
    await expect(come(await sign(claims))).rejects.toEqual(failing(code));
  });

  test.each<[string, Partial<IssuerOptions>, (seconds: number) => Record<string, unknown>, number]>([
    ['no exp', {}, () => ({ exp: undefined }), 40144],
    ['no iat', {}, () => ({ iat: undefined }), 40144],
    ['an exp of the past', {}, (s) => ({ iat: s - 60, exp: s - 1 }), 40142],
    ['an exp that is text', {}, () => ({ exp: '9999999999' }), 40144],
    ['an exp of 1e308', {}, () => ({ exp: 1e308 }), 40003],
    ['an iat of the future', {}, (s) => ({ iat: s + 3_600, exp: s + 7_200 }), 40144],
    ['an nbf of the future', {}, (s) => ({ nbf: s + 3_600 }), 40144],
    ['two days to live', {}, (s) => ({ exp: s + 172_800 }), 40003],
    ['longer to live than agreed', { maxLifetimeMs: 300_000 }, () => ({}), 40003],
    ['more than an hour to live, of a revocable key', { key: 'app.revocable' }, (s) => ({ exp: s + 3_601 }), 40003],
    ['another audience', { audience: ['us'] }, () => ({ aud: 'them' }), 40144],
    ['no audience', { audience: ['us'] }, () => ({}), 40144],
    ['a list of other audiences', { audience: ['us'] }, () => ({ aud: ['them', 'those'] }), 40144],
  ])('[attack 26] a token of an issuer with %s is refused', async (_title, more, claims, code) => {
    const { come } = taking(optionsOf(issuer, more));
    const token = await sign(claims(clock.now() / 1_000));
    await expect(come(token)).rejects.toEqual(failing(code, code === 40003 ? 400 : 401));
  });

  test('[JI4] a token for one of the audiences is taken', async () => {
    const { come } = taking(optionsOf(issuer, { audience: ['us', 'we'] }));
    expect((await come(await sign({ aud: ['them', 'we'] }))).clientId).toBe('ann');
    expect((await come(await sign({ aud: 'us' }))).clientId).toBe('ann');
  });

  test('[JI4] the revocation key stands where it was said to', async () => {
    const { come } = taking(optionsOf(issuer, { revocationKeyClaim: 'org.id' }));
    expect((await come(await sign({ org: { id: 'acme' } }))).revocationKey).toBe('acme');
    expect((await come(await sign())).revocationKey).toBeUndefined();
    await expect(come(await sign({ org: { id: 7 } }))).rejects.toEqual(failing(40144));
  });

  test('[JI5] a new token of the issuer carries on a connection, one for another client does not', async () => {
    const { come, authenticator } = taking(optionsOf(issuer), optionsOf(second, { key: 'other.users' }));
    const principal = await come(await sign());
    const renewed = await authenticator.renew(principal, await sign({ jti: 'next' }), true);
    expect(renewed).toMatchObject({ clientId: 'ann' });
    for (const token of [await sign({ sub: 'eve' }), await second.sign('s2', {}, clock.now())]) {
      await expect(authenticator.renew(principal, token, true)).rejects.toEqual(failing(40102));
    }
  });
});

describe('tokens that no issuer has signed', () => {
  test('[attack 20] none of alg none, no signature, or a changed payload is taken', async () => {
    const { come } = taking(optionsOf(issuer));
    const [header, payload, signature] = (await sign()).split('.');
    const eve = part({ iss: issuer.issuer, sub: 'eve', iat: clock.now() / 1_000, exp: clock.now() / 1_000 + 60 });
    for (const alg of ['none', 'None', '', undefined, ['RS256']]) {
      for (const last of ['', signature]) {
        await expect(come(`${part({ alg, kid: 'k1' })}.${payload}.${last}`)).rejects.toEqual(failing(40144));
      }
    }
    await expect(come(`${header}.${payload}.`)).rejects.toMatchObject({ statusCode: 401 });
    await expect(come(`${header}.${eve}.${signature}`)).rejects.toEqual(failing(40101));
    await expect(come(`${header}.${payload}`)).rejects.toMatchObject({ code: expect.any(Number) });
  });

  test('[attack 21] a public key is no shared secret', async () => {
    const { come } = taking(optionsOf(issuer));
    await come(await sign());
    const [, payload] = (await sign()).split('.');
    for (const kid of ['k1', 'app.users']) {
      for (const asSecret of [JSON.stringify(issuer.jwk('k1')), issuer.jwk('k1').n ?? '', issuer.jwks, '']) {
        const text = `${part({ alg: 'HS256', kid })}.${payload}`;
        const mac = createHmac('sha256', asSecret).update(text).digest('base64url');
        await expect(come(`${text}.${mac}`)).rejects.toEqual(
          failing(kid === 'k1' ? 40400 : 40101, kid === 'k1' ? 404 : 401),
        );
      }
    }
  });

  test('[attack 21] an algorithm that was not agreed on is refused, whatever keys the issuer shows', async () => {
    const { come } = taking(optionsOf(issuer, { algorithms: ['ES256'] }));
    await expect(come(await sign())).rejects.toEqual(failing(40144));
    expect(fetched).toEqual([]);
    expect((await come(await sign({}, 'ec'))).clientId).toBe('ann');
  });

  test('[attack 21] a key that is not for checking signatures of that kind checks none', async () => {
    const jwk = issuer.jwk('k1');
    const token = await sign();
    const unfit = [
      { use: 'enc' },
      { alg: 'RS512' },
      { key_ops: ['encrypt'] },
      { kty: 'oct', k: 'c2VjcmV0' },
      { d: 'x' },
    ];
    for (const more of unfit) {
      served.set(jwksOf(issuer), () => JSON.stringify({ keys: [{ ...jwk, ...more }] }));
      await expect(taking(optionsOf(issuer)).come(token)).rejects.toEqual(failing(40144));
    }
    served.set(jwksOf(issuer), () => JSON.stringify({ keys: [{ ...jwk, n: 'AQAB' }] }));
    await expect(taking(optionsOf(issuer)).come(token)).rejects.toEqual(failing(40144));
  });

  test.each<[string, unknown]>([
    ['a path', '../../etc/passwd'],
    ['SQL', "k1' OR '1'='1"],
    ['a URL', 'https://evil.example/jwks.json'],
    ['a list', ['k1']],
    ['an object', { kid: 'k1' }],
    ['empty', ''],
    ['missing', undefined],
    ['__proto__', '__proto__'],
    ['long', 'k'.repeat(5_000)],
  ])('[attack 23] a kid that is %s names no key, and nothing is read for it', async (_title, kid) => {
    const { come } = taking(optionsOf(issuer));
    await expect(come(await issuer.sign('k1', {}, clock.now(), { kid }))).rejects.toEqual(failing(40144));
    expect(fetched.filter((url) => url !== jwksOf(issuer))).toEqual([]);
  });

  test('[attack 23] keys and addresses in the token are passed over', async () => {
    const forger = await new TestIssuer().addKey('k1');
    const header = { jwk: forger.jwk('k1'), jku: 'https://evil.example/jwks.json', x5u: 'https://evil.example/cert' };
    served.set('https://evil.example/jwks.json', () => forger.jwks);
    const { come } = taking(optionsOf(issuer));
    const claims = { jwks_uri: header.jku };
    await expect(come(await forger.sign('k1', claims, clock.now(), header))).rejects.toEqual(failing(40101));
    expect((await come(await issuer.sign('k1', claims, clock.now(), header))).clientId).toBe('ann');
    expect(fetched).toEqual([jwksOf(issuer)]);
  });

  test('[attack 24] a token of an unknown issuer is refused without a fetch', async () => {
    const stranger = await new TestIssuer('https://evil.example/').addKey('k1');
    served.set(jwksOf(stranger), () => stranger.jwks);
    const { come } = taking(optionsOf(issuer));
    for (const iss of [
      stranger.issuer,
      `${issuer.issuer}/`,
      issuer.issuer.slice(0, -1),
      [issuer.issuer],
      '__proto__',
      undefined,
    ]) {
      await expect(come(await stranger.sign('k1', { iss }, clock.now()))).rejects.toEqual(failing(40144));
    }
    expect(fetched).toEqual([]);
  });

  test('[attack 25] the same kid in two issuers stands for two keys, whoever is asked first', async () => {
    const options = [optionsOf(issuer), optionsOf(second, { clientIdPrefix: 'second:' })] as const;
    for (const order of [options, [options[1], options[0]]]) {
      const { come } = taking(...order);
      const crossed = await second.sign('k1', { iss: issuer.issuer }, clock.now());
      await expect(come(crossed)).rejects.toEqual(failing(40101));
      expect((await come(await second.sign('k1', {}, clock.now()))).clientId).toBe('second:ann');
      expect((await come(await sign())).clientId).toBe('ann');
      await expect(come(crossed)).rejects.toEqual(failing(40101));
      const foreignKey = await second.sign('s2', { iss: issuer.issuer }, clock.now());
      await expect(come(foreignKey)).rejects.toEqual(failing(40144));
    }
  });
});

describe('the keys of an issuer', () => {
  test('[JI6] are fetched once for all who come meanwhile', async () => {
    const { come } = taking(optionsOf(issuer));
    const tokens = await Promise.all(Array.from({ length: 50 }, (_, n) => sign({ sub: `u${n}` })));
    expect((await Promise.all(tokens.map(come))).map(({ clientId }) => clientId)).toHaveLength(50);
    expect(fetched).toHaveLength(1);
  });

  test('[attack 24] a flood of unknown kids makes one fetch in ten seconds, and good tokens are taken beside it', async () => {
    const { come } = taking(optionsOf(issuer));
    await come(await sign());
    clock.advance(10_000);
    for (let n = 0; n < 200; n++) {
      const token = await issuer.sign('k1', {}, clock.now(), { kid: `invented ${n}` });
      await expect(come(token)).rejects.toEqual(failing(40144));
    }
    expect(fetched).toHaveLength(2);
    expect((await come(await sign({ sub: 'bob' }))).clientId).toBe('bob');
  });

  test('[JI6] a rotated key is found with the first token that names it, and the old one is good no more', async () => {
    const rotating = await new TestIssuer().addKey('old');
    served.set(jwksOf(issuer), () => rotating.jwks);
    const { come } = taking(optionsOf(issuer));
    const old = await rotating.sign('old', {}, clock.now());
    await come(old);
    clock.advance(60_000);
    rotating.removeKey('old');
    await rotating.addKey('new');
    expect((await come(await rotating.sign('new', { sub: 'bob' }, clock.now()))).clientId).toBe('bob');
    await expect(come(old)).rejects.toEqual(failing(40144));
  });

  test('[JI6] a key that is withdrawn is noticed after ten minutes, also by who was known', async () => {
    const rotating = await new TestIssuer().addKey('stays').then((it) => it.addKey('leaked'));
    served.set(jwksOf(issuer), () => rotating.jwks);
    const { come } = taking(optionsOf(issuer));
    const token = await rotating.sign('leaked', { exp: clock.now() / 1_000 + 7_200 }, clock.now());
    await come(token);
    rotating.removeKey('leaked');
    clock.advance(600_001);
    await come(token);
    await new Promise((resolve) => setImmediate(resolve));
    await expect(come(token)).rejects.toEqual(failing(40144));
  });

  test('[JI6] an issuer that cannot be reached is a reason to come back: 50004, and no fetch for each who asks', async () => {
    const { come } = taking(optionsOf(issuer));
    const token = await sign();
    for (const serve of [() => Promise.reject(new Error('down')), () => 'no JSON', () => '{"keys":7}', () => '[]']) {
      served.set(jwksOf(issuer), serve);
      clock.advance(10_000);
      for (let n = 0; n < 3; n++) await expect(come(token)).rejects.toEqual(failing(50004, 503));
    }
    expect(fetched).toHaveLength(4);
    served.set(jwksOf(issuer), () => issuer.jwks);
    clock.advance(10_000);
    expect((await come(token)).clientId).toBe('ann');
  });

  test('[JI6] keys that were good stay so for an hour without the issuer, and no longer', async () => {
    const { come } = taking(optionsOf(issuer));
    const token = await sign({ exp: clock.now() / 1_000 + 36_000 });
    await come(token);
    served.set(jwksOf(issuer), () => Promise.reject(new Error('down')));
    clock.advance(3_600_000);
    expect((await come(token)).clientId).toBe('ann');
    clock.advance(10_001);
    await expect(come(token)).rejects.toEqual(failing(50004, 503));
  });

  test('[attack 24] keys that do not come within five seconds are given up', async () => {
    const issuers = new Issuers({
      issuers: [optionsOf(issuer)],
      apps,
      clock,
      fetchText: (_url, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    });
    const answer = Promise.resolve(issuers.verify(await sign()));
    const refused = expect(answer).rejects.toEqual(failing(50004, 503));
    clock.advance(5_000);
    await refused;
  });

  test.each<[string, Partial<IssuerOptions>, boolean]>([
    ['plain http', { jwks: 'http://issuer.example/jwks.json' }, false],
    ['plain http, in development', { jwks: 'http://issuer.example/jwks.json' }, true],
    ['plain http from this machine, in production', { jwks: 'http://127.0.0.1/jwks.json' }, false],
    ['a file', { jwks: 'file:///etc/passwd' }, true],
    ['a name that only begins like this machine', { jwks: 'http://127.0.0.1.evil.example/jwks.json' }, true],
    ['a key that there is not', { key: 'app.none' }, false],
    ['an app that there is not', { key: 'none.key' }, false],
  ])('[attack 24] an issuer with %s is not taken', (_title, more, insecure) => {
    const options = { issuers: [optionsOf(issuer, more)], apps, clock, insecure };
    expect(() => new Issuers(options)).toThrow(failing(40003, 400));
  });

  test('[JI7] an issuer is configured once', () => {
    const issuers = [optionsOf(issuer), optionsOf(issuer, { key: 'other.users' })];
    expect(() => new Issuers({ issuers, apps, clock })).toThrow(failing(40003, 400));
  });
});
