import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Action } from '@parvis/protocol';
import { afterAll, describe, expect, it } from 'vitest';
import { TestIssuer } from '../../packages/server/test/testIssuer.ts';
import { ProtocolClient } from '../faults/protocolClient.ts';
import { judgement } from './entrances.ts';
import { offend, startScene } from './scene.ts';

const key = 'iss.users:a-secret-of-thirty-two-characters';

/** What the web server has been asked for, and what it answers. */
const asked: string[] = [];
const pages = new Map<string, () => { status?: number; location?: string; body?: string }>();
const web: Server = createServer((request, response) => {
  asked.push(request.url ?? '');
  const { status = 200, location, body } = pages.get(request.url ?? '')?.() ?? { status: 404 };
  response.writeHead(status, location === undefined ? {} : { location }).end(body);
});
await new Promise<void>((resolve) => web.listen(0, '127.0.0.1', resolve));
const webUrl = `http://127.0.0.1:${(web.address() as AddressInfo).port}`;
afterAll(async () => {
  web.closeAllConnections();
  await new Promise((resolve) => web.close(resolve));
});

const one = await new TestIssuer('https://one.example/').addKey('k1').then((it) => it.addKey('ec', 'ES256'));
const two = await new TestIssuer('https://two.example/').addKey('k1');
const lost = await new TestIssuer('https://lost.example/').addKey('k1');
pages.set('/one', () => ({ body: one.jwks }));
pages.set('/two', () => ({ body: two.jwks }));
pages.set('/lost', () => ({ status: 302, location: `${webUrl}/secret` }));
pages.set('/secret', () => ({ body: lost.jwks }));

const scene = await startScene({
  apps: [{ id: 'iss', keys: [{ key, capability: { a: ['*'], 'b:*': ['*'] }, revocableTokens: true }] }],
  insecureJwks: true,
  issuers: [
    { issuer: one.issuer, jwks: `${webUrl}/one`, key: 'iss.users', algorithms: ['RS256'], audience: ['us'] },
    { issuer: two.issuer, jwks: `${webUrl}/two`, key: 'iss.users', clientIdPrefix: 'two:', capabilityClaim: 'caps' },
    { issuer: lost.issuer, jwks: `${webUrl}/lost`, key: 'iss.users' },
  ],
});

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (claims: Record<string, unknown> = {}, header: object = {}) =>
  one.sign('k1', { aud: 'us', ...claims }, Date.now(), header);
const outcomeOf = (token: string) => judgement(scene.port, token);
const seconds = Math.floor(Date.now() / 1_000);

