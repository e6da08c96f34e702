import { createHmac, randomBytes } from 'node:crypto';
import { Action } from '@parvis/protocol';
import { createServer } from 'parvis';
import { describe, expect, it } from 'vitest';
import { secretsEqual } from '../../packages/server/src/access/constantTime.ts';
import { ProtocolClient } from '../faults/protocolClient.ts';
import { judgement } from './entrances.ts';
import { offend, startScene } from './scene.ts';

const revocable = 'rev.key1:a-secret-of-thirty-two-characters';
const boundless = 'all.key1:a-secret-of-thirty-two-characters';
const narrow = 'nar.key1:a-secret-of-thirty-two-characters';
const scene = await startScene({
  apps: [
    { id: 'nar', keys: [{ key: narrow, capability: { a: ['subscribe', 'history'] } }] },
    { id: 'rev', keys: [{ key: revocable, revocableTokens: true }] },
    { id: 'all', keys: [{ key: boundless, capability: { '[*]*': ['*'] } }] },
  ],
});
const [keyName = '', secret = ''] = scene.key.split(':');
const seconds = Math.floor(Date.now() / 1_000);

const part = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const fair = { iat: seconds, exp: seconds + 600, 'x-ably-clientId': 'ada' };

/** A JWT, signed as its header says or with another signature. Claims may be JSON text, for what no object can say. */
function jwt(claims: unknown, header: Record<string, unknown> = {}, signature?: string, signer = secret): string {
  const text = `${part({ alg: 'HS256', typ: 'JWT', kid: keyName, ...header })}.${part(claims)}`;
  return `${text}.${signature ?? createHmac('sha256', signer).update(text).digest('base64url')}`;
}

/** The code that every way in refuses a token with, or undefined. */
const outcomeOf = (token: string) => judgement(scene.port, token);

describe('tokens that nobody signed', () => {
  const unsigned: [title: string, token: string][] = [
    ...['none', 'None', 'NONE', 'nOnE', '', 'HS384', 'RS256', 'ES256', 'hs256'].flatMap((alg): [string, string][] => [
      [`alg ${JSON.stringify(alg)} without a signature`, jwt(fair, { alg }, '')],
      [`alg ${JSON.stringify(alg)} with a good signature`, jwt(fair, { alg })],
    ]),
    ['no alg', jwt(fair, { alg: undefined })],
    ['an alg that is a list', jwt(fair, { alg: ['HS256'] })],
    ['no third part', jwt(fair).split('.').slice(0, 2).join('.')],
    ['a fourth part', `${jwt(fair)}.x`],
  ];
  it.each(unsigned)('[attack 20] a JWT with %s is 40144, never accepted', async (_title, token) => {
    expect(await outcomeOf(token)).toBe(40144);
  });

  it.each([
    ['an empty signature', jwt(fair, {}, '')],
    ['the signature of another secret', jwt(fair, {}, undefined, 'another-secret-another-secret')],
    ['the signature of an empty secret', jwt(fair, {}, undefined, '')],
    ['a signature cut short', jwt(fair).slice(0, -2)],
    ['a signature with more behind it', `${jwt(fair)}AA`],
    [
      'claims changed after signing',
      `${jwt(fair).split('.')[0]}.${part({ ...fair, 'x-ably-clientId': 'eve' })}.${jwt(fair).split('.')[2]}`,
    ],
  ])('[attack 20] a JWT with %s is refused, never accepted', async (_title, token) => {
    expect([40101, 40144]).toContain(await outcomeOf(token));
  });

  it('[attack 20] two hundred forgers at once are told so, and a good token is taken beside them', async () => {
    const forged = unsigned.map(([, token]) => token);
    await scene.served(async () => {
      const outcomes = offend(200, async (index) => {
        const client = new ProtocolClient(scene.port, { access_token: forged[index % forged.length] ?? '' });
        await client.closed;
        return client.errors(Action.DISCONNECTED)[0]?.code ?? client.errors(Action.ERROR)[0]?.code;
      });
      expect(await outcomeOf(jwt(fair))).toBeUndefined();
      expect(new Set(await outcomes)).toEqual(new Set([40144]));
    });
  });
});

