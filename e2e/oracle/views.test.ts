import vcdiff from '@ably/vcdiff-decoder';
import type { InboundMessage, RealtimeChannel } from 'ably';
import * as Ably from 'ably';
import { describe, expect, it } from 'vitest';
import { inState, startOracle, until, type Way, ways } from './harness.ts';

const key = 'views.key1:a-secret-that-is-long-enough';
const oracle = await startOracle({
  apps: [
    {
      id: 'views',
      keys: [{ key, capability: { '[*]*': ['*'] } }],
      namespaces: [
        { id: 'batched', batchingInterval: 100 },
        { id: 'conflated', conflationInterval: 100, conflationKey: 'headers.market' },
      ],
      maxPresenceMembers: 2_000,
    },
  ],
});
let count = 0;
const fresh = (name: string) => `${name}-${++count}`;

/** The official decoder, and how often it was asked. */
function countingDecoder() {
  const plugin = {
    calls: 0,
    decode(delta: Uint8Array, base: Uint8Array) {
      plugin.calls += 1;
      return vcdiff.decode(delta, base);
    },
  };
  return plugin;
}

const realtime = (way: Way, more: Partial<Ably.ClientOptions> = {}) => oracle.realtime(way, { key, ...more });
const deltas = { params: { delta: 'vcdiff' } };

async function collect(channel: RealtimeChannel): Promise<InboundMessage[]> {
  const received: InboundMessage[] = [];
  await channel.subscribe((message) => received.push(message));
  return received;
}

describe.each(ways)('deltas with the official client and its decoder, %s', (way) => {
  it('[DL20] objects, text and bytes arrive as they were sent, all but the first of each run as deltas', async () => {
    const decoder = countingDecoder();
    const name = fresh('deltas');
    const received = await collect(realtime(way, { plugins: { vcdiff: decoder } }).channels.get(name, deltas));
    const publisher = realtime(way === 'json' ? 'msgpack' : 'json').channels.get(name);
    const objects = [1, 2, 3].map((turn) => ({ turn, list: Array(20).fill('item'), text: 'ünïcödé ☃ 😀' }));
    const texts = [1, 2, 3].map((turn) => `${'some text that stays, '.repeat(4)}${turn} ☃`);
    const bytes = [1, 2, 3].map((turn) => Buffer.from([...Array(200).keys(), turn]));
    for (const data of [...objects, ...texts, ...bytes]) await publisher.publish('event', data);
    await until('all messages', () => received.length === 9);
    expect(received.slice(0, 6).map(({ data }) => data)).toEqual([...objects, ...texts]);
    expect(received.slice(6).map(({ data }) => Buffer.from(data))).toEqual(bytes);
    expect(decoder.calls).toBe(6);
  });

  it('[attack 64] encrypted payloads are sent as they are, and what comes after them still decodes', async () => {
    const decoder = countingDecoder();
    const name = fresh('encrypted');
    const cipher = { key: await Ably.Realtime.Crypto.generateRandomKey(128) };
    const secret = realtime(way, { plugins: { vcdiff: decoder } }).channels.get(name, { ...deltas, cipher });
    const received = await collect(secret);
    const seen = await collect(realtime(way, { plugins: { vcdiff: decoder } }).channels.get(name, deltas));
    const open = realtime(way).channels.get(name);
    const text = (turn: number) => `${'some text that stays, '.repeat(4)}${turn}`;
    await secret.publish('event', text(1));
    await secret.publish('event', text(2));
    await open.publish('event', text(3));
    await open.publish('event', text(4));
    await until('all messages', () => received.length === 4 && seen.length === 4);
    expect(received.map(({ data }) => data)).toEqual([1, 2, 3, 4].map(text));
    expect(seen.slice(2).map(({ data }) => data)).toEqual([3, 4].map(text));
    expect(seen.slice(0, 2).map(({ encoding }) => encoding)).toEqual(Array(2).fill('utf-8/cipher+aes-128-cbc'));
    expect(decoder.calls).toBe(2);
  });

  it('[attack 64] a client that lacks what a delta stands on recovers with a whole message and loses none', async () => {
    let isBroken = false;
    const decoder = {
      decode(delta: Uint8Array, base: Uint8Array) {
        if (!isBroken) return vcdiff.decode(delta, base);
        isBroken = false;
        throw new Error('base is missing');
      },
    };
    const name = fresh('recovery');
    const channel = realtime(way, { plugins: { vcdiff: decoder } }).channels.get(name, deltas);
    const received = await collect(channel);
    const publisher = realtime(way).channels.get(name);
    const text = (turn: number) => `${'some text that stays, '.repeat(4)}${turn}`;
    await publisher.publish('event', text(0));
    await publisher.publish('event', text(1));
    await until('two messages', () => received.length === 2);
    const reasons: (number | undefined)[] = [];
    channel.on('attaching', ({ reason }) => reasons.push(reason?.code));
    isBroken = true;
    for (const turn of [2, 3, 4]) await publisher.publish('event', text(turn));
    await until('all messages', () => received.length === 5);
    expect(received.map(({ data }) => data)).toEqual([0, 1, 2, 3, 4].map(text));
    expect(reasons).toEqual([40018]);
  });

  it('[DL2] without the param none is sent, and with it but no decoder the client says so', async () => {
    const name = fresh('plain');
    const received = await collect(realtime(way).channels.get(name));
    const lacking = realtime(way).channels.get(name, deltas);
    await lacking.attach();
    const publisher = realtime(way).channels.get(name);
    for (const turn of [1, 2]) await publisher.publish('event', `${'some text that stays, '.repeat(4)}${turn}`);
    const { reason } = await inState(lacking, 'failed');
    expect(reason?.code).toBe(40019);
    await until('both', () => received.length === 2);
  });
});

