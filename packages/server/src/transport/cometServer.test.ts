import { Action, type ProtocolMessage } from '@parvis/protocol';
import { createFakeClock } from '@parvis/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type CometAnswer, CometClient } from '../../test/cometClient.ts';
import { fullKey, type TestServer, testServer } from '../../test/testServer.ts';

const patience = { timeout: 10_000, interval: 20 };
const IDLE_MS = 15_000;

/** Connects, and says goodbye when the test is over. */
async function connect({ url }: TestServer, query: Record<string, string> = {}, poll = true): Promise<CometClient> {
  const client = await CometClient.connect(url, { key: fullKey, ...query }, poll);
  onTestFinished(async () => {
    client.rest();
    await client.disconnect().catch(() => {});
    client.cut();
  });
  return client;
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const publishing = (channel: string, msgSerial: number, data = String(msgSerial)): ProtocolMessage => ({
  action: Action.MESSAGE,
  channel,
  msgSerial,
  messages: [{ data }],
});
/** What /metrics says of something. */
async function gauge({ get }: TestServer, name: string): Promise<number> {
  const text = await (await get('/metrics')).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}
const messagesIn = ({ text }: CometAnswer) => JSON.parse(text) as ProtocolMessage[];

describe.each(['false', 'true'])('a comet session with stream=%s', (stream) => {
  it('[CM3] it connects, attaches, publishes, and gets answers and messages from its receiver alone', async () => {
    const client = await connect(await testServer(), { stream });
    expect((await client.message(Action.CONNECTED)).connectionDetails?.connectionKey).toMatch(/^[\w!-]+$/);
    expect(await client.send({ action: Action.ATTACH, channel: 'a' })).toMatchObject({ status: 204, text: '' });
    expect(await client.publish('a', 'ünï ☃', 'b')).toMatchObject({ status: 204, text: '' });
    await client.until('both messages', () => client.data('a').length === 2);
    expect(client.data('a')).toEqual(['ünï ☃', 'b']);
    expect(await client.message(Action.ACK)).toMatchObject({ msgSerial: 0, count: 1 });
    await client.send({ action: Action.HEARTBEAT, id: 'p1' });
    expect(await client.message(Action.HEARTBEAT)).toEqual({ action: Action.HEARTBEAT, id: 'p1' });
  });

  it('[CM4] messages of one send, and of sends at once, are taken in their order', async () => {
    const client = await connect(await testServer(), { stream });
    await client.send({ action: Action.ATTACH, channel: 'a' });
    const sends = upTo(5).map((send) => client.send(...upTo(20).map((i) => publishing('a', 20 * send + i))));
    expect((await Promise.all(sends)).map(({ status }) => status)).toEqual([204, 204, 204, 204, 204]);
    await client.until('all messages', () => client.data('a').length === 100);
    expect(client.all(Action.NACK)).toEqual([]);
    expect(new Set(client.data('a')).size).toBe(100);
    for (const send of upTo(5)) {
      const own = client
        .data('a')
        .map(Number)
        .filter((number) => Math.floor(number / 20) === send);
      expect(own).toEqual(upTo(20).map((i) => 20 * send + i));
    }
  });

  it('[CM6] a second receiver ends the older one with nothing, and gets all from then on', async () => {
    const client = await connect(await testServer(), { stream }, false);
    const { answer } = await client.receiving();
    const before = client.polls.length;
    expect(client.polls.slice(1).flat()).toEqual([]);
    expect(before).toBeGreaterThan(1);
    await client.send({ action: Action.HEARTBEAT, id: 'x' });
    await client.message(Action.HEARTBEAT);
    if (stream === 'false') expect(messagesIn(await answer)).toEqual([{ action: Action.HEARTBEAT, id: 'x' }]);
    expect(client.polls.slice(before)).toEqual([[{ action: Action.HEARTBEAT, id: 'x' }]]);
  });

  it('[CM8] silence is filled with heartbeats, and no response is held for longer than two intervals', async () => {
    const clock = createFakeClock();
    const server = await testServer({ clock });
    const client = await connect(server, { stream }, false);
    const { answer } = await client.receiving();
    clock.advance(IDLE_MS);
    await client.message(Action.HEARTBEAT);
    clock.advance(IDLE_MS);
    expect((await answer).status).toBe(200);
    expect((await client.send({ action: Action.HEARTBEAT })).status).toBe(204);
    const again = await client.receiving();
    // Nothing is flushed within one turn: the response ends by its own time.
    clock.advance(2 * IDLE_MS);
    expect((await again.answer).status).toBe(200);
  });

  it('[CM7] a session that nobody receives from is lost after the interval and 10 s, and can be resumed', async () => {
    const clock = createFakeClock();
    const server = await testServer({ clock });
    const client = await connect(server, { stream }, false);
    if (stream === 'true') clock.advance(2 * IDLE_MS);
    await client.send({ action: Action.HEARTBEAT });
    clock.advance(IDLE_MS + 9_000);
    expect((await client.send({ action: Action.HEARTBEAT })).status).toBe(204);
    clock.advance(2_000);
    const answer = await client.send({ action: Action.HEARTBEAT });
    expect(answer).toMatchObject({ status: 410, headers: { 'x-ably-errorcode': '80022' } });
    const again = await connect(server, { resume: client.connectionKey });
    const connected = await again.message(Action.CONNECTED);
    expect(connected.error).toBeUndefined();
    expect(connected.connectionId).toBe(client.received[0]?.connectionId);
  });

  it('[CM11] close discards the connection, disconnect keeps it for a resume; both end the receiver', async () => {
    const server = await testServer();
    for (const verb of ['close', 'disconnect'] as const) {
      const client = await connect(server, { stream }, false);
      const { answer } = await client.receiving();
      expect(await client[verb]()).toMatchObject({ status: 204 });
      expect((await answer).status).toBe(200);
      expect(client.received.slice(1)).toEqual(verb === 'close' ? [{ action: Action.CLOSED }] : []);
      expect(await client.recv()).toMatchObject({ status: 410, headers: { 'x-ably-errorcode': '80022' } });
      const again = await connect(server, { resume: client.connectionKey });
      const { error } = await again.message(Action.CONNECTED);
      expect(error?.code).toBe(verb === 'close' ? 80008 : undefined);
    }
  });

  it('[CM12] a refused connect is answered with an array that holds the reason, and ends', async () => {
    const server = await testServer();
    const cases: [query: Record<string, string>, action: number, code: number][] = [
      [{ key: 'app.full:wrong-secret-wrong-secret' }, Action.ERROR, 40101],
      [{ key: '' }, Action.ERROR, 40005],
      [{ v: '99' }, Action.ERROR, 40017],
      [{ clientId: '*' }, Action.ERROR, 40012],
    ];
    for (const [query, action, code] of cases) {
      const client = await connect(server, { stream, ...query });
      expect(client.received).toMatchObject([{ action, error: { code } }]);
    }
    const before = (await connect(server, { stream, resume: '_____!ablyjs_test_fake-key____' })).received[0];
    expect(before).toMatchObject({ action: Action.CONNECTED, error: { code: 80018 } });
  });

  it('[CM15] a receiver that breaks is the end of the transport: members stay for their grace period', async () => {
    const clock = createFakeClock();
    const server = await testServer({ clock });
    const watcher = server.connect();
    await watcher.connected();
    watcher.send({ action: Action.ATTACH, channel: 'room' });
    await watcher.message(Action.ATTACHED);
    const client = await connect(server, { stream, clientId: 'ada' });
    await client.send(
      { action: Action.ATTACH, channel: 'room' },
      { action: Action.PRESENCE, channel: 'room', msgSerial: 0, presence: [{ action: 2 }] },
    );
    await watcher.message(Action.PRESENCE);
    await client.message(Action.ACK);
    client.rest();
    await client.receiving();
    client.cut();
    await expect.poll(() => gauge(server, 'parvis_connections'), patience).toBe(1);
    expect(await gauge(server, 'parvis_comet_sessions')).toBe(0);
    clock.advance(14_000);
    expect(watcher.received.filter(({ action }) => action === Action.PRESENCE)).toHaveLength(1);
    clock.advance(2_000);
    await expect
      .poll(() => watcher.received.filter(({ action }) => action === Action.PRESENCE).length, patience)
      .toBe(2);
  });

  it('[CM16] a server that stops sends those who wait elsewhere, and turns new ones away', async () => {
    const server = await testServer();
    const client = await connect(server, { stream }, false);
    await client.receiving();
    const stopped = server.server.stop({ drainMs: 0 });
    expect((await client.message(Action.DISCONNECTED)).error).toMatchObject({ code: 80003 });
    await stopped;
  });
});

describe('comet without a receiver', () => {
  it('[CM5] what comes between two polls waits, whole and in order, and the next poll has it at once', async () => {
    const server = await testServer();
    const client = await connect(server, {}, false);
    const other = await connect(server);
    await client.send({ action: Action.ATTACH, channel: 'a' });
    await client.recv();
    for (const i of upTo(100)) await other.send(publishing('a', i));
    await other.until('all acks', () => other.all(Action.ACK).reduce((sum, { count = 0 }) => sum + count, 0) === 100);
    await client.recv();
    expect(client.data('a').map(Number)).toEqual(upTo(100));
    expect(client.polls.at(-1)).toHaveLength(100);
  });

  it('[CM16] who is told to go elsewhere between two polls learns it with the next, and nobody new is let in', async () => {
    const server = await testServer();
    const client = await connect(server, {}, false);
    const stopped = server.server.stop({ drainMs: 0 });
    const late = await connect(server, {}, false);
    expect(messagesIn(await client.recv())).toMatchObject([{ action: Action.DISCONNECTED, error: { code: 80003 } }]);
    expect(late.received).toMatchObject([{ action: Action.DISCONNECTED, error: { code: 50004, statusCode: 503 } }]);
    await stopped;
  });

  it('[CM19] one that does not poll is given up at its budget, and told so by its next poll', async () => {
    const limits = { softBacklog: 10_000, hardBacklog: 100_000 };
    const server = await testServer({ limits });
    const client = await connect(server, {}, false);
    const other = await connect(server);
    await client.send({ action: Action.ATTACH, channel: 'a' });
    await client.recv();
    for (let i = 0; (await gauge(server, 'parvis_connections')) > 1; i++) {
      expect(i).toBeLessThan(100);
      await other.send(publishing('a', i, 'x'.repeat(5_000)));
    }
    await client.recv();
    expect(client.received.at(-1)).toMatchObject({ action: Action.DISCONNECTED, error: { code: 80020 } });
    expect(JSON.stringify(client.received).length).toBeLessThan(110_000);
  });

  it('[CM19] while it does not poll it keeps the last cursor of each, and gets that in the end', async () => {
    const limits = { softBacklog: 2_000, hardBacklog: 100_000 };
    const server = await testServer({ limits });
    const client = await connect(server, { clientId: 'slow' }, false);
    const other = await connect(server, { clientId: 'quick' });
    await client.send({ action: Action.ATTACH, channel: 'a::$cursors' });
    await client.recv();
    for (const i of upTo(300)) {
      const messages = [{ name: 'c', data: String(i).padEnd(1_000) }];
      await other.send({ action: Action.MESSAGE, channel: 'a::$cursors', msgSerial: i, messages });
    }
    await other.until('all acks', () => other.all(Action.ACK).reduce((sum, { count = 0 }) => sum + count, 0) === 300);
    while (Number(client.data('a::$cursors').at(-1)) !== 299) await client.recv();
    expect(client.data('a::$cursors').length).toBeLessThan(100);
  });
});

describe('what a request for a session must show', () => {
  it('[CM17] a path that is none is 404, a method that does not fit 405, a body that is no array or too long 400 or 413', async () => {
    const server = await testServer({ limits: { maxFrameSize: 1_024 } });
    const client = await connect(server, {}, false);
    const status = async (method: string, path: string) => (await client.ask(method, path, { key: fullKey })).status;
    for (const path of ['', 'x', 'x/y/z', 'connect/recv/x', `${client.connectionKey}/steal`, `${client.connectionKey}`])
      expect(await status('GET', path)).toBe(404);
    expect(await status('POST', 'connect')).toBe(405);
    expect(await status('GET', `${client.connectionKey}/send`)).toBe(405);
    expect(await status('POST', `${client.connectionKey}/recv`)).toBe(405);
    const refused = await client.sendRaw('{"action":0}');
    expect(refused).toMatchObject({ status: 400, headers: { 'x-ably-errorcode': '40000' } });
    const long = await client.sendRaw(`[${' '.repeat(5_000)}]`);
    expect(long).toMatchObject({ status: 413, headers: { 'x-ably-errorcode': '40009' } });
    expect((await client.send({ action: Action.HEARTBEAT })).status).toBe(204);
  });

  it('[CM10] a key that is forged or of another API key is 404 and 80018', async () => {
    const other = 'app.other:othr-secret-othr-secret-othr-secret';
    const server = await testServer({ keys: [fullKey, other] });
    const client = await connect(server, {}, false);
    const key = client.connectionKey;
    const forged = [`${key}x`, key.slice(0, -1), key.replace('!', '-'), 'x', `${key.split('!')[0]}`];
    for (const path of forged) {
      const answer = await client.ask('GET', `${path}/recv`, { key: fullKey });
      expect(answer).toMatchObject({ status: 404, headers: { 'x-ably-errorcode': '80018' } });
    }
    expect(await client.recv({ key: other })).toMatchObject({ status: 404, headers: { 'x-ably-errorcode': '80018' } });
  });

  it('[CM10] the key of a connection that goes on elsewhere is 410 and 80016', async () => {
    const server = await testServer();
    const client = await connect(server, {}, false);
    const newer = await connect(server, { resume: client.connectionKey });
    await newer.message(Action.CONNECTED);
    const [told] = messagesIn(await client.recv());
    expect(told).toMatchObject({ action: Action.DISCONNECTED, error: { code: 80016 } });
    for (const answer of [await client.recv(), await client.send({ action: Action.HEARTBEAT })])
      expect(answer).toMatchObject({ status: 410, headers: { 'x-ably-errorcode': '80016' } });
    const webSocket = server.connect();
    const wsKey = (await webSocket.connected()).connectionDetails?.connectionKey;
    const answer = await client.ask('GET', `${wsKey}/recv`, { key: fullKey });
    expect(answer).toMatchObject({ status: 410, headers: { 'x-ably-errorcode': '80022' } });
  });

  it('[CM18] a page of an origin that is not on the list is refused, one of those on it may read the answer', async () => {
    const server = await testServer({ allowedOrigins: ['https://app.example'] });
    const query = new URLSearchParams({ key: fullKey, v: '6', stream: 'false' });
    const ask = (origin: string) => server.get(`/comet/connect?${query}`, { origin });
    const evil = await ask('https://evil.example');
    expect(evil.status).toBe(403);
    expect(evil.headers.get('access-control-allow-origin')).toBeNull();
    const good = await ask('https://app.example');
    expect(good.headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(good.headers.get('access-control-expose-headers')).toContain('X-Ably-ErrorCode');
    expect(await good.json()).toMatchObject([{ action: Action.CONNECTED }]);
  });
});