describe('times that a token tells', () => {
  const text = (exp: string) => `{"iat":${seconds},"exp":${exp}}`;
  it.each([
    ['no exp', { iat: seconds }, 40144],
    ['no iat', { exp: seconds + 600 }, 40144],
    ['an exp of the past', { iat: seconds - 600, exp: seconds - 60 }, 40142],
    ['an exp of 1e308', text('1e308'), 40003],
    ['an exp of 1e400', text('1e400'), 40144],
    ['an exp that is text', { iat: seconds, exp: String(seconds + 600) }, 40144],
    ['an exp that is null', { iat: seconds, exp: null }, 40144],
    ['an exp before its iat', { iat: seconds, exp: seconds - 1 }, 40144],
    ['an iat of the far future', { iat: seconds + 86_400, exp: seconds + 90_000 }, 40144],
    ['an nbf of the future', { ...fair, nbf: seconds + 3_600 }, 40144],
    ['an nbf that is text', { ...fair, nbf: 'soon' }, 40144],
    ['more than a day to live', { iat: seconds, exp: seconds + 90_000 }, 40003],
  ])('[attack 26] a JWT with %s is refused', async (_title, claims, code) => {
    expect(await outcomeOf(jwt(claims))).toBe(code);
  });

  it('[attack 26] a token of a key with revocable tokens may live an hour, and no longer', async () => {
    const [kid, signer] = revocable.split(':');
    const of = (ttl: number) => jwt({ iat: seconds, exp: seconds + ttl }, { kid }, undefined, signer);
    expect(await outcomeOf(of(3_601))).toBe(40003);
    expect(await outcomeOf(of(3_600))).toBeUndefined();
  });
});

describe('names of keys that point elsewhere', () => {
  it.each<[string, unknown, number]>([
    ['a path', '../../../etc/passwd', 40400],
    ['SQL', `${keyName}' OR '1'='1`, 40400],
    ['a URL', 'https://evil.example/key', 40400],
    ['a name of the language', '__proto__.constructor', 40400],
    ['a list', [keyName], 40144],
    ['an object', { name: keyName }, 40144],
    ['empty', '', 40144],
    ['missing', undefined, 40144],
    ['longer than any', 'k'.repeat(3_000), 40400],
  ])('[attack 23] a JWT whose kid is %s is refused', async (_title, kid, code) => {
    expect(await outcomeOf(jwt(fair, { kid }))).toBe(code);
  });

  it('[attack 23] keys and addresses in the header of a JWT are passed over', async () => {
    const jwk = { kty: 'oct', k: Buffer.from('another-secret').toString('base64url') };
    const header = { jwk, jku: 'http://127.0.0.1:9/jwks.json', x5u: 'http://127.0.0.1:9/cert', x5c: ['AAAA'] };
    expect(await outcomeOf(jwt(fair, header))).toBeUndefined();
    expect(await outcomeOf(jwt(fair, header, undefined, 'another-secret'))).toBe(40101);
  });
});

