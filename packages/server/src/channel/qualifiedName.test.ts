import { Action, Flag, Mode, type ProtocolMessage } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { Harness, readKey, type TestClient } from '../../test/harness.ts';
import { parseQualifiedName, writableChannel } from './qualifiedName.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const derived = (expression: string, name: string, query = '') => `[filter=${base64(expression)}${query}]${name}`;
const red = derived("headers.color == 'red'", 'room');
const dataOf = (client: TestClient, channel: string) =>
  client
    .all(Action.MESSAGE)
    .filter((frame) => frame.channel === channel)
    .flatMap(({ messages = [] }) => messages.map(({ data }) => data));
const painted = (data: string, color: string) => ({ data, extras: { headers: { color } } });

async function attached(harness: Harness, channel: string, more: Partial<ProtocolMessage> = {}, query = {}) {
  const client = harness.connect(query);
  client.attach(channel, more);
  await harness.settle();
  return client;
}

describe('qualified names', () => {
  it.each([
    ['room:1', 'none', {}, 'room:1', ''],
    ['[?rewind=1&x=y%20z]room:1', 'none', { rewind: '1', x: 'y z' }, 'room:1', ''],
    ['[?]room', 'none', {}, 'room', ''],
    [derived("name == 'é'", 'room'), 'filter', {}, 'room', "name == 'é'"],
    [derived('name', 'room', '?rewind=2'), 'filter', { rewind: '2' }, 'room', 'name'],
    ['[meta]log', 'meta', {}, '[meta]log', ''],
    ['[meta?rewind=1]log', 'meta', { rewind: '1' }, '[meta]log', ''],
    ['room[1]', 'none', {}, 'room[1]', ''],
  ])('[QN1] %s is taken apart', (requested, qualifier, params, channel, filter) => {
    const name = parseQualifiedName(requested);
    expect(name).toMatchObject({ requested, qualifier, channel, filter });
    expect(Object.fromEntries(name.params)).toEqual(params);
  });

  it.each([
    '[odd]room',
    '[odd=x]room',
    '[]room',
    '[filter]room',
    '[filter=]room',
    '[filter=%%%]room',
    '[filter=/w==]room',
    '[meta=x]room',
    '[?rewind=1',
    '[?rewind=1]',
    '[?rewind=1]:room',
    '[?a=b][?c=d]room',
    '[meta][meta]log',
    `[?x=${'y'.repeat(5_000)}]room`,
  ])('[QN2] %s is no name: 40010', (requested) => {
    for (const read of [parseQualifiedName, writableChannel]) {
      expect(() => read(requested)).toThrow(expect.objectContaining({ code: 40010, statusCode: 400 }));
    }
  });

  it('[attack 65] 100 KB of a filter in a name are refused before they are read', async () => {
    const name = derived(`name == '${'x'.repeat(100_000)}'`, 'room');
    const client = await attached(new Harness(), name);
    expect(client.error(Action.ERROR).code).toBe(40010);
    expect(client.one(Action.ERROR).channel).toBe(name);
  });
});