describe.each(ways)('derived channels and qualified names with the official client, %s', (way) => {
  it('[FL10] getDerived gets what passes its filter, beside the channel itself', async () => {
    const name = fresh('market');
    const client = realtime(way);
    const filter = 'name == `"trade"` && headers.price > `100` && starts_with(headers.symbol, \'A\')';
    const derived = await collect(client.channels.getDerived(name, { filter }));
    const plain = client.channels.get(name);
    const all = await collect(plain);
    const trade = (symbol: string, price: number) => ({
      name: 'trade',
      data: symbol,
      extras: { headers: { symbol, price } },
    });
    await plain.publish([trade('ACME', 101), trade('ACME', 99), trade('BOLT', 500)]);
    await plain.publish({ ...trade('AXON', 200), name: 'quote' });
    await plain.publish('trade', 'no headers');
    await plain.publish([trade('AXON', 200)]);
    await until('all messages', () => all.length === 6 && derived.length === 2);
    expect(derived.map(({ data }) => data)).toEqual(['ACME', 'AXON']);
    expect(derived[0]?.id).toBe(all[0]?.id);
    expect(derived[1]?.serial).toBe(all[5]?.serial);
  });

  it('[FL10] it rewinds, resumes with the connection, and refuses to be published on', async () => {
    const name = fresh('rewound');
    const publisher = realtime(way).channels.get(name);
    for (const color of ['red', 'blue', 'red', 'blue']) {
      await publisher.publish({ data: color, extras: { headers: { color } } });
    }
    const client = realtime(way);
    const derived = client.channels.getDerived(`[?rewind=1]${name}`, { filter: "headers.color == 'red'" });
    const received = await collect(derived);
    await until('the rewound message', () => received.length === 1);
    expect(received[0]?.data).toBe('red');
    await expect(derived.publish('event', 'x')).rejects.toMatchObject({ code: 40010 });
    expect(derived.state).toBe('attached');
    const bad = client.channels.getDerived(name, { filter: 'headers.color = red' });
    await expect(bad.attach()).rejects.toMatchObject({ code: 40010 });
  });

  it('[FL10] without the right to derived channels it fails with 40160', async () => {
    const client = oracle.realtime(way);
    const derived = client.channels.getDerived(fresh('denied'), { filter: 'name' });
    await expect(derived.attach()).rejects.toMatchObject({ code: 40160 });
    const named = client.channels.get(`[?rewind=1]${fresh('allowed')}`);
    await named.attach();
  });

  it('[QN10] a name with params is the channel of that name, with members, messages and history', async () => {
    const name = fresh('params');
    const client = realtime(way, { clientId: 'ann' });
    const plain = client.channels.get(name);
    await plain.publish('event', 'first');
    const named = client.channels.get(`[?rewind=1]${name}`);
    const received = await collect(named);
    await until('the rewound message', () => received.length === 1);
    await named.presence.enter('here');
    expect((await plain.presence.get()).map(({ data }) => data)).toEqual(['here']);
    await named.publish('event', 'second');
    await until('the second', () => received.length === 2);
    const { items } = await named.history();
    expect(items.map(({ data }) => data)).toEqual(['second', 'first']);
    await expect(client.channels.get(`[odd]${name}`).attach()).rejects.toMatchObject({ code: 40010 });
  });
});

describe.each(ways)('batches with the official client, %s', (way) => {
  it('[BT7] messages of a namespace with batches arrive together, each as it was published', async () => {
    const name = fresh('batched:a');
    const received = await collect(realtime(way).channels.get(name));
    const publisher = realtime(way, { clientId: 'ann' }).channels.get(name);
    const published = await Promise.all([1, 2, 3, 4].map((turn) => publisher.publish(`event${turn}`, { turn })));
    await until('all messages', () => received.length === 4);
    expect(received.map(({ name: event, data, clientId }) => [event, data.turn, clientId])).toEqual(
      [1, 2, 3, 4].map((turn) => [`event${turn}`, turn, 'ann']),
    );
    expect(new Set(received.map(({ id }) => id)).size).toBe(4);
    expect(published).toHaveLength(4);
  });

  it('[BT7] a namespace that conflates sends the last message of each key', async () => {
    const name = fresh('conflated:a');
    const received = await collect(realtime(way).channels.get(name));
    const publisher = realtime(way).channels.get(name);
    const quote = (market: string, data: string) => ({ data, extras: { headers: { market } } });
    await publisher.publish([quote('x', 'x1'), quote('y', 'y1'), quote('x', 'x2')]);
    await until('both', () => received.length === 2);
    expect(received.map(({ data }) => data)).toEqual(['y1', 'x2']);
  });
});

describe.each(ways)('large presence sets with the official client, %s', (way) => {
  it('[PR22] a client that attaches sees all of 1,200 members, and sees them leave', async () => {
    const name = fresh('crowd');
    const crowd = realtime(way);
    const entered = crowd.channels.get(name);
    await entered.attach();
    const names = Array.from({ length: 1_200 }, (_, index) => `member-${index}`);
    await Promise.all(
      names.map((clientId) => entered.presence.enterClient(clientId, { clientId, text: 'x'.repeat(200) })),
    );
    const channel = realtime(way).channels.get(name);
    await channel.attach();
    const members = await channel.presence.get();
    expect(members.map(({ clientId }) => clientId).sort()).toEqual([...names].sort());
    expect(members.every(({ clientId, data }) => data.clientId === clientId)).toBe(true);
    let left = 0;
    await channel.presence.subscribe('leave', () => {
      left += 1;
    });
    await entered.detach();
    await until('all to leave', () => left === 1_200);
    expect(await channel.presence.get()).toEqual([]);
  });
});
