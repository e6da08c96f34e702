import { createHmac } from 'node:crypto';
import jsonwebtoken from 'jsonwebtoken';
import { describe, expect, test } from 'vitest';
import { issueJwt, verifyJwt } from './jwt.ts';

const key = 'app.key:a-secret-of-some-length';
const secret = 'a-secret-of-some-length';
const now = 1_700_000_000_000;
const seconds = now / 1_000;
const failing = (code: number, statusCode = 401) => expect.objectContaining({ code, statusCode });

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

function handMade(header: object, payload: object, signWith = secret): string {
  const text = `${part(header)}.${part(payload)}`;
  return `${text}.${createHmac('sha256', signWith).update(text).digest('base64url')}`;
}

const goodHeader = { alg: 'HS256', typ: 'JWT', kid: 'app.key' };
const goodClaims = { iat: seconds, exp: seconds + 3_600 };
const withClaims = (claims: object) => handMade(goodHeader, { ...goodClaims, ...claims });
const verify = (token: string, at = now) => verifyJwt(token, key, { now: at });

describe('issuing', () => {
  test('[AU30] an issued JWT says who, what and until when, and verifies', async () => {
    const token = await issueJwt({
      key,
      clientId: 'ann',
      capability: { 'board::*': ['subscribe', 'publish'] },
      ttlMs: 60_000,
      revocationKey: 'team-1',
      claims: { 'ably.channel.board:*': 'editor', exp: 1, 'x-ably-clientId': 'eve' },
      now,
    });
    const claims = await verify(token);
    expect(claims).toMatchObject({ issuedAt: now, expiresAt: now + 60_000, clientId: 'ann', revocationKey: 'team-1' });
    expect(claims.capability?.text).toBe('{"board::*":["publish","subscribe"]}');
    expect(claims.userClaims?.for('board:7')).toBe('editor');
  });

  test('[AU30] other libraries read what we issue, and we read what they issue', async () => {
    const ours = await issueJwt({ key, clientId: 'ann', capability: '{"*":["*"]}' });
    expect(jsonwebtoken.verify(ours, secret, { algorithms: ['HS256'] })).toMatchObject({
      'x-ably-clientId': 'ann',
      'x-ably-capability': '{"*":["*"]}',
    });
    expect(jsonwebtoken.decode(ours, { complete: true })?.header).toEqual(goodHeader);
    const theirs = jsonwebtoken.sign({ 'x-ably-clientId': 'bob' }, secret, { keyid: 'app.key', expiresIn: '1h' });
    await expect(verifyJwt(theirs, key)).resolves.toMatchObject({ clientId: 'bob', capability: undefined });
  });

  test('[AU30] a token without claims of its own lives an hour and is anonymous with all that the key may do', async () => {
    const claims = await verify(await issueJwt({ key, now }));
    expect(claims.expiresAt - claims.issuedAt).toBe(3_600_000);
    expect(claims).toMatchObject({ clientId: undefined, capability: undefined, revocationKey: undefined });
  });

  test.each([
    ['ttl of nothing', { ttlMs: 0 }, 40003],
    ['ttl over a day', { ttlMs: 86_400_001 }, 40003],
    ['ttl that is no number', { ttlMs: Number.NaN }, 40003],
    ['empty clientId', { clientId: '' }, 40012],
    ['unknown operation', { capability: { a: ['fly'] } }, 40000],
    ['malformed key', { key: 'app.key:' }, 40005],
  ])('[AU31] %s is refused when issuing', async (_, options, code) => {
    await expect(issueJwt({ key, ...options })).rejects.toThrow(failing(code, 400));
  });

  test('[AU32] a header and signature in the standard base64 alphabet with padding are read too', async () => {
    const standard = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64');
    const text = `${standard(goodHeader)}.${standard({ ...goodClaims, 'x-ably-clientId': 'ÿ>?' })}`;
    const token = `${text}.${createHmac('sha256', secret).update(text).digest('base64')}`;
    await expect(verify(token)).resolves.toMatchObject({ clientId: 'ÿ>?' });
  });
});

