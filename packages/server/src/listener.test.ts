import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { connect, type Socket } from 'node:net';
import { Action } from '@parvis/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { testCertificate } from '../test/testCertificate.ts';
import { fullKey, TestSocket, testServer } from '../test/testServer.ts';
import { settingsOf } from './config.ts';
import { Listener } from './listener.ts';
import { createServer } from './server.ts';

async function opened(port: number, text = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  await once(socket, 'connect');
  if (text !== '') socket.write(text);
  return socket;
}

describe('sockets that have not asked for anything yet', () => {
  it('[OP40] past their bound the oldest makes room, and those that ask are not among them', async () => {
    const events = {
      request: (_request: unknown, response: { end(text: string): void }) => response.end('ok'),
      upgrade() {},
    };
    const listener = new Listener(settingsOf(), events as never, 3);
    const { port } = await listener.listen('127.0.0.1', 0);
    onTestFinished(() => listener.close(0));
    const asking = await opened(port, 'GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(asking, 'data');
    const oldest = await opened(port, 'GET / HTTP/1.1\r\nHo');
    const closed = once(oldest, 'close');
    const others: Socket[] = [];
    for (let i = 0; i < 3; i++) others.push(await opened(port));
    await closed;
    asking.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    await once(asking, 'data');
    expect(others.map((socket) => socket.destroyed)).toEqual([false, false, false]);
    for (const socket of [asking, ...others]) socket.destroy();
  });

  it('[OP40] one that does not finish its headers in time is closed', async () => {
    const { server } = await testServer({ headersTimeoutMs: 100 });
    for (const text of ['', 'GET / HT', 'GET / HTTP/1.1\r\nHost: a\r\n']) {
      await once(await opened(server.port, text), 'close', { signal: AbortSignal.timeout(5_000) });
    }
  });

  it('[OP40] a request with more than 200 headers or 32 KB of them is answered 431', async () => {
    const { get } = await testServer();
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, i) => [`x-${i}`, '1']));
    expect((await get('/time', many)).status).toBe(431);
    expect((await get('/time', { 'x-large': 'x'.repeat(33_000) })).status).toBe(431);
    expect((await get('/time', { 'x-large': 'x'.repeat(20_000) })).status).toBe(200);
  });
});

describe('TLS', () => {
  it('[OP34] is served with a certificate, and lets keys in where plain HTTP does not', async () => {
    const { server, url } = await testServer({ tls: testCertificate(), requireTls: true });
    expect(url).toBe(`https://127.0.0.1:${server.port}`);
    await new TestSocket(`${url}/?key=${fullKey}&v=6`, 'json').connected();
    const call = request(`${url}/channels/a/messages`, {
      agent: new Agent({ rejectUnauthorized: false }),
      auth: fullKey,
    }).end();
    const [answer] = await once(call, 'response');
    answer.resume();
    expect(answer.statusCode).toBe(200);
  });

  it('[OP34] without it a key is refused with 40103 where TLS is required, unless a trusted proxy speaks TLS', async () => {
    const headers = { authorization: `Basic ${Buffer.from(fullKey).toString('base64')}`, 'x-forwarded-proto': 'https' };
    const untrusting = await testServer({ requireTls: true });
    const socket = untrusting.connect();
    expect((await socket.message(Action.ERROR)).error?.code).toBe(40103);
    expect((await untrusting.get('/channels/a/messages', headers)).headers.get('x-ably-errorcode')).toBe('40103');
    const trusting = await testServer({ requireTls: true, trustProxy: true });
    expect((await trusting.get('/channels/a/messages', headers)).status).toBe(200);
    // Only the last word is that of our proxy; what stands before it came from the client.
    const forged = { ...headers, 'x-forwarded-proto': 'https, http' };
    expect((await trusting.get('/channels/a/messages', forged)).headers.get('x-ably-errorcode')).toBe('40103');
  });

  it.each([
    [{ cert: 'x' }, 'parameter tls is not valid: it needs both cert and key'],
    [
      { cert: '/nowhere.pem', key: '/nowhere.pem' },
      'parameter tls.cert is not valid: the file cannot be read (ENOENT)',
    ],
    [{ cert: '-----BEGIN', key: '-----BEGIN' }, 'parameter tls is not valid: the certificate cannot be used'],
  ])('[OP16] %j is refused', (tls, message) => {
    expect(() => createServer({ keys: [fullKey], tls })).toThrow(message);
  });
});
