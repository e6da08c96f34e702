import { decode } from '@ably/vcdiff-decoder';
import { Action, Flag, type Message, type ProtocolMessage } from '@parvis/protocol';
import { seededRandom } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import { Harness, type TestClient } from '../../test/harness.ts';

const deltas = { params: { delta: 'vcdiff' } };
const json = (value: unknown): Message => ({ data: JSON.stringify(value), encoding: 'json' });
/** Like each other enough that a delta is smaller. */
const state = (count: number): Message => json({ foo: 'bar', count, status: 'active', list: [1, 2, 3, 4, 5, 6, 7] });
const text = (count: number): Message => ({ data: `a text that is the same but for the number ${count} in it` });

/** What a client makes of the messages it gets, by the rules of the official one; throws where that would recover. */
class DeltaReader {
  readonly data: (string | undefined)[] = [];
  deltas = 0;
  #lastId: string | undefined;
  #base: Uint8Array = new Uint8Array();

  read(frames: readonly ProtocolMessage[]): this {
    for (const frame of frames) {
      for (const [index, message] of (frame.messages ?? []).entries()) this.#take(frame, index, message);
    }
    return this;
  }

  #take(frame: ProtocolMessage, index: number, { id, data, encoding = '', extras }: Message): void {
    const { from } = (extras?.delta ?? {}) as { from?: string };
    if (encoding.split('/').includes('vcdiff')) {
      this.deltas += 1;
      if (from !== this.#lastId || from === undefined) throw new Error(`delta of ${from} on ${this.#lastId}`);
      if (!(data instanceof Uint8Array)) throw new Error('a delta is bytes');
      this.#base = decode(data, this.#base);
    } else if (data !== undefined) {
      this.#base = Buffer.from(data);
    }
    this.data.push(data === undefined ? undefined : Buffer.from(this.#base).toString());
    this.#lastId = id ?? `${frame.id}:${index}`;
  }
}

async function attached(harness: Harness, more: Partial<ProtocolMessage> = deltas, query = {}): Promise<TestClient> {
  const client = harness.connect(query);
  client.attach('room', more);
  await harness.settle();
  return client;
}

const read = (client: TestClient) => new DeltaReader().read(client.all(Action.MESSAGE));
const encodingsOf = (client: TestClient) =>
  client.all(Action.MESSAGE).flatMap(({ messages = [] }) => messages.map(({ encoding }) => encoding));

describe('deltas', () => {
  it('[DL1] the first message after an attach is whole, those after it are deltas of the one before', async () => {
    const harness = new Harness();
    const client = await attached(harness);
    expect(client.one(Action.ATTACHED).params).toEqual({ delta: 'vcdiff' });
    for (const count of [1, 2, 3]) client.publish('room', state(count));
    await harness.settle();
    expect(encodingsOf(client)).toEqual(['json', 'json/utf-8/vcdiff', 'json/utf-8/vcdiff']);
    const reader = read(client);
    expect(reader.data).toEqual([1, 2, 3].map((count) => state(count).data));
    const [first, second] = client.all(Action.MESSAGE);
    expect(second?.messages?.[0]?.extras).toEqual({ delta: { from: `${first?.id}:0`, format: 'vcdiff' } });
  });

  it('[DL1] it is whole again after another attach, whose backlog goes on in deltas up to what is live', async () => {
    const harness = new Harness();
    const client = await attached(harness);
    client.publish('room', state(1));
    await harness.settle();
    const { channelSerial } = client.one(Action.MESSAGE);
    for (const count of [2, 3, 4]) client.publish('room', state(count));
    await harness.settle();
    client.clear();
    client.attach('room', { ...deltas, channelSerial: channelSerial ?? '' });
    await harness.settle();
    expect((client.one(Action.ATTACHED).flags ?? 0) & Flag.RESUMED).not.toBe(0);
    client.publish('room', state(5));
    await harness.settle();
    expect(encodingsOf(client)).toEqual(['json', ...Array(3).fill('json/utf-8/vcdiff')]);
    expect(read(client).data).toEqual([2, 3, 4, 5].map((count) => state(count).data));
  });

  it('[DL2] who did not ask for deltas gets none', async () => {
    const harness = new Harness();
    const plain = await attached(harness, {});
    const client = await attached(harness);
    for (const count of [1, 2]) client.publish('room', state(count));
    await harness.settle();
    expect(encodingsOf(plain)).toEqual(['json', 'json']);
    expect(plain.one(Action.ATTACHED).params).toBeUndefined();
    expect(plain.all(Action.MESSAGE)[1]?.messages?.[0]?.extras).toBeUndefined();
  });

  it.each([
    ['text', [text(1), text(2)], 'utf-8/vcdiff'],
    ['bytes', [Buffer.from('x'.repeat(90)), Buffer.from(`${'x'.repeat(90)}y`)].map((data) => ({ data })), 'vcdiff'],
  ])('[DL3] a delta of %s says how to come back to it', async (_, messages, encoding) => {
    for (const format of ['json', 'msgpack']) {
      const harness = new Harness();
      const client = await attached(harness, deltas, { format });
      for (const message of messages) client.publish('room', message);
      await harness.settle();
      expect(encodingsOf(client)).toEqual([undefined, encoding]);
      expect(read(client).data).toEqual(messages.map(({ data = '' }) => Buffer.from(data).toString()));
    }
  });

  it('[DL3] extras of the publisher stay beside the delta', async () => {
    const harness = new Harness();
    const client = await attached(harness);
    for (const count of [1, 2]) client.publish('room', { ...text(count), extras: { headers: { count } } });
    await harness.settle();
    expect(client.all(Action.MESSAGE)[1]?.messages?.[0]?.extras).toMatchObject({ headers: { count: 2 }, delta: {} });
  });

  it('[DL4] messages of one publish are deltas of each other in turn', async () => {
    const harness = new Harness();
    const client = await attached(harness);
    client.publish('room', text(1), text(2));
    client.publish('room', text(3), text(4));
    await harness.settle();
    expect(encodingsOf(client)).toEqual([undefined, ...Array(3).fill('utf-8/vcdiff')]);
    expect(read(client).data).toEqual([1, 2, 3, 4].map((count) => text(count).data));
  });

  it('[DL5] a delta that were no smaller than the message is not made', async () => {
    const harness = new Harness();
    const client = await attached(harness);
    for (const data of ['short', 'shorter', 'x'.repeat(50), 'y'.repeat(50)]) client.publish('room', { data });
    await harness.settle();
    expect(encodingsOf(client)).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('[DL6] what others got in between and this client did not makes the next message whole', async () => {
    const harness = new Harness();
    const silent = await attached(harness, { params: { delta: 'vcdiff', echo: 'false' } });
    const other = await attached(harness);
    other.publish('room', text(1));
    other.publish('room', text(2));
    await harness.settle();
    silent.publish('room', text(3));
    await harness.settle();
    other.publish('room', text(4));
    other.publish('room', text(5));
    await harness.settle();
    expect(encodingsOf(silent)).toEqual([undefined, 'utf-8/vcdiff', undefined, 'utf-8/vcdiff']);
    expect(read(silent).data).toEqual([1, 2, 4, 5].map((count) => text(count).data));
    expect(read(other).data).toEqual([1, 2, 3, 4, 5].map((count) => text(count).data));
    expect(read(other).deltas).toBe(4);
  });

  it('[DL7] a message is compared once, and one frame goes to all who stand at the same place', async () => {
    const harness = new Harness();
    const clients = await Promise.all([1, 2, 3].map(() => attached(harness)));
    const [first] = clients;
    for (const count of [1, 2]) first?.publish('room', text(count));
    await harness.settle();
    for (const client of clients) expect(read(client).data).toEqual([text(1).data, text(2).data]);
    const late = await attached(harness);
    first?.publish('room', text(3));
    await harness.settle();
    expect(encodingsOf(late)).toEqual([undefined]);
    for (const client of clients) expect(encodingsOf(client)).toEqual([undefined, 'utf-8/vcdiff', 'utf-8/vcdiff']);
  });

  it.each([
    ['has no payload', { name: 'empty' }],
    ['is encrypted', { data: new Uint8Array(80).fill(7), encoding: 'utf-8/cipher+aes-256-cbc' }],
    ['has an encoding that is not known', { data: 'x'.repeat(80), encoding: 'choahofhpxf' }],
    ['says it is JSON and is not', { data: `{${'x'.repeat(80)}`, encoding: 'json' }],
    ['begins with a byte order mark', { data: `\ufeff${text(2).data}` }],
  ] satisfies [string, Message][])('[DL8] a message that %s is sent as it is', async (_, odd) => {
    const harness = new Harness();
    const client = await attached(harness);
    for (const message of [text(1), odd, odd, text(2), text(3)]) client.publish('room', message);
    await harness.settle();
    const [, second, third, , last] = client.all(Action.MESSAGE).flatMap(({ messages = [] }) => messages);
    expect(second).toMatchObject(odd);
    expect(third).toMatchObject(odd);
    expect(third?.extras).toBeUndefined();
    expect(last?.encoding).toBe('utf-8/vcdiff');
    expect(read(client).data.slice(3)).toEqual([text(2).data, text(3).data]);
  });

  it('[DL8] what a client may have failed to decode is no ground for a delta', async () => {
    const harness = new Harness();
    const client = await attached(harness);
    const odd = { data: `{${text(1).data}`, encoding: 'json' };
    for (const message of [text(1), odd, text(2)]) client.publish('room', message);
    await harness.settle();
    expect(encodingsOf(client)).toEqual([undefined, 'json', undefined]);
  });

  it('[DL9] who falls behind gets every message of its chain, though others would be spared some', async () => {
    const harness = new Harness({ limits: { softBacklog: 500 } });
    const client = harness.connect({ clientId: 'slow' });
    client.attach('room::$cursors', deltas);
    const mover = harness.connect({ clientId: 'mover' });
    await harness.settle();
    client.transport.stalled = true;
    for (let count = 0; count < 20; count++) {
      mover.publish('room::$cursors', { name: 'cursor', ...text(count) });
      await harness.settle();
      harness.clock.advance(10);
      await harness.settle();
    }
    client.transport.flow();
    await harness.settle();
    expect(read(client).data).toEqual(Array.from({ length: 20 }, (_, count) => text(count).data));
  });

  it('[DL13] whoever comes, goes and resumes reads what was published', async () => {
    const random = seededRandom('delta clients');
    for (let round = 0; round < 25; round++) await walk(random.below, random.seed);
  });

  it('[DL14] updates, appends and deletes stand in the chain like messages', async () => {
    const random = seededRandom('deltas of changes');
    for (let round = 0; round < 15; round++) await walkOfChanges(random.below, random.seed);
  });

  it('[DL14] an update of a long text is a delta of it', async () => {
    const harness = new Harness();
    const client = harness.connect({ clientId: 'ann' });
    client.attach('mutable:room', deltas);
    await harness.settle();
    client.publish('mutable:room', text(1));
    await harness.settle();
    const serial = client.one(Action.MESSAGE).messages?.[0]?.serial ?? '';
    client.publish('mutable:room', { action: 1, serial, ...text(2) });
    await harness.settle();
    client.publish('mutable:room', text(3));
    await harness.settle();
    expect(encodingsOf(client)).toEqual([undefined, 'utf-8/vcdiff', 'utf-8/vcdiff']);
    expect(read(client).data).toEqual([1, 2, 3].map((count) => text(count).data));
  });
});

/** Messages are published and changed; whoever gets deltas must read the same as somebody who does not. */
async function walkOfChanges(below: (end: number) => number, seed: number): Promise<void> {
  const harness = new Harness();
  const channel = 'mutable:room';
  const connect = (params: Record<string, string>) => {
    const client = harness.connect({ clientId: 'ann' });
    client.attach(channel, { params });
    return client;
  };
  const plain = connect({});
  const clients = [connect({ delta: 'vcdiff' }), connect({ delta: 'vcdiff', appendMode: 'full' })];
  await harness.settle();
  for (let step = 0; step < 25; step++) {
    const known = plain.all(Action.MESSAGE).flatMap(({ messages = [] }) => messages.map(({ serial = '' }) => serial));
    const serial = known[below(known.length)];
    const action = serial === undefined ? 0 : [0, 0, 1, 2, 5, 5][below(6)];
    if (action === 0) plain.publish(channel, ...Array.from({ length: 1 + below(2) }, () => text(step)));
    else plain.publish(channel, { action: action ?? 0, serial: serial ?? '', ...text(step) });
    if (below(4) === 0) {
      const client = clients[below(2)];
      const last = client?.all(Action.MESSAGE).at(-1)?.channelSerial;
      client?.clear();
      const params = client === clients[0] ? { delta: 'vcdiff' } : { delta: 'vcdiff', appendMode: 'full' };
      client?.attach(channel, { params, ...(last === undefined ? {} : { channelSerial: last }) });
    }
    if (below(2) === 0) await harness.settle();
  }
  await harness.settle();
  const versionOf = ({ serial, version, action }: Message) => `${version?.serial ?? serial} ${action}`;
  const messagesOf = (client: TestClient) => client.all(Action.MESSAGE).flatMap(({ messages = [] }) => messages);
  const expected = new Map(messagesOf(plain).map((message) => [versionOf(message), message.data]));
  for (const client of clients) {
    expect(client.all(Action.NACK)).toEqual([]);
    const attachedAt = client.received.findIndex(({ action }) => action === Action.ATTACHED);
    const frames = client.received.slice(attachedAt).filter(({ action }) => action === Action.MESSAGE);
    const { data } = new DeltaReader().read(frames);
    for (const [index, message] of frames.flatMap(({ messages = [] }) => messages).entries()) {
      const whole = expected.get(versionOf(message));
      if (whole !== undefined) expect(data[index], `seed ${seed}`).toBe(whole);
      else expect(data[index], `seed ${seed}`).toMatch(/^(a text that is the same but for the number \d+ in it)+$/);
    }
  }
}

/** Clients attach, publish, are echoed or not, re-attach from where they are; each must be able to read all it gets. */
async function walk(below: (end: number) => number, seed: number): Promise<void> {
  const harness = new Harness();
  const paramsOf = () => ({
    delta: 'vcdiff',
    ...(below(3) === 0 ? { echo: 'false' } : {}),
    ...(below(3) === 0 ? { rewind: '3' } : {}),
  });
  const clients = await Promise.all([0, 1, 2].map(() => attached(harness, { params: paramsOf() })));
  const published: string[] = [];
  for (let step = 0; step < 30; step++) {
    const client = clients[below(clients.length)];
    if (client === undefined) continue;
    const kind = below(8);
    if (kind === 0) {
      const last = client.all(Action.MESSAGE).at(-1)?.channelSerial;
      client.clear();
      client.attach('room', {
        params: paramsOf(),
        ...(last === undefined || below(2) === 0 ? {} : { channelSerial: last }),
      });
    } else {
      const messages = Array.from({ length: 1 + below(3) }, () => text(published.push('') + below(3)));
      published.splice(-messages.length, messages.length, ...messages.map(({ data }) => String(data)));
      client.publish('room', ...messages);
    }
    if (below(2) === 0) await harness.settle();
  }
  await harness.settle();
  for (const client of clients) {
    const attachedAt = client.received.findIndex(({ action }) => action === Action.ATTACHED);
    const frames = client.received.slice(attachedAt).filter(({ action }) => action === Action.MESSAGE);
    const { data } = new DeltaReader().read(frames);
    expect(
      data.every((each) => published.includes(each ?? '')),
      `seed ${seed}: ${data}`,
    ).toBe(true);
  }
}
