import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, testServer } from '../test/testServer.ts';
import { systemClock } from './clock.ts';
import { createLocalEngine, createMemoryStore, type Engine } from './engine/index.ts';
import { createServer } from './server.ts';

function localEngine(): Engine {
  return createLocalEngine({ store: createMemoryStore(), clock: systemClock });
}

describe('createServer', () => {
  it('[OP30] listens on a free port of loopback and says where', async () => {
    const server = createServer({ port: 0, keys: [fullKey], logLevel: 'silent' });
    const listening = await server.listen();
    expect(listening).toEqual({ host: '127.0.0.1', port: server.port, url: `http://127.0.0.1:${server.port}` });
    expect(server.url).toBe(listening.url);
    expect((await fetch(`${server.url}/time`)).status).toBe(200);
    await server.stop();
    await expect(fetch(`${server.url}/time`)).rejects.toThrow();
    await expect(server.listen()).rejects.toMatchObject({ code: 50004 });
  });

  it('[OP30] tells a wildcard as localhost, and IPv6 in brackets', async () => {
    const { url, server } = await testServer({ host: '::' });
    expect(url).toBe(`http://localhost:${server.port}`);
    expect(createServer({ keys: [fullKey], host: '::1', port: 9, logLevel: 'silent' }).url).toBe('http://[::1]:9');
  });

  it('[OP30] rejects with the error of Node when the port is taken', async () => {
    const { server } = await testServer();
    const second = createServer({ port: server.port, keys: [fullKey], logLevel: 'silent' });
    await expect(second.listen()).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await second.stop();
  });

  it.each([
    [{}, 'no API keys: nobody could connect'],
    [{ keys: [] }, 'no API keys: nobody could connect'],
    [{ keys: ['app.key:'] }, 'API key is not of the form appId.keyId:secret'],
    [{ keys: ['app.key:a'] }, 'is shorter than 16 bytes'],
    [{ apps: [{ id: 'app', keys: ['app.key:a'], namespaces: [] }] }, 'is shorter than 16 bytes'],
    [{ keys: [fullKey], apps: [{ id: 'app', keys: [fullKey] }] }, 'app app is configured twice'],
    [{ keys: [fullKey], keyz: [] }, 'there is no option keyz; did you mean keys?'],
  ])('[OP15] %j is refused at once', (options, message) => {
    expect(() => createServer(options)).toThrow(message);
  });

  it('[OP15] keys with capabilities and apps with namespaces are taken as they are', async () => {
    const { url } = await testServer({
      keys: [{ key: fullKey, capability: { '*': ['subscribe'] } }],
      apps: [
        { id: 'shop', keys: ['shop.key:secret-of-the-shop-s-key'], namespaces: [{ id: 'kept', persisted: true }] },
      ],
    });
    const publish = (key: string) =>
      fetch(`${url}/channels/kept:a/messages`, {
        method: 'POST',
        body: '{"data":"a"}',
        headers: { 'content-type': 'application/json', authorization: `Basic ${btoa(key)}` },
      });
    expect((await publish(fullKey)).headers.get('x-ably-errorcode')).toBe('40160');
    expect((await publish('shop.key:secret-of-the-shop-s-key')).status).toBe(201);
  });
});

describe('stop', () => {
  it('[OP41] is not ready from its first moment, and while it drains tells new clients to go elsewhere', async () => {
    const { server, get, connect } = await testServer();
    const first = connect();
    const second = connect();
    await Promise.all([first.connected(), second.connected()]);
    expect((await get('/readyz')).status).toBe(200);
    // One of the two is told at once, the other at half time.
    const stopped = server.stop({ drainMs: 1_000 });
    expect((await get('/readyz')).status).toBe(503);
    expect((await get('/healthz')).status).toBe(200);
    const late = connect();
    expect((await late.message(Action.DISCONNECTED)).error).toMatchObject({ code: 50004, statusCode: 503 });
    const told = await first.message(Action.DISCONNECTED);
    expect(told.error).toMatchObject({ code: 80003 });
    await second.message(Action.DISCONNECTED);
    await Promise.all([stopped, first.closed(), second.closed(), late.closed()]);
  });

  it('[OP41] finishes a request that is in flight, and closes the engine after it', async () => {
    const engine = localEngine();
    const order: string[] = [];
    let release = () => {};
    const slow: Engine = {
      leaseMs: engine.leaseMs,
      join: (...args) => engine.join(...args),
      part: (...args) => engine.part(...args),
      read: (...args) => engine.read(...args),
      rows: (...args) => engine.rows(...args),
      lease: (...args) => engine.lease(...args),
      ready: () => engine.ready(),
      async append(...args) {
        // Statistics are written by the server itself.
        if (args[0].name.startsWith('[parvis]')) return engine.append(...args);
        order.push('append');
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return engine.append(...args);
      },
      async close() {
        order.push('close');
        await engine.close();
      },
    };
    const { server, url } = await testServer({ engine: slow });
    const answer = fetch(`${url}/channels/a/messages`, {
      method: 'POST',
      body: '{"data":"a"}',
      headers: { 'content-type': 'application/json', authorization: `Basic ${btoa(fullKey)}` },
    }).then(({ status }) => order.push(`answer ${status}`));
    await expect.poll(() => order).toEqual(['append']);
    const stopped = server.stop();
    release();
    await Promise.all([answer, stopped]);
    expect(order).toEqual(['append', 'answer 201', 'close']);
  });

  it('[OP41] ends sockets that do not end themselves, and a second call waits for the same end', async () => {
    const { server, connect } = await testServer();
    const deaf = connect();
    await deaf.connected();
    deaf.socket.pause();
    const [first, second] = [server.stop(), server.stop()];
    expect(first).toBe(second);
    await first;
    deaf.socket.resume();
    await deaf.closed();
  });
});

describe('readiness', () => {
  it('[OP35] is that of the engine, while health is that of the process', async () => {
    const engine = localEngine();
    let ready: () => Promise<boolean> = async () => true;
    const { get } = await testServer({ engine: Object.assign(engine, { ready: () => ready() }) });
    expect((await get('/readyz')).status).toBe(200);
    ready = async () => false;
    expect((await get('/readyz')).status).toBe(503);
    ready = async () => {
      throw new Error('storage is gone');
    };
    expect((await get('/readyz')).status).toBe(503);
    ready = () => new Promise(() => {});
    expect((await get('/readyz')).status).toBe(503);
    const health = await get('/healthz');
    expect([health.status, await health.text()]).toEqual([200, 'ok\n']);
  });
});