describe('what a token asks for', () => {
  const [narrowName, narrowSecret] = narrow.split(':');
  const of = (claims: Record<string, unknown>) =>
    jwt({ iat: seconds, exp: seconds + 600, ...claims }, { kid: narrowName }, undefined, narrowSecret);

  it.each<[string, unknown, number | undefined]>([
    ['text that is no JSON', '{', 40144],
    ['a list', [], 40144],
    ['an unknown operation', { a: ['rule'] }, 40144],
    ['a resource without operations', { a: [] }, 40144],
    ['deeply nested', `{"a":${'['.repeat(900)}${']'.repeat(900)}}`, 40144],
    ['of a thousand and one resources', Object.fromEntries(Array.from({ length: 1_001 }, (_, n) => [n, ['*']])), 40144],
    ['nothing that its key may', { b: ['*'] }, 40160],
    ['more than its key may', { '[*]*': ['*'] }, undefined],
  ])('[attack 27] a capability that is %s', async (_title, capability, code) => {
    expect(await outcomeOf(of({ 'x-ably-capability': capability }))).toBe(code);
  });

  it('[attack 27] a capability that is wider than that of its key gives no more than the key', async () => {
    const token = of({ 'x-ably-capability': '{"[*]*":["*"]}' });
    const client = await ProtocolClient.connected(scene.port, { access_token: token });
    client.publish('a', 0, 'x');
    client.send({ action: Action.ATTACH, channel: 'b' });
    await client.ping('done');
    expect(client.errors(Action.NACK).map(({ code }) => code)).toEqual([40160]);
    expect(client.errors(Action.ERROR).map(({ code }) => code)).toEqual([40160]);
    await client.close();
  });

  it.each<[unknown, number | undefined]>([
    ['*', undefined],
    [7, 40012],
    ['\n', 40012],
    ['', 40012],
    [['ada'], 40012],
    [{ id: 'ada' }, 40012],
  ])('[attack 27] a clientId of %j in a token: %s', async (clientId, code) => {
    expect(await outcomeOf(of({ 'x-ably-clientId': clientId }))).toBe(code);
  });
});

describe('token requests that come again', () => {
  const ask = async (fields: Record<string, unknown>, signer = secret) => {
    const request = { keyName, timestamp: Date.now(), nonce: randomBytes(12).toString('hex'), ...fields };
    const { ttl = '', capability = '', clientId = '', timestamp, nonce } = request as Record<string, unknown>;
    const text = [keyName, ttl, capability, clientId, timestamp, nonce].map((field) => `${field}\n`).join('');
    const mac = createHmac('sha256', signer).update(text).digest('base64');
    return { mac, ...request };
  };
  const send = async (body: object) => {
    const response = await fetch(`http://127.0.0.1:${scene.port}/keys/${keyName}/requestToken`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const { token } = (await response.json()) as { token?: string };
    return { token, code: Number(response.headers.get('x-ably-errorcode')) };
  };

  it('[attack 28] a nonce is good once, also for two hundred who show it at the same time', async () => {
    const request = await ask({ clientId: 'ada' });
    const answers = await offend(200, () => send(request));
    const tokens = answers.flatMap(({ token }) => (token === undefined ? [] : [token]));
    expect(tokens).toHaveLength(1);
    expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([0, 40105]));
    expect(await outcomeOf(tokens[0] ?? '')).toBeUndefined();
  });

  it.each<[string, () => Promise<object>, number]>([
    ['of a quarter of an hour ago', () => ask({ timestamp: Date.now() - 900_000 }), 40104],
    ['of a quarter of an hour ahead', () => ask({ timestamp: Date.now() + 900_000 }), 40104],
    ['signed by another key', () => ask({}, 'another-secret-another-secret'), 40101],
    [
      'whose capability was changed',
      async () => ({ ...(await ask({ capability: '{"a":["subscribe"]}' })), capability: '{"*":["*"]}' }),
      40101,
    ],
    ['whose clientId was changed', async () => ({ ...(await ask({ clientId: 'ada' })), clientId: 'eve' }), 40101],
  ])('[attack 28] a token request %s is refused', async (_title, make, code) => {
    expect(await send(await make())).toEqual({ token: undefined, code });
  });
});

describe('secrets that are none', () => {
  it.each([
    ['empty', 'app.key:'],
    ['of one byte', 'app.key:x'],
    ['of fifteen bytes', 'app.key:123456789012345'],
    ['missing', 'app.key'],
    ['without a name', ':secret-of-more-than-sixteen-bytes'],
    ['without an app', 'key:secret-of-more-than-sixteen-bytes'],
    ['of blanks', `app.key:${' '.repeat(32)}`],
  ])('[attack 22] a server with a secret that is %s does not start, and says so with 40005', (_title, key) => {
    expect(() => createServer({ keys: [key] })).toThrow(expect.objectContaining({ code: 40005 }));
    const apps = [{ id: 'app', keys: [key] }];
    expect(() => createServer({ apps })).toThrow(expect.objectContaining({ statusCode: 400 }));
  });

  it.each([`${keyName}:`, keyName, `${keyName}:x`, ':', ''])(
    '[attack 22] a client that shows %j is refused',
    async (key) => {
      const client = new ProtocolClient(scene.port, { key });
      await client.closed;
      expect([40005, 40101]).toContain(client.errors(Action.ERROR)[0]?.code);
    },
  );
});

