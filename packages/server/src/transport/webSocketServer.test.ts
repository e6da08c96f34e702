import { once } from 'node:events';
import { connect } from 'node:net';
import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, testServer } from '../../test/testServer.ts';

describe('WebSocket requests', () => {
  it('[OP31] the root opens a connection in the format of the query, JSON unless told', async () => {
    const { connect: open } = await testServer();
    for (const format of ['json', 'msgpack'] as const) {
      const connected = await open(undefined, { format }).connected();
      expect(connected.connectionDetails?.maxFrameSize).toBe(524_288);
    }
  });

  it('[OP33] credentials are judged after the handshake: a bad key opens, is told 40101, and is closed', async () => {
    const { connect: open } = await testServer();
    const socket = open('key=app.full:wrong-secret-wrong-secret&v=6');
    expect((await socket.message(Action.ERROR)).error).toMatchObject({ code: 40101, statusCode: 401 });
    await socket.closed();
    expect(socket.closeCode).toBe(1000);
  });

  it.each(['xml', 'JSON', ''])('[OP33] format %j is told 40000 in JSON, and closed', async (format) => {
    const { connect: open } = await testServer();
    const socket = open(`key=${fullKey}&v=6&format=${format}`);
    expect((await socket.message(Action.ERROR)).error).toMatchObject({ code: 40000, statusCode: 400 });
    await socket.closed();
  });

  it('[OP31] /ws-up opens without credentials, says nothing and ends by itself', async () => {
    const { connect: open } = await testServer();
    const socket = open('', { path: '/ws-up' });
    await once(socket.socket, 'open');
    await socket.closed();
    expect(socket).toMatchObject({ closeCode: 1000, received: [] });
  });

  it.each(['/ws', '/ws-up/', '//', '/channels/a', '/%2f'])('[OP31] %s is no path for a WebSocket', async (path) => {
    const { connect: open } = await testServer();
    const socket = open(undefined, { path });
    await socket.closed();
    expect(socket.refusal).toMatchObject({ statusCode: 404, headers: { 'x-ably-errorcode': '40400' } });
  });

  it('[OP31] an upgrade that is no WebSocket is refused and its socket closed', async () => {
    const { server } = await testServer();
    const socket = connect(server.port, '127.0.0.1');
    let answer = '';
    socket.on('data', (bytes) => (answer += bytes));
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n');
    await once(socket, 'close');
    expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('the allow-list of origins', () => {
  const allowedOrigins = ['https://app.example.com', 'http://localhost:5173'];

  it.each([
    'https://evil.example',
    'null',
    'https://app.example.com.evil.example',
    'https://evil-app.example.com',
    'https://APP.example.com',
    'https://app.example.com:8443',
    'https://app.example.com:443',
    'https://app.example.com/',
    'http://app.example.com',
    'http://localhost',
    '',
  ])('[OP32] %j is refused with 403 and 40300 before the handshake', async (origin) => {
    const { connect: open } = await testServer({ allowedOrigins });
    for (const path of ['/', '/ws-up']) {
      const socket = open(undefined, { origin, path });
      await socket.closed();
      expect(socket.refusal).toMatchObject({ statusCode: 403, headers: { 'x-ably-errorcode': '40300' } });
    }
  });

  it('[OP32] those on it connect, and so does a client without an origin', async () => {
    const { connect: open } = await testServer({ allowedOrigins });
    for (const origin of allowedOrigins) await open(undefined, { origin }).connected();
    await open().connected();
  });

  it('[OP32] without a list every origin may connect: what counts is the token', async () => {
    const { connect: open } = await testServer();
    await open(undefined, { origin: 'https://evil.example' }).connected();
  });
});