describe('structure and signature', () => {
  const unsigned = (alg: unknown) => `${part({ ...goodHeader, alg })}.${part(goodClaims)}.`;

  test.each([
    ['alg none', unsigned('none')],
    ['alg None', unsigned('None')],
    ['alg none with a signature', handMade({ ...goodHeader, alg: 'none' }, goodClaims)],
    ['alg hs256', handMade({ ...goodHeader, alg: 'hs256' }, goodClaims)],
    ['alg RS256 signed with the secret', handMade({ ...goodHeader, alg: 'RS256' }, goodClaims)],
    ['alg HS512', handMade({ ...goodHeader, alg: 'HS512' }, goodClaims)],
    ['alg in a list', handMade({ ...goodHeader, alg: ['HS256'] }, goodClaims)],
    ['no alg', handMade({ typ: 'JWT', kid: 'app.key' }, goodClaims)],
    ['empty signature', unsigned('HS256')],
    ['missing third part', `${part(goodHeader)}.${part(goodClaims)}`],
    ['four parts', `${handMade(goodHeader, goodClaims)}.x`],
    ['five parts without an embedded token', `${part({ alg: 'dir', enc: 'A256GCM' })}....`],
    ['empty text', ''],
    ['empty parts', '..'],
    ['header that is no JSON', `eyJ.${part(goodClaims)}.eA`],
    ['header that is a list', handMade([] as object, goodClaims)],
    ['payload that is a string', handMade(goodHeader, 'x' as unknown as object)],
    ['payload that is null', handMade(goodHeader, null as unknown as object)],
    ['payload that is not UTF-8', `${part(goodHeader)}.${Buffer.from([0x22, 0xff, 0x22]).toString('base64url')}.eA`],
    ['signature outside the alphabet', `${part(goodHeader)}.${part(goodClaims)}.%%%%`],
    ['white space inside', `${part(goodHeader)} .${part(goodClaims)}.eA`],
    ['kid missing', handMade({ alg: 'HS256', typ: 'JWT' }, goodClaims)],
    ['kid in a list', handMade({ ...goodHeader, kid: ['app.key'] }, goodClaims)],
    ['kid empty', handMade({ ...goodHeader, kid: '' }, goodClaims)],
    ['kid of a megabyte', handMade({ ...goodHeader, kid: 'x'.repeat(1_000_000) }, goodClaims)],
  ])('[AU33] %s is refused with 40144', async (_, token) => {
    await expect(verify(token)).rejects.toThrow(failing(40144));
  });

  test.each(['../../etc/passwd', "' OR 1=1 --", 'https://evil.example/jwks', 'app.other', 'other.key'])(
    '[AU34] a token of key %s is not ours, and the name is not repeated',
    async (kid) => {
      const token = handMade({ ...goodHeader, kid, jku: 'http://169.254.169.254/', jwk: { k: 'x' } }, goodClaims);
      await expect(verify(token)).rejects.toThrow(failing(40400, 404));
      await expect(verify(token)).rejects.toThrow('key of the JWT not found');
    },
  );

  test('[AU34] jku, x5u and jwk of the header change nothing', async () => {
    const header = {
      ...goodHeader,
      jku: 'https://evil.example',
      x5u: 'file:///etc/passwd',
      jwk: { kty: 'oct', k: 'eA' },
    };
    await expect(verify(handMade(header, goodClaims))).resolves.toMatchObject({ issuedAt: now });
    await expect(verify(handMade(header, goodClaims, 'x'))).rejects.toThrow(failing(40101));
  });

  test('[AU35] a signature by another secret, over other text, cut short or extended is refused with 40101', async () => {
    const good = await issueJwt({ key, now });
    const [head, , mac = ''] = good.split('.');
    const forged = [
      handMade(goodHeader, goodClaims, 'another secret'),
      handMade(goodHeader, goodClaims, ''),
      `${head}.${part({ ...goodClaims, 'x-ably-clientId': 'root' })}.${mac}`,
      good.slice(0, -4),
      `${good}AAAA`,
    ];
    for (const token of forged) await expect(verify(token)).rejects.toThrow(failing(40101));
    await expect(verify(good)).resolves.toBeDefined();
  });
});

