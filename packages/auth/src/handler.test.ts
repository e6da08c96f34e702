import { errors } from '@parvis/protocol';
import { describe, expect, test } from 'vitest';
import { Capability } from './capability.ts';
import { defaultCapability, spaceCapability, type TokenUser, tokenHandler } from './handler.ts';
import { verifyJwt } from './jwt.ts';
import { parseKey } from './key.ts';
import { tokenRequestIsSigned } from './tokenRequest.ts';

const key = 'app.key:a-secret-of-some-length';
const getUser = () => ({ clientId: 'ann' });
const ask = (init?: RequestInit, query = '') => new Request(`http://app.example/api/token${query}`, init);

async function claimsOf(response: Response) {
  expect(response.status).toBe(200);
  return verifyJwt(await response.text(), key);
}

describe('answers', () => {
  test.each(['GET', 'POST'])('[AU60] %s gives a JWT for the user, not to be cached', async (method) => {
    const response = await tokenHandler({ key, getUser })(ask({ method }));
    expect(response.headers.get('content-type')).toBe('application/jwt');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await claimsOf(response)).toMatchObject({ clientId: 'ann', capability: defaultCapability });
  });

  test('[AU60] a token request is given when asked for, signed by the key', async () => {
    const response = await tokenHandler({ key, getUser, kind: 'tokenRequest' })(ask());
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    const request = (await response.json()) as Record<string, unknown>;
    expect(request).toMatchObject({ keyName: 'app.key', clientId: 'ann', capability: defaultCapability.text });
    expect(await tokenRequestIsSigned(request, parseKey(key))).toBe(true);
    expect(JSON.stringify(request)).not.toContain('a-secret');
  });

  test('[AU61] the clientId is that of getUser, whatever query, body or header say', async () => {
    const handler = tokenHandler({ key, getUser });
    const evil = '?clientId=eve&capability=%7B%22*%22%3A%5B%22*%22%5D%7D&ttl=86400000&x-ably-clientId=eve';
    const requests = [
      ask({}, evil),
      ask(
        { method: 'POST', body: evil.slice(1), headers: { 'content-type': 'application/x-www-form-urlencoded' } },
        evil,
      ),
      ask({
        method: 'POST',
        body: '{"clientId":"eve"}',
        headers: { 'content-type': 'application/json', 'x-ably-clientid': 'ZXZl' },
      }),
    ];
    for (const request of requests) {
      const claims = await claimsOf(await handler(request));
      expect(claims).toMatchObject({ clientId: 'ann', capability: defaultCapability });
      expect(claims.expiresAt - claims.issuedAt).toBe(3_600_000);
    }
  });

  test('[AU62] getUser decides on capability and lifetime, else the handler does, else it is four operations everywhere', async () => {
    const users: Record<string, TokenUser> = {
      '/own': { clientId: 'ann', capability: { 'board::*': ['subscribe'] }, ttlMs: 60_000 },
      '/plain': { clientId: 'bob' },
    };
    const handler = tokenHandler({
      key,
      capability: spaceCapability('board', 'lobby'),
      getUser: async (request) => users[new URL(request.url).pathname],
    });
    const own = await claimsOf(await handler(new Request('http://app.example/own')));
    expect(own.capability?.text).toBe('{"board::*":["subscribe"]}');
    expect(own.expiresAt - own.issuedAt).toBe(60_000);
    const plain = await claimsOf(await handler(new Request('http://app.example/plain')));
    expect(plain.capability).toEqual(spaceCapability('lobby', 'board'));
    expect(defaultCapability.text).toBe('{"*":["history","presence","publish","subscribe"]}');
  });

  test('[AU62] other fields of a user record stay out of the token', async () => {
    const record = { clientId: 'ann', claims: { secret: 'x' }, revocationKey: 'r', key: 'app.evil:x', now: 5 };
    const response = await tokenHandler({ key, getUser: () => record })(ask());
    const payload = (await response.text()).split('.')[1] ?? '';
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object;
    expect(Object.keys(claims).sort()).toEqual(['exp', 'iat', 'x-ably-capability', 'x-ably-clientId']);
  });

  test('[AU62] the capability of a space covers its channels and no other space', () => {
    const capability = spaceCapability('board');
    for (const channel of ['board::$space', 'board::$cursors']) {
      for (const operation of ['publish', 'subscribe', 'presence', 'history'] as const) {
        expect(capability.allows(operation, channel)).toBe(true);
      }
      expect(capability.allows('push-admin', channel)).toBe(false);
    }
    expect(capability.allows('subscribe', 'other::$space')).toBe(false);
    expect(Capability.parse(capability.text)).toEqual(capability);
  });
});

describe('refusals', () => {
  async function refused(response: Response, status: number, code: number) {
    expect(response.status).toBe(status);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-ably-errorcode')).toBe(String(code));
    expect(await response.json()).toMatchObject({ error: { code, statusCode: status } });
  }

  test.each([null, undefined])('[AU63] a user of %s gets 401', async (user) => {
    await refused(await tokenHandler({ key, getUser: () => user })(ask()), 401, 40100);
  });

  test.each(['', '*', 'a\nb', 5 as unknown as string])(
    '[AU63] a clientId of %j from getUser never becomes a token',
    async (clientId) => {
      await refused(await tokenHandler({ key, getUser: () => ({ clientId }) })(ask()), 400, 40012);
    },
  );

  test('[AU63] an ErrorInfo of getUser is the answer', async () => {
    const getUser = () => {
      throw errors.forbidden('not in this room');
    };
    await refused(await tokenHandler({ key, getUser })(ask()), 403, 40300);
  });

  test('[AU63] any other error is reported, and answered with 500 without its text', async () => {
    const reported: unknown[] = [];
    const trouble = new Error('database password is hunter2');
    const handler = tokenHandler({
      key,
      getUser: () => Promise.reject(trouble),
      onError: (thrown) => reported.push(thrown),
    });
    const response = await handler(ask());
    expect(await response.clone().text()).not.toContain('hunter2');
    await refused(response, 500, 50000);
    expect(reported).toEqual([trouble]);
  });

  test.each(['PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'])(
    '[AU64] %s is refused, and getUser not asked',
    async (method) => {
      let asked = 0;
      const handler = tokenHandler({
        key,
        getUser: () => {
          asked += 1;
          return { clientId: 'ann' };
        },
      });
      const response = await handler(ask({ method }));
      expect(response.headers.get('allow')).toBe('GET, POST');
      await refused(response, 405, 40500);
      expect(asked).toBe(0);
    },
  );

  test('[AU65] a handler with a bad key or capability is not made at all', () => {
    expect(() => tokenHandler({ key: 'app.key:', getUser })).toThrow(expect.objectContaining({ code: 40005 }));
    expect(() => tokenHandler({ key, getUser, capability: { a: ['fly'] } })).toThrow(
      expect.objectContaining({ code: 40000 }),
    );
  });
});
