import { verifyJwt } from '@parvis/auth';
import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, type TestServer, testServer } from '../../test/testServer.ts';

const visitor = 'visitor-of-one-window-0123456789';

async function clientIdOf({ get }: TestServer, path = '/api/token', headers: Record<string, string> = {}) {
  const answer = await get(path, headers);
  expect(answer.status).toBe(200);
  return (await verifyJwt(await answer.text(), fullKey)).clientId;
}

describe('/api/token of the demo', () => {
  it('[OP39] gives a JWT that connects, under a clientId that the server made', async () => {
    const server = await testServer({ demo: true });
    const answer = await server.get(`/api/token?visitor=${visitor}`);
    expect(answer.headers.get('content-type')).toBe('application/jwt');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const { connectionDetails } = await server.connect(`access_token=${await answer.text()}&v=6`).connected();
    expect(connectionDetails?.clientId).toMatch(/^guest-\w{10}$/);
  });

  it('[OP39] knows a visitor again by a secret, and nobody gets the name of another', async () => {
    const server = await testServer({ demo: true });
    const ada = await clientIdOf(server, `/api/token?visitor=${visitor}`);
    expect(await clientIdOf(server, `/api/token?visitor=${visitor}`)).toBe(ada);
    for (const query of [`visitor=${visitor}x`, `visitor=${ada}`, `clientId=${ada}`, `name=${ada}`, 'visitor=short']) {
      expect(await clientIdOf(server, `/api/token?${query}`)).not.toBe(ada);
    }
    expect(await clientIdOf(server, '/api/token', { cookie: `parvis_visitor=${visitor}` })).not.toBe(ada);
  });

  it('[OP39] knows a visitor without one by a cookie that no page can read and no other site can use', async () => {
    const server = await testServer({ demo: true });
    const { headers } = await server.get('/api/token');
    const [cookie = '', ...rules] = (headers.get('set-cookie') ?? '').split('; ');
    expect(rules).toEqual(['Path=/api/token', 'HttpOnly', 'SameSite=Strict']);
    const name = await clientIdOf(server, '/api/token', { cookie });
    expect(await clientIdOf(server, '/api/token', { cookie: `other=1; ${cookie}` })).toBe(name);
    expect((await server.get('/api/token', { cookie })).headers.has('set-cookie')).toBe(false);
    expect(await clientIdOf(server)).not.toBe(name);
  });

  it('[OP39] the cookie lets nobody into the socket or REST: only a token does (attack 50)', async () => {
    const server = await testServer({ demo: true });
    const cookie = (await server.get('/api/token')).headers.get('set-cookie')?.split(';')[0] ?? '';
    expect((await server.get('/channels/a/messages', { cookie })).status).toBe(401);
    const socket = server.connect('v=6', { headers: { cookie, origin: server.url } });
    expect((await socket.message(Action.ERROR)).error?.code).toBe(40101);
  });

  it('[OP39] lets pages of this machine read it, without cookies, and no others', async () => {
    const { get } = await testServer({ demo: true });
    for (const origin of ['null', 'http://localhost:5173', 'http://127.0.0.1', 'http://[::1]:1']) {
      const { headers } = await get('/api/token', { origin });
      expect(headers.get('access-control-allow-origin')).toBe(origin);
      expect(headers.has('access-control-allow-credentials')).toBe(false);
    }
    for (const origin of [
      'https://evil.example',
      'http://localhost.evil.example',
      'http://evil.example:80#localhost',
    ]) {
      expect((await get('/api/token', { origin })).headers.has('access-control-allow-origin')).toBe(false);
    }
  });

  it('[OP39] is not there unless the demo is', async () => {
    const { get } = await testServer();
    expect((await get('/api/token')).status).toBe(404);
  });
});