describe('a channel under a qualified name', () => {
  it('[QN3] all that is sent to it repeats the name as it was asked for', async () => {
    const harness = new Harness();
    const name = '[?rewind=1]room';
    const client = await attached(harness, name, {}, { clientId: 'ann' });
    client.presence(name, { action: 2 });
    await harness.settle();
    client.publish(name, { data: 'a' });
    client.send({ action: Action.SYNC, channel: name });
    client.send({ action: Action.DETACH, channel: name });
    await harness.settle();
    const kinds = [Action.ATTACHED, Action.PRESENCE, Action.MESSAGE, Action.SYNC, Action.DETACHED];
    for (const kind of kinds) expect(client.all(kind).map(({ channel }) => channel)).toContain(name);
    expect(client.received.filter(({ channel }) => channel === 'room')).toEqual([]);
  });

  it('[QN4] params of the name count like those of ATTACH, which go before them', async () => {
    const harness = new Harness();
    const publisher = await attached(harness, 'room');
    for (const data of ['a', 'b', 'c']) publisher.publish('room', { data });
    await harness.settle();
    const byName = await attached(harness, '[?rewind=2&x=y]room');
    expect(dataOf(byName, '[?rewind=2&x=y]room')).toEqual(['b', 'c']);
    expect(byName.one(Action.ATTACHED).params).toEqual({ rewind: '2' });
    const both = await attached(harness, '[?rewind=2]room', { params: { rewind: '1' } });
    expect(dataOf(both, '[?rewind=2]room')).toEqual(['c']);
    expect(both.one(Action.ATTACHED).params).toEqual({ rewind: '1' });
  });

  it('[QN5] it is the channel of that name: one publish reaches both names of one connection', async () => {
    const harness = new Harness();
    const client = await attached(harness, 'room');
    client.attach('[?x=y]room');
    await harness.settle();
    client.publish('[?x=y]room', { data: 'a' });
    client.publish('room', { data: 'b' });
    await harness.settle();
    for (const name of ['room', '[?x=y]room']) expect(dataOf(client, name)).toEqual(['a', 'b']);
    client.send({ action: Action.DETACH, channel: 'room' });
    client.publish('room', { data: 'c' });
    await harness.settle();
    expect(dataOf(client, '[?x=y]room')).toEqual(['a', 'b', 'c']);
  });

  it('[QN5] members of a connection leave with the last of its names that has sent presence', async () => {
    const harness = new Harness();
    const other = await attached(harness, 'room');
    const client = await attached(harness, 'room', {}, { clientId: 'ann' });
    client.attach('[?x=y]room');
    await harness.settle();
    client.presence('room', { action: 2 });
    client.presence('[?x=y]room', { action: 4 });
    await harness.settle();
    client.send({ action: Action.DETACH, channel: 'room' });
    await harness.settle();
    expect(other.all(Action.PRESENCE).flatMap(({ presence = [] }) => presence.map(({ action }) => action))).toEqual([
      2, 4,
    ]);
    client.send({ action: Action.DETACH, channel: '[?x=y]room' });
    await harness.settle();
    expect(other.all(Action.PRESENCE).at(-1)?.presence?.[0]?.action).toBe(3);
  });

  it('[QN6] the right to the plain channel is that to its name with params, not that to what is derived of it', async () => {
    const harness = new Harness();
    const plain = await attached(harness, '[?rewind=1]room', {}, { key: readKey });
    expect((plain.one(Action.ATTACHED).flags ?? 0) & Mode.SUBSCRIBE).toBe(Mode.SUBSCRIBE);
    const filtered = await attached(harness, red, {}, { key: readKey });
    expect(filtered.error(Action.ERROR).code).toBe(40160);
    plain.publish('[?rewind=1]room', { data: 'x' });
    await harness.settle();
    expect(plain.error(Action.NACK).code).toBe(40160);
  });
});