describe('claims', () => {
  test.each([
    ['exp missing', { exp: undefined }],
    ['exp a string', { exp: `${seconds + 60}` }],
    ['exp null', { exp: null }],
    ['exp not after iat', { exp: seconds }],
    ['iat missing', { iat: undefined }],
    ['iat a string', { iat: `${seconds}` }],
    ['iat negative', { iat: -1 }],
    ['iat far in the future', { iat: seconds + 121, exp: seconds + 200 }],
    ['nbf in the future', { nbf: seconds + 121 }],
    ['nbf a string', { nbf: 'soon' }],
    ['capability that is no JSON', { 'x-ably-capability': '{' }],
    ['capability with an unknown operation', { 'x-ably-capability': '{"a":["fly"]}' }],
    ['capability nested deeply', { 'x-ably-capability': `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}` }],
    [
      'capability of too many resources',
      {
        'x-ably-capability': Object.fromEntries(
          Array.from({ length: 1_001 }, (__, index) => [`c${index}`, ['publish']]),
        ),
      },
    ],
    ['capability a number', { 'x-ably-capability': 5 }],
    ['revocation key a number', { 'x-ably-revocation-key': 5 }],
    ['revocation key empty', { 'x-ably-revocation-key': '' }],
    ['user claim that is no string', { 'ably.channel.a': 5 }],
    ['user claim without a channel', { 'ably.channel.': 'x' }],
    ['rate that is no number', { 'ably.limits.publish.perAttachment.maxRate.a': '5' }],
    ['rate below zero', { 'ably.limits.publish.perAttachment.maxRate.a': -1 }],
  ])('[AU36] %s is refused with 40144', async (_, claims) => {
    await expect(verify(withClaims(claims))).rejects.toThrow(failing(40144));
  });

  test.each([5, '\n', '', ['x'], {}, 'a\nb'])(
    '[AU13] a clientId claim of %j is refused with 40012',
    async (clientId) => {
      await expect(verify(withClaims({ 'x-ably-clientId': clientId }))).rejects.toThrow(failing(40012, 400));
    },
  );

  test('[AU13] a clientId claim of * is a wildcard, and of null none', async () => {
    await expect(verify(withClaims({ 'x-ably-clientId': '*' }))).resolves.toMatchObject({ clientId: '*' });
    await expect(verify(withClaims({ 'x-ably-clientId': null }))).resolves.toMatchObject({ clientId: undefined });
  });

  test('[AU37] a token is expired from its exp on, to the millisecond', async () => {
    const token = withClaims({ exp: seconds + 60 });
    await expect(verify(token, now + 59_999)).resolves.toBeDefined();
    await expect(verify(token, now + 60_000)).rejects.toThrow(failing(40142));
  });

  test('[AU38] a token may live a day, or an hour if the key has revocable tokens', async () => {
    const day = withClaims({ exp: seconds + 86_400 });
    await expect(verify(day)).resolves.toBeDefined();
    await expect(verify(withClaims({ exp: seconds + 86_401 }))).rejects.toThrow(failing(40003, 400));
    await expect(verify(withClaims({ exp: 1e308 }))).rejects.toThrow(failing(40003, 400));
    await expect(verifyJwt(day, key, { now, revocableTokens: true })).rejects.toThrow(failing(40003, 400));
    await expect(verifyJwt(withClaims({}), key, { now, revocableTokens: true })).resolves.toBeDefined();
  });

  test('[AU38] a clock that is two minutes ahead is forgiven', async () => {
    await expect(verify(withClaims({ iat: seconds + 120, exp: seconds + 200 }))).resolves.toBeDefined();
  });

  test('[AU39] a capability claim may be a map instead of its text', async () => {
    const claims = await verify(withClaims({ 'x-ably-capability': { b: ['publish'], a: ['*'] } }));
    expect(claims.capability?.text).toBe('{"a":["*"],"b":["publish"]}');
  });
});

describe('claims by channel', () => {
  test('[AU40] the exact channel wins over patterns, and among them the longest literal beginning', async () => {
    const { userClaims } = await verify(
      withClaims({
        'ably.channel.*': 'any',
        'ably.channel.a:*': 'under a',
        'ably.channel.a:b:*': 'under a:b',
        'ably.channel.a:*:c': 'some c',
        'ably.channel.a:b:c': 'exact',
      }),
    );
    expect(userClaims?.for('a:b:c')).toBe('exact');
    expect(userClaims?.for('a:b:d')).toBe('under a:b');
    expect(userClaims?.for('a:x')).toBe('under a');
    expect(userClaims?.for('x')).toBe('any');
    expect(userClaims?.for('[meta]x')).toBeUndefined();
  });

  test('[AU40] a rate holds for the channels of its resource', async () => {
    const claims = await verify(withClaims({ 'ably.limits.publish.perAttachment.maxRate.chat:*': 2.5 }));
    expect(claims.publishRates?.for('chat:1')).toBe(2.5);
    expect(claims.publishRates?.for('other')).toBeUndefined();
    expect(claims.userClaims).toBeUndefined();
  });
});
