import { Capability } from '@parvis/auth';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { appsFromKeys, createApps } from './apps.ts';
import { issueToken, openToken, type TokenClaims } from './tokens.ts';

const seed = Number(process.env.PARVIS_SEED ?? Date.now() % 2 ** 31);
const secret = 'a-secret-of-some-length';
const [app, other] = appsFromKeys([
  { key: `app.key:${secret}` },
  { key: `app.twin:${secret}` },
  { key: `other.key:${secret}` },
]);
if (!app || !other) throw new Error('apps are missing');
const apps = createApps([app, other]);
const keyNamed = (name: string) => {
  const key = apps.get(name.split('.')[0] ?? '')?.keys.get(name);
  if (!key) throw new Error(`no key ${name}`);
  return key;
};
const key = keyNamed('app.key');
const claims: TokenClaims = {
  issuedAt: 1_700_000_000_000,
  expiresAt: 1_700_003_600_000,
  clientId: 'ann',
  capability: '{"board::*":["history","presence","publish","subscribe"]}',
};
const failing = (code: number, statusCode: number) => expect.objectContaining({ code, statusCode });

test('[AU110] a native token says all it was issued with, to any node that has the key', () => {
  fc.assert(
    fc.property(
      fc.record({
        issuedAt: fc.integer({ min: 0, max: 4e12 }),
        expiresAt: fc.integer({ min: 0, max: 4e12 }),
        clientId: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
        capability: fc
          .dictionary(fc.string({ minLength: 1, maxLength: 20 }), fc.constant(['publish']), { maxKeys: 4 })
          .map((map) => Capability.parse(map).text),
      }),
      fc.option(fc.string(), { nil: undefined }),
      (said, revocationKey) => {
        const full = revocationKey === undefined ? said : { ...said, revocationKey };
        expect(openToken(apps, issueToken(key, full))).toEqual({ app, key, claims: full });
      },
    ),
    { seed },
  );
});

test('[AU111] a token is the id of its app and text that says nothing, differs each time and fits in 343 characters', () => {
  const tokens = Array.from({ length: 100 }, () => issueToken(key, claims));
  expect(new Set(tokens).size).toBe(100);
  for (const token of tokens) {
    expect(token).toMatch(/^app\.[A-Za-z0-9_-]+$/);
    expect(token.length).toBeLessThanOrEqual(343);
    expect(token.split('.')).toHaveLength(2);
    const raw = Buffer.from(token.slice(4), 'base64url').toString('latin1');
    for (const said of ['ann', 'board', 'publish', secret]) expect(raw).not.toContain(said);
  }
});

test('[AU112] a token with any single character changed, cut or added is refused', () => {
  const token = issueToken(key, claims);
  for (let index = 4; index < token.length; index += 1) {
    const changed = token.slice(0, index) + (token[index] === 'A' ? 'B' : 'A') + token.slice(index + 1);
    expect(() => openToken(apps, changed)).toThrow(/not recognised|neither/);
    expect(() => openToken(apps, token.slice(0, index))).toThrow(/not recognised|neither/);
  }
  expect(() => openToken(apps, `${token}A`)).toThrow(/not recognised|neither/);
});

test('[AU112] every spelling but the one that was issued is refused, though it decodes to the same bytes', () => {
  const token = issueToken(key, claims);
  const padding = '='.repeat((4 - ((token.length - 4) % 4)) % 4);
  for (const spelling of [
    `${token} `,
    `${token}\n`,
    token.replace('.', '. '),
    `${token}${padding || '='}`,
    `${token}.`,
    `${token}.x`,
  ]) {
    expect(() => openToken(apps, spelling)).toThrow(failing(40005, 400));
  }
});

test('[AU113] a token opens under its own key alone, even where another app or key has the same secret', () => {
  const token = issueToken(key, claims);
  const bytes = Buffer.from(token.slice(4), 'base64url');
  const renamed = Buffer.concat([Buffer.from([1, 4]), Buffer.from('twin'), bytes.subarray(5)]).toString('base64url');
  for (const forged of [`other.${token.slice(4)}`, `app.${renamed}`, `nowhere.${token.slice(4)}`]) {
    expect(() => openToken(apps, forged)).toThrow(failing(40143, 401));
  }
  const elsewhere = createApps(appsFromKeys([{ key: 'app.key:another-secret-entirely' }]));
  expect(() => openToken(elsewhere, token)).toThrow(failing(40143, 401));
});

test.each(['', '.', 'app', 'app.', '.abcd', 'app.!!!!', 'app.a b', 'a.b.c.d', 'app.A'])(
  '[AU114] %j cannot be a token and is refused with 40005',
  (text) => {
    expect(() => openToken(apps, text)).toThrow(failing(40005, 400));
  },
);

test('[AU114] hostile bytes after the id of an app are refused and nothing else happens', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (bytes) => {
      for (const first of [bytes, [1, 3, ...Buffer.from('key'), ...bytes], [1, 255, ...bytes]]) {
        expect(() => openToken(apps, `app.${Buffer.from(first).toString('base64url')}`)).toThrow(failing(40143, 401));
      }
    }),
    { seed, numRuns: 500 },
  );
});
