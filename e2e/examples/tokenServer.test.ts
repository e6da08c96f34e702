import { once } from 'node:events';
import { createServer as createHttpServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { toNodeHandler } from '@parvis/auth';
import Spaces from '@parvis/spaces';
import Ably from 'ably';
import { createServer, type Listening, type ParvisServer } from 'parvis';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type ExampleServer, startExample } from './exampleServer.ts';

const key = 'app.key1:a-secret-of-32-characters-or-so!!';

/** Every way to a token that examples/README.md names: file, route and what the answer looks like. */
const ways = [
  ['ably-rest.mjs', '/api/ably-token', 'a token request'],
  ['ably-rest.mjs', '/api/ably-token?form=details', 'token details'],
  ['jsonwebtoken.mjs', '/api/ably-jwt', 'a JWT'],
  ['node-http.mjs', '/api/token', 'a JWT'],
  ['express.mjs', '/api/token', 'a JWT'],
  ['hono.mjs', '/api/token', 'a JWT'],
  ['next/app/api/token/route.js', '/api/token', 'a JWT'],
] as const;

describe('token server examples', () => {
  let server: ParvisServer;
  let at: Listening;
  const examples = new Map<string, ExampleServer>();
  const clients: Ably.Realtime[] = [];

  beforeAll(async () => {
    server = createServer({ port: 0, keys: [key], logLevel: 'warn' });
    at = await server.listen();
    process.env.PARVIS_KEY = key;
    for (const [file] of ways) {
      if (!examples.has(file)) examples.set(file, await (file.startsWith('next/') ? mountRoute(file) : start(file)));
    }
  }, 60_000);

  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });

  afterAll(async () => {
    for (const example of examples.values()) await example.stop();
    await server.stop();
  });

  const start = (file: string) => startExample(file, { PARVIS_KEY: key, PARVIS_URL: at.url });

  const urlOf = (file: string, route: string) => `${examples.get(file)?.url}${route}`;

  function connect(authUrl: string, session: string): Ably.Realtime {
    const { host: endpoint, port } = at;
    const authHeaders = { cookie: `session=${session}` };
    const client = new Ably.Realtime({ authUrl, authHeaders, endpoint, port, tls: false, logLevel: 0 });
    clients.push(client);
    return client;
  }

  test.each(ways)('[DM70] %s %s answers with %s', async (file, route, form) => {
    const response = await fetch(urlOf(file, route), { headers: { cookie: 'session=session-of-ada' } });
    expect(response.headers.get('cache-control')).toBe('no-store');
    const body = await response.text();
    if (form === 'a JWT') expect(body).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/);
    else expect(JSON.parse(body)).toHaveProperty(form === 'token details' ? 'token' : 'mac');
    expect(body).not.toContain(key.split(':')[1]);
  });

  test.each(ways)(
    '[DM71] with %s %s a user is who the session says, in the spaces that the token is for',
    async (file, route) => {
      const client = connect(urlOf(file, route), 'session-of-ada');
      const space = await new Spaces(client).get('board');
      const [self] = await space.enter({ name: 'Ada' });
      expect(self).toMatchObject({ clientId: 'ada', profileData: { name: 'Ada' } });
      await expect(client.channels.get('elsewhere::board').attach()).rejects.toMatchObject({ code: 40160 });
    },
  );

  test.each(ways)('[DM71] %s %s gives nobody the name they ask for', async (file, route) => {
    const url = new URL(urlOf(file, route));
    url.searchParams.set('clientId', 'ada');
    const client = connect(url.href, 'session-of-ben');
    await client.connection.whenState('connected');
    expect(client.auth.clientId).toBe('ben');
  });

  test.each(ways)('[DM72] %s %s gives no token to a stranger', async (file, route) => {
    const { url } = { url: urlOf(file, route) };
    for (const headers of [{}, { cookie: 'session=guessed' }, { cookie: 'session=ada' }]) {
      const response = await fetch(url, { headers });
      expect(response.status).toBe(401);
      expect(await response.text()).not.toMatch(/eyJ|"mac"|"token"/);
    }
  });

  test('[DM73] an example without a key says what to do', async () => {
    await expect(startExample('express.mjs', { PARVIS_KEY: '' })).rejects.toThrow(/set PARVIS_KEY/);
  });
});

/** What Next does with a route handler: calls its GET with a Request. */
async function mountRoute(file: string): Promise<ExampleServer> {
  const route = await import(new URL(`../../examples/token-server/${file}`, import.meta.url).href);
  const http: Server = createHttpServer(
    toNodeHandler((request) => route.GET(request, { params: Promise.resolve({}) })),
  );
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    async stop() {
      http.closeAllConnections();
      await new Promise((done) => http.close(done));
    },
  };
}
