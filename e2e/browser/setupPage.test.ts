import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { issueJwt } from '@parvis/auth';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type ExampleServer, startExample } from '../examples/exampleServer.ts';
import { describeInChromium } from './chromium.ts';
import { type DevServer, startDevServer } from './devServer.ts';

vi.setConfig({ testTimeout: 60_000 });

/** The page that a reader of the set-up page writes: it asks its own backend, and enters a space with what it gets. */
const page = (cdn: string) => `<!doctype html>
<title>An application</title>
<script src="${cdn}/cdn/ably.min.js"></script>
<script src="${cdn}/cdn/spaces.js"></script>
<script>
  async function join(route, form) {
    const { hostname: endpoint, port } = new URL(document.scripts[0].src);
    const client = new Ably.Realtime({
      authCallback: async (_, callback) => {
        try {
          const response = await fetch(route);
          callback(null, form === 'json' ? await response.json() : await response.text());
        } catch (error) {
          callback(error, null);
        }
      },
      endpoint, port: Number(port), tls: false, logLevel: 0,
    });
    const outcome = { state: '', code: 0, members: [] };
    try {
      const space = await new Spaces(client).get('board');
      const members = await space.enter({ name: 'Ada' });
      outcome.members = members.map(({ clientId, profileData }) => [clientId, profileData.name]);
    } catch (error) {
      outcome.code = error.code;
    }
    outcome.state = client.connection.state;
    client.close();
    return outcome;
  }
</script>`;

describeInChromium('the set-up page, as a user would write it', (chromium) => {
  let server: DevServer;
  let app: Server;
  const backends = new Map<string, ExampleServer>();

  beforeAll(async () => {
    server = await startDevServer();
    const environment = { PARVIS_KEY: server.key, PARVIS_URL: server.url };
    backends.set('/api/ably-token', await startExample('ably-rest.mjs', environment));
    backends.set('/api/ably-jwt', await startExample('jsonwebtoken.mjs', environment));
    app = createServer((request, response) => void answer(request, response));
    app.listen(0, '127.0.0.1');
    await once(app, 'listening');
  }, 60_000);
  afterAll(async () => {
    for (const backend of backends.values()) await backend.stop();
    app?.close();
    await server?.stop();
  });

  /** The application: its page, and its token routes behind the same origin, so that its cookie reaches them. */
  async function answer({ url = '/', headers }: IncomingMessage, response: ServerResponse): Promise<void> {
    const backend = backends.get(url.split('?')[0] ?? '');
    if (backend) {
      const reply = await fetch(`${backend.url}${url}`, { headers: { cookie: headers.cookie ?? '' } });
      response.writeHead(reply.status).end(await reply.text());
    } else if (url === '/api/anonymous') response.end(await issueJwt({ key: server.key }));
    else if (url === '/') response.setHeader('content-type', 'text/html').end(page(server.url));
    else response.writeHead(404).end();
  }

  async function open(): Promise<Page> {
    const origin = `http://127.0.0.1:${(app.address() as AddressInfo).port}`;
    const opened = await chromium.open(origin);
    await opened.context().addCookies([{ name: 'session', value: 'session-of-ada', url: origin }]);
    return opened;
  }

  const join = (opened: Page, route: string, form: 'json' | 'text') => opened.evaluate(`join('${route}', '${form}')`);

  test.each([
    ['a token request', '/api/ably-token', 'json'],
    ['token details', '/api/ably-token?form=details', 'json'],
    ['a JWT', '/api/ably-jwt', 'text'],
  ] as const)(
    '[DM74] an authCallback that fetches %s enters the space as the signed-in user',
    async (_, route, form) => {
      const outcome = await join(await open(), route, form);
      expect(outcome).toEqual({ state: 'connected', code: 0, members: [['ada', 'Ada']] });
    },
  );

  test('[DM75] with a token that names no client, the space is refused with 40012', async () => {
    expect(await join(await open(), '/api/anonymous', 'text')).toEqual({ state: 'failed', code: 40012, members: [] });
  });
});
