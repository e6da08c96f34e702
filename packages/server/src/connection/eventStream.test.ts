import { issueJwt } from '@parvis/auth';
import { Action } from '@parvis/protocol';
import { createFakeClock } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import { StreamReader } from '../../test/streamReader.ts';
import { fullKey, type TestServer, testServer } from '../../test/testServer.ts';

const patience = { timeout: 10_000, interval: 20 };
const paths = ['/sse', '/event-stream'] as const;
const open = ({ url }: TestServer, query: Record<string, string>, path: string = '/sse', headers = {}) =>
  StreamReader.open(url, `${path}?${new URLSearchParams({ key: fullKey, v: '1.2', ...query })}`, headers);

async function publish({ url }: TestServer, channel: string, ...data: unknown[]): Promise<void> {
  const { status } = await fetch(`${url}/channels/${encodeURIComponent(channel)}/messages?key=${fullKey}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(data.map((each) => ({ name: 'n', data: each }))),
  });
  expect(status).toBe(201);
}

/** Data of the messages of a stream, out of their envelopes. */
const payloads = (reader: StreamReader) => reader.data().map((text) => JSON.parse(text).data);

/** Opens, and waits until what is published comes: a stream has begun before its channels are open. */
async function listening(server: TestServer, query: Record<string, string>, path?: string): Promise<StreamReader> {
  const reader = await open(server, query, path);
  const before = server.url;
  for (const channel of (query.channels ?? query.channel ?? '').split(query.separator ?? ',')) {
    const name = channel.replace(/^\[[^\]]*\]/, '');
    const known = reader.events.length;
    for (let i = 0; reader.events.length === known; i++) {
      expect(i).toBeLessThan(200);
      await publish({ ...server, url: before }, name, 'probe');
    }
  }
  return reader;
}

describe.each(paths)('%s', (path) => {
  it('[SE1] a stream begins at once, and brings whole messages with the name of their channel', async () => {
    const server = await testServer();
    const reader = await open(server, { channels: 'a,b:c', rewind: '1' }, path);
    expect(reader.status).toBe(200);
    expect(reader.response.headers).toMatchObject({
      'content-type': path === '/sse' ? 'text/event-stream' : 'application/json',
      'x-accel-buffering': 'no',
    });
    expect(reader.response.headers['cache-control']).toContain('no-cache');
    await publish(server, 'b:c', 'first');
    await reader.some(1);
    await publish(server, 'a', 'ünï\nline ☃', { x: [1] });
    const [first, second, third] = (await reader.some(3)).map((text) => JSON.parse(text));
    expect(first).toMatchObject({ channel: 'b:c', name: 'n', data: 'first' });
    expect(second).toMatchObject({ channel: 'a', data: 'ünï\nline ☃' });
    expect(third).toMatchObject({ channel: 'a', data: '{"x":[1]}', encoding: 'json' });
    for (const message of [first, second, third]) {
      expect(message.id).toMatch(/:\d$/);
      expect(message.timestamp).toBeTypeOf('number');
      expect(message.serial).toBeTypeOf('string');
    }
    expect(reader.events.every(({ id }) => id !== undefined)).toBe(true);
  });

  it('[SE2] not enveloped, the payload is all there is', async () => {
    const server = await testServer();
    for (const data of ['text', 'two\nlines', { x: 1 }]) await publish(server, 'a', data);
    const reader = await open(server, { channel: 'a', rewind: '10', enveloped: 'false' }, path);
    const texts = await reader.some(3);
    const plain = path === '/sse' ? texts : texts.map((text) => JSON.parse(text));
    expect(plain).toEqual(['text', 'two\nlines', '{"x":1}']);
  });

  it('[SE3] silence is filled with comments or empty lines, or with events for who asks for them', async () => {
    const clock = createFakeClock();
    const server = await testServer({ clock });
    const quiet = await open(server, { channels: 'a' }, path);
    const beating = await open(server, { channels: 'a', heartbeats: 'true' }, path);
    clock.advance(15_000);
    await quiet.until('a keepalive', () => quiet.keepalives > 0);
    await beating.some(1, 'heartbeat');
    expect(quiet.events).toEqual([]);
    expect(beating.keepalives).toBe(0);
  });

  it('[SE4] from any event a stream goes on behind it, on all its channels, without a gap or a repeat', async () => {
    const server = await testServer();
    const query = { channels: 'a,b' };
    const reader = await listening(server, query, path);
    await publish(server, 'a', '1', '2', '3');
    await publish(server, 'b', '4');
    await publish(server, 'a', '5', '6');
    await publish(server, 'b', '7');
    await reader.until('all', () => payloads(reader).includes('7'));
    const all = payloads(reader).filter((data) => data !== 'probe');
    expect(all).toEqual(['1', '2', '3', '4', '5', '6', '7']);
    for (const [at, { id = '' }] of reader.events.slice(-7).entries()) {
      const again = await open(server, { ...query, lastEvent: id }, path);
      await again.some(6 - at);
      expect(payloads(again).sort()).toEqual(all.slice(at + 1).sort());
      expect(again.data('error')).toEqual([]);
    }
  });

  it('[SE6] what may not be read is refused before anything is sent, with a status and 40160', async () => {
    const narrow = 'app.narrow:nrrw-secret-nrrw-secret-nrrw-secret';
    const keys = [fullKey, { key: narrow, capability: { 'open:*': ['subscribe'], 'closed:*': ['publish'] } }];
    const server = await testServer({ keys });
    expect((await open(server, { key: narrow, channels: 'open:a' }, path)).status).toBe(200);
    for (const channels of ['closed:a', 'open:a,closed:a', '[?modes=publish]closed:a']) {
      const refused = await open(server, { key: narrow, channels }, path);
      expect(refused.status).toBe(401);
      expect(refused.response.headers['x-ably-errorcode']).toBe('40160');
      expect(await refused.body()).toMatchObject({ error: { code: 40160, statusCode: 401 } });
    }
  });

  it('[SE7] a token that expires ends the stream with an error event, one that has expired is refused', async () => {
    const clock = createFakeClock();
    const server = await testServer({ clock });
    const token = await issueJwt({ key: fullKey, now: clock.now(), ttlMs: 30_000 });
    const query = new URLSearchParams({ access_token: token, v: '1.2', channels: 'a' });
    const reader = await StreamReader.open(server.url, `${path}?${query}`);
    clock.advance(29_000);
    expect(reader.data('error')).toEqual([]);
    clock.advance(1_000);
    await reader.closed;
    expect(reader.data('error').map((text) => JSON.parse(text))).toMatchObject([{ code: 40142, statusCode: 401 }]);
    const late = await StreamReader.open(server.url, `${path}?${query}`);
    expect(late.status).toBe(401);
    expect(await late.body()).toMatchObject({ error: { code: 40142 } });
  });
});

describe('streams', () => {
  it('[SE1] /event-stream gives events to who accepts them', async () => {
    const server = await testServer();
    const reader = await open(server, { channels: 'a' }, '/event-stream', { accept: 'text/event-stream' });
    expect(reader.response.headers['content-type']).toBe('text/event-stream');
  });

  it.each([
    ['no version', '/sse?channels=a', 400, 40017],
    ['a version that is none', '/sse?channels=a&v=latest', 400, 40017],
    ['no channels', '/sse?v=1.2', 400, 40003],
    ['an empty list', '/sse?v=1.2&channels=', 400, 40003],
    ['an empty name', '/sse?v=1.2&channels=a,', 400, 40010],
    ['a bad name', '/sse?v=1.2&channels=:a', 400, 40010],
    ['a bad rewind', '/sse?v=1.2&channels=a&rewind=x', 400, 40000],
    ['more channels than may be', `/sse?v=1.2&channels=${Array.from({ length: 201 }, (_, i) => i)}`, 400, 90010],
  ])('[SE8] %s is refused', async (_title, path, status, code) => {
    const server = await testServer();
    const refused = await StreamReader.open(server.url, `${path}&key=${fullKey}`);
    expect(refused.status).toBe(status);
    expect(refused.response.headers['content-type']).toBe('application/json');
    expect((await refused.body()).error).toMatchObject({ code, statusCode: status });
  });

  it('[SE9] credentials come in the query or in the header, as key or token', async () => {
    const server = await testServer();
    const token = await issueJwt({ key: fullKey, now: Date.now(), ttlMs: 30_000 });
    const path = '/sse?v=1.2&channels=a';
    const shown: [query: string, headers: Record<string, string>, status: number][] = [
      [`&key=${fullKey}`, {}, 200],
      [`&accessToken=${token}`, {}, 200],
      [`&access_token=${token}`, {}, 200],
      ['', { authorization: `Basic ${btoa(fullKey)}` }, 200],
      ['', { authorization: `Bearer ${token}` }, 200],
      ['', { authorization: `Bearer ${btoa(token)}` }, 200],
      ['', {}, 401],
      ['&key=app.full:wrong-secret-wrong-secret', {}, 401],
      ['', { authorization: 'Bearer x.y.z' }, 401],
    ];
    for (const [query, headers, status] of shown) {
      expect((await StreamReader.open(server.url, path + query, headers)).status).toBe(status);
    }
  });

  it('[SE10] the header of a browser that comes back counts before the address it repeats', async () => {
    const server = await testServer();
    const reader = await listening(server, { channels: 'a' });
    await publish(server, 'a', '1');
    await publish(server, 'a', '2');
    await publish(server, 'a', '3');
    await reader.until('the last', () => payloads(reader).includes('3'));
    const ids = reader.events.slice(-3).map(({ id = '' }) => id);
    const again = await open(server, { channels: 'a', lastEvent: ids[0] ?? '' }, '/sse', { 'last-event-id': ids[1] });
    await again.some(1);
    expect(payloads(again)).toEqual(['3']);
  });

  it('[SE5] an id that is none, or of another log, is told by an error of each channel, and the stream goes on from now', async () => {
    const server = await testServer();
    await publish(server, 'a', 'before');
    for (const lastEvent of ['garbage', '0'.repeat(5_000)]) {
      const reader = await open(server, { channels: 'a,b', lastEvent });
      const told = (await reader.some(2, 'error')).map((text) => JSON.parse(text));
      expect(told).toMatchObject([
        { code: 90005, channel: 'a' },
        { code: 90005, channel: 'b' },
      ]);
      await publish(server, 'a', 'after');
      await reader.some(1);
      expect(payloads(reader)).toEqual(['after']);
      await reader.leave();
    }
  });

  it('[SE11] rewind is for those who come new, and a qualifier says more than the stream', async () => {
    const server = await testServer();
    for (const channel of ['a', 'b', 'c']) for (const i of [1, 2, 3]) await publish(server, channel, `${channel}${i}`);
    const reader = await open(server, { channels: '[?rewind=0]a|b|[?rewind=2]c', separator: '|', rewind: '1' });
    await reader.some(3);
    expect(payloads(reader)).toEqual(['b3', 'c2', 'c3']);
    expect(JSON.parse(reader.data()[2] ?? '').channel).toBe('[?rewind=2]c');
    await publish(server, 'b', 'b4');
    await reader.some(4);
    for (const [at, rest] of [
      ['c2', ['b4', 'c3']],
      ['c3', ['b4']],
    ].entries()) {
      const id = reader.events[at + 1]?.id ?? '';
      const again = await open(server, { channels: 'b,c', lastEvent: id, rewind: '3' });
      await again.some(rest[1]?.length ?? 0);
      expect(payloads(again).sort()).toEqual(rest[1]);
    }
  });

  it('[SE11] within the first entry that is rewound there is no place to go on from', async () => {
    const server = await testServer();
    await publish(server, 'a', '1', '2', '3');
    const reader = await open(server, { channels: 'a', rewind: '3' });
    await reader.some(3);
    expect(reader.events.map(({ id }) => id !== undefined)).toEqual([false, false, true]);
  });

  it('[SE12] members come as presence events: who is there, and who comes and goes', async () => {
    const server = await testServer();
    const member = server.connect(`key=${fullKey}&v=6&clientId=ada`);
    await member.connected();
    member.send({ action: Action.ATTACH, channel: 'room' });
    const enter = (action: number, msgSerial: number) =>
      member.send({ action: Action.PRESENCE, channel: 'room', msgSerial, presence: [{ action, data: 'here' }] });
    enter(2, 0);
    await member.message(Action.ACK);
    const reader = await open(server, { channels: 'room' });
    await reader.some(1, 'presence');
    enter(3, 1);
    const events = (await reader.some(2, 'presence')).map((text) => JSON.parse(text));
    expect(events).toMatchObject([
      { action: 1, clientId: 'ada', channel: 'room', data: 'here' },
      { action: 3, clientId: 'ada', channel: 'room' },
    ]);
    for (const { id, connectionId, timestamp } of events) {
      expect(id).toContain(connectionId);
      expect(timestamp).toBeTypeOf('number');
    }
  });

  it('[SE18] a token that is revoked ends its streams with 40141, and no others', async () => {
    const key = 'app.revocable:rvoc-secret-rvoc-secret-rvoc-secret';
    const server = await testServer({ keys: [fullKey, { key, revocableTokens: true }] });
    const readers: StreamReader[] = [];
    for (const clientId of ['ada', 'ben']) {
      const token = await issueJwt({ key, now: Date.now(), ttlMs: 60_000, clientId });
      const query = new URLSearchParams({ access_token: token, v: '1.2', channels: 'a' });
      readers.push(await StreamReader.open(server.url, `/sse?${query}`));
    }
    const [ada, ben] = readers;
    const revoked = await fetch(`${server.url}/keys/app.revocable/revokeTokens?key=${key}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ targets: ['clientId:ada'] }),
    });
    expect(revoked.ok).toBe(true);
    await ada?.closed;
    expect(ada?.data('error').map((text) => JSON.parse(text).code)).toEqual([40141]);
    await publish(server, 'a', 'still');
    await ben?.some(1);
    expect(ben?.data('error')).toEqual([]);
  });

  it('[SE13] streams are counted by app, and one that is left is counted no more', async () => {
    const server = await testServer();
    const gauge = async () =>
      /^parvis_streams\{app="app"\} (.*)$/m.exec(await (await server.get('/metrics')).text())?.[1];
    const readers = [await open(server, { channels: 'a' }), await open(server, { channels: 'a,b' })];
    expect(await gauge()).toBe('2');
    await readers[0]?.leave();
    await expect.poll(gauge, patience).toBe('1');
    await readers[1]?.leave();
    await expect.poll(gauge, patience).toBeUndefined();
  });

  it('[SE14] a server that stops says so to its streams and ends them, and lets in no more', async () => {
    const server = await testServer();
    const reader = await listening(server, { channels: 'a' });
    await server.server.stop({ drainMs: 0 });
    await reader.closed;
    expect(reader.data('error').map((text) => JSON.parse(text).code)).toEqual([80003]);
  });

  it('[SE15] pages of allowed origins alone may read', async () => {
    const server = await testServer({ allowedOrigins: ['https://app.example'] });
    const evil = await open(server, { channels: 'a' }, '/sse', { origin: 'https://evil.example' });
    expect(evil.status).toBe(403);
    expect(evil.response.headers['access-control-allow-origin']).toBeUndefined();
    const good = await open(server, { channels: 'a' }, '/sse', { origin: 'https://app.example' });
    expect(good.response.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-credentials': 'true',
    });
    const posted = await fetch(`${server.url}/sse?channels=a&v=1.2&key=${fullKey}`, { method: 'POST' });
    expect(posted.status).toBe(405);
  });

  it('[SE16] a reader that does not take what it is sent is told and ended at its budget, others are not', async () => {
    const server = await testServer({
      limits: { softBacklog: 64 * 1024, hardBacklog: 1024 * 1024, maxInboundRate: 0 },
    });
    const slow = await listening(server, { channels: 'busy' });
    const quick = await listening(server, { channels: 'busy' });
    slow.response.pause();
    const count = () => server.log.filter((line) => line.includes('"code":80020')).length;
    let sent = 0;
    for (; count() === 0; sent++) {
      expect(sent).toBeLessThan(2_000);
      await publish(server, 'busy', `${sent}`.padEnd(60_000));
    }
    await quick.until('all', () => payloads(quick).filter((data) => data !== 'probe').length === sent);
    slow.response.resume();
    await slow.closed;
    expect(slow.data('error').map((text) => JSON.parse(text).code)).toEqual([80020]);
    const got = payloads(slow)
      .filter((data) => data !== 'probe')
      .map(Number);
    const again = await open(server, { channels: 'busy', lastEvent: slow.events.findLast(({ id }) => id)?.id ?? '' });
    await again.until('the rest', () => payloads(again).length + got.length === sent);
    expect([...got, ...payloads(again).map(Number)]).toEqual(Array.from({ length: sent }, (_, i) => i));
  });
});