describe('how long a refusal takes', () => {
  const expected = 'correct-horse-battery-staple-and-more';

  it('[attack 31] the time that a secret is compared in has no trend over how much of it was guessed', () => {
    expect(Math.abs(trendOf((guess) => secretsEqual(guess, expected)))).toBeLessThan(0.8);
  });

  it('[attack 31] the same measure finds a comparison that stops at the first difference', () => {
    const stopsEarly = (guess: string) => {
      for (let i = 0; i < expected.length; i++) if (guess.charCodeAt(i) !== expected.charCodeAt(i)) return false;
      return true;
    };
    expect(trendOf(stopsEarly)).toBeGreaterThan(0.8);
  });

  /** How the time of a comparison goes with the length of the prefix that was guessed, 10,000 samples of each: -1 to 1. */
  function trendOf(compare: (guess: string) => boolean): number {
    const guesses = Array.from(expected, (_, length) => expected.slice(0, length).padEnd(expected.length, '~'));
    // The least of many rounds is what the comparison takes by itself; each round goes over all guesses, so that a machine
    // that slows down slows down all of them alike.
    const least = guesses.map(() => Number.POSITIVE_INFINITY);
    for (let round = 0; round < 100; round++) {
      for (const [i, guess] of guesses.entries()) {
        const before = performance.now();
        for (let sample = 0; sample < 100; sample++) compare(guess);
        least[i] = Math.min(least[i] ?? 0, performance.now() - before);
      }
    }
    return rankCorrelation(least);
  }
});

/** Spearman's correlation of values with their places: 1 where they only grow, -1 where they only fall, near 0 without a trend. */
function rankCorrelation(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const n = values.length;
  const squares = values.map((value, place) => (sorted.indexOf(value) - place) ** 2);
  return 1 - (6 * squares.reduce((sum, square) => sum + square, 0)) / (n * (n * n - 1));
}

describe('patterns of a capability', () => {
  const cases: [resource: string, channel: string, isAllowed: boolean][] = [
    ['foo*', 'foo*', true],
    ['foo*', 'foobar', false],
    ['foo*', 'foo:bar', false],
    ['*:bar', 'foo:bar', true],
    ['*:bar', 'a:b:bar', false],
    ['*:bar', 'bar', false],
    ['foo:**', 'foo:bar', false],
    ['foo:*', 'foo:bar', true],
    ['foo:*', 'foo:bar:baz', true],
    ['foo:*', 'foo', false],
    ['foo:*', 'foobar', false],
    ['foo:', 'foo', false],
    ['foo', 'foo:', false],
    ['foo', 'Foo', false],
    ['[*]foo', 'foo', true],
    ['[*]foo', 'bar', false],
    ['[meta]*', 'foo', false],
    ['bar', '*', false],
    ['foo:x', 'foo:*', false],
    ['*', '*', true],
    ['foo:*', 'foo:*', true],
    ['caf\u00e9', 'cafe\u0301', false],
    ['__proto__', 'constructor', false],
  ];
  it.each(cases)('[attack 32] %j on channel %j: %s', async (resource, channel, isAllowed) => {
    const [kid, signer] = boundless.split(':');
    const claims = { ...fair, 'x-ably-capability': JSON.stringify({ [resource]: ['*'] }) };
    const token = jwt(claims, { kid }, undefined, signer);
    const client = await ProtocolClient.connected(scene.port, { access_token: token });
    client.send({ action: Action.ATTACH, channel });
    client.publish(channel, 0, 'x');
    await client.ping('done');
    const codes = [...client.errors(Action.ERROR), ...client.errors(Action.NACK)].map(({ code }) => code);
    expect(codes).toEqual(isAllowed ? [] : [40160, 40160]);
    await client.close();
  });
});