describe('a derived channel', () => {
  it('[FL6] gets the messages that pass its filter, beside a plain attachment of the same connection', async () => {
    const harness = new Harness();
    const client = await attached(harness, red);
    client.attach('room');
    await harness.settle();
    client.publish('room', painted('a', 'red'));
    client.publish('room', painted('b', 'blue'));
    client.publish('room', { data: 'c' });
    await harness.settle();
    expect(dataOf(client, red)).toEqual(['a']);
    expect(dataOf(client, 'room')).toEqual(['a', 'b', 'c']);
  });

  it('[FL6] of a publish of several it gets those that pass, each with the id and serial that all see', async () => {
    const harness = new Harness();
    const client = await attached(harness, red);
    const plain = await attached(harness, 'room');
    plain.publish('room', painted('a', 'blue'), painted('b', 'red'), painted('c', 'red'));
    await harness.settle();
    const whole = plain.one(Action.MESSAGE);
    const [first, second] = client.one(Action.MESSAGE).messages ?? [];
    expect([first?.id, second?.id]).toEqual([`${whole.id}:1`, `${whole.id}:2`]);
    expect(first).toMatchObject({ data: 'b', serial: whole.messages?.[1]?.serial, timestamp: whole.timestamp });
    expect(client.one(Action.MESSAGE).channelSerial).toBe(whole.channelSerial);
  });

  it('[FL7] is for subscribing alone: other modes are not granted, publishing and presence are refused with 40010', async () => {
    const harness = new Harness();
    const client = await attached(harness, red, {}, { clientId: 'ann' });
    expect(client.one(Action.ATTACHED).flags).toBe(Mode.SUBSCRIBE);
    client.publish(red, { data: 'x' });
    client.presence(red, { action: 2 });
    await harness.settle();
    expect(client.all(Action.NACK).map(({ error }) => error?.code)).toEqual([40010, 40010]);
    const publishing = await attached(harness, red, { flags: Mode.PUBLISH });
    expect(publishing.error(Action.ERROR).code).toBe(40160);
  });

  it('[FL7] shows nobody, not even the own members of the connection', async () => {
    const harness = new Harness();
    const client = await attached(harness, red, {}, { clientId: 'ann' });
    client.attach('room');
    await harness.settle();
    client.presence('room', { action: 2 });
    client.send({ action: Action.SYNC, channel: red });
    await harness.settle();
    const late = await attached(harness, red);
    for (const each of [client, late]) {
      expect(each.received.filter(({ channel, presence }) => channel === red && presence !== undefined)).toEqual([]);
    }
    expect((late.one(Action.ATTACHED).flags ?? 0) & Flag.HAS_PRESENCE).toBe(0);
    expect(client.all(Action.PRESENCE)).toHaveLength(1);
  });

  it('[FL8] rewinds to the last messages that pass, and says whether any do', async () => {
    const harness = new Harness();
    const publisher = await attached(harness, 'room');
    for (let count = 0; count < 40; count++)
      publisher.publish('room', painted(`${count}`, count % 10 === 0 ? 'red' : 'blue'));
    await harness.settle();
    const two = await attached(harness, derived("headers.color == 'red'", 'room', '?rewind=2'));
    expect(two.all(Action.MESSAGE).flatMap(({ messages = [] }) => messages.map(({ data }) => data))).toEqual([
      '20',
      '30',
    ]);
    expect((two.one(Action.ATTACHED).flags ?? 0) & Flag.HAS_BACKLOG).not.toBe(0);
    const none = await attached(harness, derived("headers.color == 'green'", 'room', '?rewind=2'));
    expect(none.all(Action.MESSAGE)).toEqual([]);
    expect((none.one(Action.ATTACHED).flags ?? 0) & Flag.HAS_BACKLOG).toBe(0);
  });

  it('[FL8] goes on from a position with those that pass', async () => {
    const harness = new Harness();
    const client = await attached(harness, red);
    client.publish('room', painted('a', 'red'));
    await harness.settle();
    const { channelSerial = '' } = client.one(Action.MESSAGE);
    client.cut();
    const publisher = await attached(harness, 'room');
    for (const color of ['blue', 'red', 'blue']) publisher.publish('room', painted(color, color));
    await harness.settle();
    const again = await attached(harness, red, { channelSerial });
    expect((again.one(Action.ATTACHED).flags ?? 0) & Flag.RESUMED).not.toBe(0);
    expect(dataOf(again, red)).toEqual(['red']);
  });

  it('[FL9] gets deltas of what it got, and what comes after a message that did not pass whole', async () => {
    const harness = new Harness();
    const name = derived("headers.color == 'red'", 'room', '?delta=vcdiff');
    const client = await attached(harness, name);
    const publisher = await attached(harness, 'room');
    const text = (count: number) => `a text that is the same but for the number ${count} in it`;
    for (const [count, color] of ['red', 'red', 'blue', 'red'].entries())
      publisher.publish('room', painted(text(count), color));
    await harness.settle();
    const encodings = client
      .all(Action.MESSAGE)
      .flatMap(({ messages = [] }) => messages.map(({ encoding }) => encoding));
    expect(encodings).toEqual([undefined, 'utf-8/vcdiff', undefined]);
  });

  it('[FL3] a filter that cannot be read is an ERROR of the channel with 40010, and says why', async () => {
    const client = await attached(new Harness(), derived('headers.color = `1`', 'room'));
    expect(client.error(Action.ERROR)).toMatchObject({ code: 40010, statusCode: 400 });
    expect(client.error(Action.ERROR).message).toContain('character 15');
  });

  it('[FL5] attachments with the same filter share one frame, each connection once more under its own name', async () => {
    const harness = new Harness();
    const clients = await Promise.all([1, 2, 3].map(() => attached(harness, red)));
    const padded = red.replace(']', '?x=y]');
    const other = await attached(harness, padded);
    const publisher = await attached(harness, 'room');
    publisher.publish('room', painted('a', 'red'));
    await harness.settle();
    for (const client of clients) expect(dataOf(client, red)).toEqual(['a']);
    expect(dataOf(other, padded)).toEqual(['a']);
  });
});

