import { once } from 'node:events';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import Ably from 'ably';
import express from 'express';
import { Hono } from 'hono';
import { afterEach, describe, expect, test } from 'vitest';
import { tokenHandler } from './handler.ts';
import { verifyJwt } from './jwt.ts';
import { toNodeHandler } from './nodeHandler.ts';

const key = 'app.key:a-secret-of-some-length';

/** Knows its users by a cookie, as an application would. */
const handler = tokenHandler({
  key,
  getUser: (incoming) => {
    const session = /session=(\w+)/.exec(incoming.headers.get('cookie') ?? '')?.[1];
    return session && new URL(incoming.url).pathname === '/api/token' ? { clientId: session } : null;
  },
});

const servers: Server[] = [];

async function serve(listener: Parameters<typeof createServer>[1]): Promise<string> {
  const server = createServer(listener);
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  }
});

async function expectTokens(fetchToken: (init: RequestInit) => Response | Promise<Response>) {
  for (const method of ['GET', 'POST']) {
    const body = method === 'POST' ? { body: 'clientId=eve' } : {};
    const response = await fetchToken({ method, headers: { cookie: 'a=b; session=ann' }, ...body });
    expect(response.headers.get('content-type')).toBe('application/jwt');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await verifyJwt(await response.text(), key)).toMatchObject({ clientId: 'ann' });
  }
  expect((await fetchToken({})).status).toBe(401);
}

describe('mounts', () => {
  test('[AU70] the handler mounts in Node http', async () => {
    const url = await serve(toNodeHandler(handler));
    await expectTokens((init) => fetch(`${url}/api/token?clientId=eve`, init));
  });

  test('[AU70] the handler mounts in Express, under a router and with a body parser before it', async () => {
    const router = express.Router().all('/token', toNodeHandler(handler));
    const url = await serve(
      express()
        .use(express.urlencoded({ extended: false }))
        .use('/api', router),
    );
    await expectTokens((init) => fetch(`${url}/api/token?clientId=eve`, init));
  });

  test('[AU70] the handler mounts in Hono', async () => {
    const app = new Hono().all('/api/token', (context) => handler(context.req.raw));
    await expectTokens((init) => app.request('/api/token?clientId=eve', init));
  });

  test('[AU70] the handler is a route handler of Next', async () => {
    const route: { GET: (request: Request, context: { params: Promise<object> }) => Promise<Response> } = {
      GET: handler,
    };
    const context = { params: Promise.resolve({}) };
    await expectTokens((init) => route.GET(new Request('https://app.example/api/token?clientId=eve', init), context));
  });
});

describe('official client', () => {
  test.each(['jwt', 'tokenRequest'] as const)(
    '[AU71] authUrl of the official client accepts the answer (%s)',
    async (kind) => {
      const listener = toNodeHandler(tokenHandler({ key, kind, getUser: () => ({ clientId: 'ann' }) }));
      const authUrl = `${await serve(listener)}/api/token`;
      for (const authMethod of ['GET', 'POST'] as const) {
        const client = new Ably.Rest({ authUrl, authMethod, endpoint: '127.0.0.1', port: 1, tls: false, logLevel: 0 });
        if (kind === 'jwt') {
          const { token } = await client.auth.requestToken();
          expect(await verifyJwt(token, key)).toMatchObject({ clientId: 'ann' });
        } else {
          // The client goes on to exchange it at the server, which is not there: it did take it for a token request.
          await expect(client.auth.requestToken()).rejects.toMatchObject({
            message: expect.stringContaining('ECONNREFUSED'),
          });
        }
      }
    },
  );

  test('[AU71] authUrl of the official client learns the code of a refusal', async () => {
    const authUrl = await serve(toNodeHandler(tokenHandler({ key, getUser: () => null })));
    const client = new Ably.Rest({ authUrl, endpoint: '127.0.0.1', port: 1, tls: false, logLevel: 0 });
    await expect(client.auth.requestToken()).rejects.toMatchObject({ code: 40100, statusCode: 401 });
  });
});

test('[AU72] a response that somebody else has sent meanwhile is left alone', async () => {
  let answer = (_: Response) => {};
  const slow = new Promise<Response>((resolve) => {
    answer = resolve;
  });
  const settled: Promise<void>[] = [];
  const url = await serve((incoming, outgoing) => {
    settled.push(toNodeHandler(() => slow)(incoming, outgoing));
    outgoing.writeHead(503).end();
  });
  expect((await fetch(url)).status).toBe(503);
  answer(new Response('late'));
  await expect(Promise.all(settled)).resolves.toEqual([undefined]);
});

describe('hostile requests', () => {
  test.each([
    ['a Host that is no host', '/api/token', 'a b'],
    ['a Host with a path', '/api/token', 'evil.example/other?'],
    ['a path that looks like a host', '//evil.example/api/token', 'app.example'],
    ['a target that is no path', '*', 'app.example'],
  ])('[AU72] %s gets an answer, no token and no crash', async (_, path, host) => {
    const url = new URL(await serve(toNodeHandler(handler)));
    const outgoing = request({
      port: url.port,
      host: url.hostname,
      path,
      headers: { host, cookie: 'session=ann' },
    }).end();
    const [response] = await once(outgoing, 'response');
    expect([400, 401]).toContain(response.statusCode);
    response.resume();
    expect((await fetch(`${url.origin}/api/token`, { headers: { cookie: 'session=ann' } })).status).toBe(200);
  });
});
