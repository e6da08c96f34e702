import type { ClientOptions, Realtime } from 'ably';
import { describe, expect, it } from 'vitest';
import { inState, startOracle, until, type Way, ways } from './harness.ts';

const oracle = await startOracle();
let count = 0;
const fresh = (name: string) => `${name}-${++count}`;
const polling: Partial<ClientOptions> = { transportParams: { stream: 'false' } };
const pairs: [from: Way, to: Way][] = [
  ['json', 'comet'],
  ['msgpack', 'comet'],
  ['comet', 'json'],
  ['comet', 'msgpack'],
];

describe('one connection over several transports', () => {
  it.each(pairs)('[CM13] it goes on from %s to %s under its id, and misses nothing', async (from, to) => {
    const name = fresh('moved');
    const first = oracle.realtime(from, { clientId: 'ada' });
    const before: unknown[] = [];
    await first.channels.get(name).subscribe((message) => before.push(message.data));
    await first.channels.get(name).presence.enter('here');
    const source = oracle.rest('json').channels.get(name);
    await source.publish('n', 'before');
    await until('the first message', () => before.length === 1);
    const { id } = first.connection;
    const recoveryKey = first.connection.createRecoveryKey() ?? '';
    const second = oracle.realtime(to, { clientId: 'ada', recover: recoveryKey });
    await inState(second.connection, 'connected');
    expect(second.connection.id).toBe(id);
    await source.publish('n', 'between');
    const after: unknown[] = [];
    await second.channels.get(name).subscribe((message) => after.push(message.data));
    await source.publish('n', 'after');
    await until('both messages', () => after.length === 2);
    expect(after).toEqual(['between', 'after']);
    const members = await oracle.realtime('json').channels.get(name).presence.get();
    expect(members.map(({ clientId, connectionId }) => [clientId, connectionId])).toEqual([['ada', id]]);
    first.close();
  });

  it.each(ways)('[CM21] a client that polls and one over %s hear each other', async (way) => {
    const name = fresh('polled');
    const poller = oracle.realtime('comet', { ...polling, clientId: 'poller' });
    const other = oracle.realtime(way, { clientId: 'other' });
    const heard = new Map<Realtime, unknown[]>();
    for (const client of [poller, other]) {
      const texts: unknown[] = [];
      heard.set(client, texts);
      await client.channels.get(name).subscribe((message) => texts.push(message.data));
    }
    for (let i = 0; i < 20; i++) {
      for (const client of [poller, other]) await client.channels.get(name).publish('n', `ünï ☃ ${i}`);
    }
    for (const texts of heard.values()) {
      await until('all messages', () => texts.length === 40);
      expect(texts).toEqual(Array.from({ length: 40 }, (_, i) => `ünï ☃ ${i >> 1}`));
    }
    const entered: unknown[] = [];
    await other.channels.get(name).presence.subscribe(({ clientId, data }) => entered.push([clientId, data]));
    await poller.channels.get(name).presence.enter('in');
    await until('the member', () => entered.length > 0);
    expect(entered).toEqual([['poller', 'in']]);
    expect(await poller.connection.ping()).toBeGreaterThanOrEqual(0);
    poller.close();
    await inState(poller.connection, 'closed');
  });

  it('[CM21] a client that publishes faster than its sends are answered has all of it acknowledged, in order', async () => {
    const channel = oracle.realtime('comet').channels.get(fresh('fast'));
    const received: number[] = [];
    await channel.subscribe((message) => received.push(Number(message.data)));
    await Promise.all(Array.from({ length: 2_000 }, (_, i) => channel.publish('n', String(i))));
    await until('all messages', () => received.length === 2_000);
    expect(received).toEqual(Array.from({ length: 2_000 }, (_, i) => i));
  });

  it('[CM2] many megabytes that pile up behind one send leave with the next, and each message is acknowledged', async () => {
    const client = oracle.realtime('comet', { echoMessages: false });
    const channel = client.channels.get(fresh('pile'));
    await channel.attach();
    const results = await Promise.all(
      Array.from({ length: 300 }, (_, i) => channel.publish('n', `${i}`.padEnd(60_000))),
    );
    expect(results).toHaveLength(300);
    expect(client.connection.state).toBe('connected');
    const [last] = (await channel.history({ limit: 1 })).items;
    expect(Number(last?.data)).toBe(299);
  });

  it('[CM14] a client over comet renews its token while it goes on, many times', async () => {
    let tokens = 0;
    const client = oracle.realtime('comet', {
      authCallback: (_params, callback) => {
        tokens += 1;
        callback(null, oracle.jwt({ 'x-ably-clientId': 'ada' }));
      },
    });
    await inState(client.connection, 'connected');
    const { id } = client.connection;
    const states: string[] = [];
    client.connection.on((change) => states.push(change.current));
    const channel = client.channels.get(fresh('renewed'));
    for (let i = 0; i < 5; i++) {
      await client.auth.authorize();
      await channel.publish('n', String(i));
    }
    expect(tokens).toBe(6);
    expect(client.connection.id).toBe(id);
    expect(new Set(states)).toEqual(new Set(['connected']));
  });
});