describe('rewind', () => {
  it('[CH8] of a publish of several the last messages are replayed, no matter where it begins', async () => {
    const harness = new Harness();
    const publisher = await attached(harness, 'room');
    publisher.publish('room', { data: 'a' }, { data: 'b' }, { data: 'c' });
    publisher.publish('room', { data: 'd' });
    await harness.settle();
    const client = await attached(harness, 'room', { params: { rewind: '2' } });
    expect(dataOf(client, 'room')).toEqual(['c', 'd']);
    const [whole] = publisher.all(Action.MESSAGE);
    expect(client.all(Action.MESSAGE)[0]?.messages?.[0]).toMatchObject({
      id: `${whole?.id}:2`,
      serial: whole?.messages?.[2]?.serial,
    });
  });

  it('[CH8] messages that are not echoed do not count', async () => {
    const harness = new Harness();
    const other = await attached(harness, 'room');
    other.publish('room', { data: 'theirs' });
    await harness.settle();
    const client = harness.connect({ echo: 'false' });
    client.publish('room', { data: 'mine' });
    await harness.settle();
    client.attach('room', { params: { rewind: '1' } });
    await harness.settle();
    expect(dataOf(client, 'room')).toEqual(['theirs']);
  });

  it('[CH8] it reaches as far back as the messages of a namespace are kept', async () => {
    const harness = new Harness();
    const publisher = await attached(harness, 'room');
    for (const name of ['room', 'mutable:room']) publisher.publish(name, { data: name });
    await harness.settle();
    harness.clock.advance(10 * 60_000);
    await harness.settle();
    for (const rewind of ['1', '20m']) {
      const client = await attached(harness, 'mutable:room', { params: { rewind } });
      client.attach('room', { params: { rewind } });
      await harness.settle();
      expect(dataOf(client, 'mutable:room')).toEqual(['mutable:room']);
      expect(dataOf(client, 'room')).toEqual([]);
    }
  });

  it('[CH11] a number of messages over our limit is cut, and ATTACHED says so', async () => {
    const harness = new Harness({ limits: { maxRewind: 2 } });
    const publisher = await attached(harness, 'room');
    for (const data of ['a', 'b', 'c']) publisher.publish('room', { data });
    await harness.settle();
    const cut = await attached(harness, 'room', { params: { rewind: '3' } });
    expect(dataOf(cut, 'room')).toEqual(['b', 'c']);
    expect(cut.error(Action.ATTACHED).code).toBe(40000);
    const limited = await attached(harness, 'room', { params: { rewind: '2m', rewindLimit: '1' } });
    expect(dataOf(limited, 'room')).toEqual(['c']);
    expect(limited.one(Action.ATTACHED)).toMatchObject({ params: { rewind: '2m', rewindLimit: '1' } });
    expect(limited.one(Action.ATTACHED).error).toBeUndefined();
  });
});