describe('tokens of issuers, by every way in', () => {
  it('[JI1] a good one is let in', async () => {
    expect(await outcomeOf(await sign())).toBeUndefined();
    expect(await outcomeOf(await two.sign('k1', { caps: { a: ['history', 'subscribe'] } }))).toBeUndefined();
  });

  it.each<[string, Record<string, unknown>]>([
    ['alg none', { alg: 'none' }],
    ['alg None', { alg: 'None' }],
    ['no alg', { alg: undefined }],
    ['an algorithm that was not agreed on', { alg: 'ES256' }],
  ])('[attack 20] one with %s is 40144, signed or not', async (_title, header) => {
    const [, payload, signature] = (await sign()).split('.');
    for (const last of ['', signature]) {
      expect(await outcomeOf(`${part({ kid: 'k1', ...header })}.${payload}.${last}`)).toBe(40144);
    }
  });

  it('[attack 20] one without a signature, or with claims changed after signing, is refused', async () => {
    const [header, payload, signature] = (await sign()).split('.');
    const eve = part({ iss: one.issuer, aud: 'us', sub: 'eve', iat: seconds, exp: seconds + 60 });
    for (const token of [`${header}.${payload}.`, `${header}.${eve}.${signature}`]) {
      expect([40101, 40144]).toContain(await outcomeOf(token));
    }
  });

  it('[attack 21] the public key is no secret that tokens can be signed with', async () => {
    const [, payload] = (await sign()).split('.');
    for (const [kid, code] of [
      ['k1', 40400],
      ['iss.users', 40101],
    ] as const) {
      const text = `${part({ alg: 'HS256', kid })}.${payload}`;
      const mac = createHmac('sha256', JSON.stringify(one.jwk('k1')))
        .update(text)
        .digest('base64url');
      expect(await outcomeOf(`${text}.${mac}`)).toBe(code);
    }
    expect(await outcomeOf(await one.sign('ec', { aud: 'us' }))).toBe(40144);
  });

  it.each<[string, object]>([
    ['a path for a kid', { kid: '../../../etc/passwd' }],
    ['a URL for a kid', { kid: `${webUrl}/secret` }],
    ['a list for a kid', { kid: ['k1'] }],
    ['no kid', { kid: undefined }],
  ])('[attack 23] one with %s is 40144', async (_title, header) => {
    expect(await outcomeOf(await sign({}, header))).toBe(40144);
    expect(asked).not.toContain('/secret');
  });

  it('[attack 23] keys and addresses that a token brings are passed over', async () => {
    const forger = await new TestIssuer(one.issuer).addKey('k1');
    const brought = { jwk: forger.jwk('k1'), jku: `${webUrl}/secret`, x5u: `${webUrl}/secret` };
    expect(
      await outcomeOf(await forger.sign('k1', { aud: 'us', jwks_uri: `${webUrl}/secret` }, Date.now(), brought)),
    ).toBe(40101);
    expect(await outcomeOf(await sign({}, brought))).toBeUndefined();
    expect(asked).not.toContain('/secret');
  });

  it('[attack 24] keys are not fetched from where a redirect leads: their tokens are 50004', async () => {
    const token = await lost.sign('k1');
    expect(await outcomeOf(token)).toBe(50004);
    expect(asked).not.toContain('/secret');
    // An operator has to hear of it; the token is not among what is told.
    const told = scene.lines.splice(0);
    expect(told.filter((line) => line.includes('public keys of an issuer could not be fetched'))).toHaveLength(1);
    expect(told.filter((line) => line.includes(token.slice(-40)))).toEqual([]);
  });

  it('[attack 24] two hundred unknown kids at once make one fetch at most, and good clients are served', async () => {
    const before = asked.length;
    await scene.served(async () => {
      const codes = await offend(200, async (index) => {
        const client = new ProtocolClient(scene.port, { access_token: await sign({}, { kid: `invented ${index}` }) });
        await client.closed;
        return client.errors(Action.DISCONNECTED)[0]?.code;
      });
      expect(new Set(codes)).toEqual(new Set([40144]));
      expect(await outcomeOf(await sign({ sub: 'bob' }))).toBeUndefined();
    });
    expect(asked.length - before).toBeLessThanOrEqual(1);
  });

  it('[attack 25] the same kid of another issuer signs nothing', async () => {
    const claims = { aud: 'us', caps: { a: ['*'] } };
    expect(await outcomeOf(await two.sign('k1', claims))).toBeUndefined();
    expect(await outcomeOf(await two.sign('k1', { ...claims, iss: one.issuer }))).toBe(40101);
    expect(await outcomeOf(await one.sign('k1', { ...claims, iss: two.issuer }))).toBe(40101);
    expect(await outcomeOf(await one.sign('k1', { ...claims, iss: 'https://three.example/' }))).toBe(40144);
  });

  it.each<[string, Record<string, unknown>, number]>([
    ['no exp', { exp: undefined }, 40144],
    ['an exp of the past', { iat: seconds - 600, exp: seconds - 60 }, 40142],
    ['an exp that is text', { exp: String(seconds + 600) }, 40144],
    ['an iat of the far future', { iat: seconds + 86_400, exp: seconds + 90_000 }, 40144],
    ['an nbf of the future', { nbf: seconds + 3_600 }, 40144],
    ['more than an hour to live, for a key with revocable tokens', { exp: seconds + 7_200 }, 40003],
    ['another audience', { aud: ['them'] }, 40144],
  ])('[attack 26] one with %s is refused', async (_title, claims, code) => {
    expect(await outcomeOf(await sign(claims))).toBe(code);
  });

  it.each<[string, unknown, number]>([
    ['malformed', { a: 'history' }, 40144],
    ['huge', JSON.stringify({ ['x'.repeat(70_000)]: ['*'] }), 40144],
    ['of nothing that the key may', { elsewhere: ['*'] }, 40160],
    ['missing', undefined, 40144],
  ])('[attack 27] one whose capability is %s is refused', async (_title, caps, code) => {
    // What is too long for a header or a query is refused before anybody reads it.
    if (typeof caps === 'string') {
      const client = await ProtocolClient.connected(scene.port, {
        access_token: await two.sign('k1', { caps: { a: ['*'] } }),
      });
      client.send({ action: Action.AUTH, auth: { accessToken: await two.sign('k1', { caps }) } });
      await client.closed;
      expect(client.errors(Action.ERROR)[0]?.code).toBe(code);
    } else {
      expect(await outcomeOf(await two.sign('k1', { caps }))).toBe(code);
    }
  });

  it('[attack 27] one gives no more than its key may, however much it says', async () => {
    const caps = { '[*]*': ['*'] };
    const client = await ProtocolClient.connected(scene.port, { access_token: await two.sign('k1', { caps }) });
    client.send({ action: Action.ATTACH, channel: 'elsewhere' });
    await client.attach('b:1');
    expect(client.errors(Action.ERROR).map(({ code }) => code)).toEqual([40160]);
    await client.close();
  });

  it.each(['*', '', 7, null, ['ann'], 'a\nb'])('[attack 27] one whose clientId is %j is 40012', async (sub) => {
    expect(await outcomeOf(await sign({ sub }))).toBe(40012);
  });

  it('[attack 30] AUTH with the token of another client ends the connection, with a narrower one takes channels away', async () => {
    const tokenOf = (sub: string, caps: object) => two.sign('k1', { sub, caps });
    const client = await ProtocolClient.connected(scene.port, { access_token: await tokenOf('ann', { a: ['*'] }) });
    await client.attach('a');
    client.send({ action: Action.AUTH, auth: { accessToken: await tokenOf('ann', { 'b:*': ['*'] }) } });
    const lostChannel = await client.next(Action.ERROR);
    expect([lostChannel.channel, lostChannel.error?.code]).toEqual(['a', 40160]);
    client.clear();
    client.send({ action: Action.AUTH, auth: { accessToken: await tokenOf('eve', { a: ['*'] }) } });
    await client.closed;
    expect(client.errors(Action.ERROR).map(({ code }) => code)).toEqual([40102]);
  });

  it('[attack 29] one that is revoked ends its connection with 40141, and is refused by every way in', async () => {
    const token = await one.sign('k1', { aud: 'us', sub: 'mallory', iat: seconds - 60 });
    const client = await ProtocolClient.connected(scene.port, { access_token: token });
    const response = await fetch(`http://127.0.0.1:${scene.port}/keys/iss.users/revokeTokens`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(key).toString('base64')}`, 'content-type': 'application/json' },
      body: JSON.stringify({ targets: ['clientId:mallory'] }),
    });
    expect(response.status).toBe(201);
    expect((await client.next(Action.DISCONNECTED)).error?.code).toBe(40141);
    await client.closed;
    expect(await outcomeOf(token)).toBe(40141);
    expect(await outcomeOf(await sign())).toBeUndefined();
  });
});
