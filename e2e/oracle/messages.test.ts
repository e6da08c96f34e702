import type { InboundMessage } from 'ably';
import { afterAll, describe, expect, it } from 'vitest';
import { CutProxy } from './cutProxy.ts';
import { inState, startOracle, until, ways } from './harness.ts';

const oracle = await startOracle();
const proxy = await CutProxy.to(oracle.server.port);
afterAll(() => proxy.close());
let count = 0;
const fresh = (name: string) => `${name}-${++count}`;

describe.each(ways)('messages with the official client, %s', (way) => {
  it('[OM1] every kind of payload arrives in the other format as it was sent', async () => {
    const publisher = oracle.realtime(way);
    const subscriber = oracle.realtime(way === 'json' ? 'msgpack' : 'json');
    const name = fresh('payloads');
    const received: InboundMessage[] = [];
    await subscriber.channels.get(name).subscribe((message) => received.push(message));
    const channel = publisher.channels.get(name);
    const payloads = ['text', 'ünïcödé ☃ 😀', '', { a: [1, { b: null }] }, [1, 2], Buffer.from([0, 1, 254, 255])];
    for (const data of payloads) await channel.publish('event', data);
    await channel.publish('nothing', undefined);
    await until('all messages', () => received.length === payloads.length + 1);
    expect(received.slice(0, 5).map(({ data }) => data)).toEqual(payloads.slice(0, 5));
    expect(Buffer.from(received[5]?.data)).toEqual(payloads[5]);
    expect(received[6]?.data).toBeUndefined();
    expect(received.every(({ id, timestamp, serial }) => id && timestamp && serial)).toBe(true);
  });

  it('[OM2] publish resolves with the serials the subscribers see', async () => {
    const client = oracle.realtime(way);
    const channel = client.channels.get(fresh('serials'));
    const received: (string | undefined)[] = [];
    await channel.subscribe((message) => received.push(message.serial));
    const result = (await channel.publish([{ data: 'a' }, { data: 'b' }])) as unknown as { serials: string[] };
    await until('both', () => received.length === 2);
    expect(result.serials).toEqual(received);
  });

  it('[OM3] a message published three times under one id arrives once', async () => {
    const channel = oracle.realtime(way).channels.get(fresh('once'));
    const received: unknown[] = [];
    await channel.subscribe((message) => received.push(message.data));
    for (let i = 0; i < 3; i++) await channel.publish({ id: 'some_msg_id', data: String(i) });
    await channel.publish('last', 'last');
    await until('the last', () => received.includes('last'));
    expect(received).toEqual(['0', 'last']);
  });

  it('[OM4] history reads back what was published at once, in both directions and page by page', async () => {
    const client = oracle.realtime(way, { clientId: 'ada' });
    const channel = client.channels.get(fresh('history'));
    await channel.attach();
    for (let i = 0; i < 5; i++) await channel.publish('n', { i });
    const texts: unknown[] = [];
    let page = await channel.history({ limit: 2 });
    for (;;) {
      texts.push(...page.items.map(({ data }) => data.i));
      expect(
        page.items.every(({ clientId, connectionId }) => clientId === 'ada' && connectionId === client.connection.id),
      ).toBe(true);
      const next = await page.next();
      if (next === null) break;
      page = next;
    }
    expect(texts).toEqual([4, 3, 2, 1, 0]);
    const forwards = await channel.history({ direction: 'forwards' });
    expect(forwards.items.map(({ data }) => data.i)).toEqual([0, 1, 2, 3, 4]);
    expect((await forwards.current()).items.length).toBe(5);
    expect(forwards.hasNext()).toBe(false);
  });

  it('[OM5] history until attach and live messages make one whole', async () => {
    const name = fresh('whole');
    const publisher = oracle.realtime(way);
    const source = publisher.channels.get(name);
    let stop = false;
    let sent = 0;
    const flood = (async () => {
      while (!stop) await source.publish('n', String(sent++));
    })();
    await until('some history', () => sent > 20);
    const channel = oracle.realtime(way).channels.get(name);
    const live: number[] = [];
    await channel.subscribe((message) => live.push(Number(message.data)));
    await until('some live messages', () => live.length > 20);
    stop = true;
    await flood;
    const before: number[] = [];
    let page = await channel.history({ untilAttach: true, limit: 1000 });
    for (;;) {
      before.push(...page.items.map(({ data }) => Number(data)));
      const next = await page.next();
      if (next === null) break;
      page = next;
    }
    await until('the last message', () => live.at(-1) === sent - 1);
    expect([...before.reverse(), ...live]).toEqual(Array.from({ length: sent }, (_, i) => i));
  });

  it('[OM6] a cut subscriber gets every message once and in order', async () => {
    const name = fresh('cut');
    const subscriber = oracle.realtime(way, { port: proxy.port });
    const received: number[] = [];
    const channel = subscriber.channels.get(name);
    await channel.subscribe((message) => received.push(Number(message.data)));
    const updates: unknown[] = [];
    channel.on('update', (change) => updates.push(change));
    const source = oracle.realtime(way).channels.get(name);
    for (let i = 0; i < 50; i++) {
      if (i === 20) proxy.cut();
      await source.publish('n', String(i));
    }
    await until('all messages', () => received.length >= 50);
    expect(received).toEqual(Array.from({ length: 50 }, (_, i) => i));
    expect(updates).toEqual([]);
    expect(channel.state).toBe('attached');
  });

  it('[OM7] a token that expires is renewed and nothing is lost', async () => {
    const name = fresh('expiry');
    let tokens = 0;
    const client = oracle.realtime(way, {
      authCallback: (_params, callback) => {
        tokens += 1;
        callback(null, oracle.jwt({ 'x-ably-clientId': 'ada' }, { expiresInS: 2 }));
      },
    });
    const received: number[] = [];
    await client.channels.get(name).subscribe((message) => received.push(Number(message.data)));
    const { id } = client.connection;
    const reasons: (number | undefined)[] = [];
    client.connection.on('disconnected', ({ reason }) => reasons.push(reason?.code));
    const source = oracle.realtime(way).channels.get(name);
    for (let i = 0; reasons.length === 0 || client.connection.state !== 'connected'; i++)
      await source.publish('n', String(i));
    await source.publish('n', '-1');
    await until('the last', () => received.at(-1) === -1);
    expect(reasons[0]).toBe(40142);
    expect(tokens).toBeGreaterThan(1);
    expect(client.connection.id).toBe(id);
    expect(received.slice(0, -1)).toEqual(Array.from({ length: received.length - 1 }, (_, i) => i));
  });

  it('[OM8] rewind replays the last messages to a new attach', async () => {
    const name = fresh('rewind');
    const source = oracle.rest(way).channels.get(name);
    for (const data of ['a', 'b', 'c']) await source.publish('n', data);
    const channel = oracle.realtime(way).channels.get(name, { params: { rewind: '2' } });
    const received: unknown[] = [];
    await channel.subscribe((message) => received.push(message.data));
    await until('both', () => received.length === 2);
    expect(received).toEqual(['b', 'c']);
    expect(channel.params).toEqual({ rewind: '2' });
  });

  it('[OM9] modes and params come back as granted', async () => {
    const channel = oracle.realtime(way).channels.get(fresh('modes'), { modes: ['SUBSCRIBE', 'PRESENCE'] });
    await channel.attach();
    expect([...(channel.modes ?? [])].sort()).toEqual(['presence', 'subscribe']);
    await channel.setOptions({ modes: ['PUBLISH'] });
    expect(channel.modes).toEqual(['publish']);
  });

  it('[OM10] a forced NACK rejects the publish', async () => {
    const channel = oracle.realtime(way).channels.get(fresh('nack'));
    await expect(channel.publish({ data: 'x' }, { _forceNack: 'true' })).rejects.toMatchObject({ code: 40099 });
  });

  it('[OM11] a bad channel name fails the channel with 40010 and leaves the connection alone', async () => {
    const client = oracle.realtime(way);
    const channel = client.channels.get(':hell');
    await expect(channel.attach()).rejects.toMatchObject({ code: 40010 });
    expect(channel.state).toBe('failed');
    await inState(client.connection, 'connected');
  });
});
