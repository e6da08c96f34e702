import { Action, type Message } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { Harness, type TestClient } from '../../test/harness.ts';

const framesOf = (client: TestClient) =>
  client.all(Action.MESSAGE).map(({ messages = [] }) => messages.map(({ data }) => data));

async function attached(harness: Harness, channel: string, params: Record<string, string> = {}): Promise<TestClient> {
  const client = harness.connect();
  client.attach(channel, { params });
  await harness.settle();
  return client;
}

/** Lets the window of the test namespaces end. */
async function passWindow(harness: Harness): Promise<void> {
  await harness.settle();
  harness.clock.advance(50);
  await harness.settle();
}

describe('a namespace with batches', () => {
  it('[BT1] sends what is published within its interval as one frame, in order, with everything of each message', async () => {
    const harness = new Harness();
    const client = await attached(harness, 'batched:a');
    const other = await attached(harness, 'batched:a');
    client.publish('batched:a', { data: '1' });
    other.publish('batched:a', { data: '2' }, { data: '3' });
    await harness.settle();
    harness.clock.advance(49);
    await harness.settle();
    expect(framesOf(client)).toEqual([]);
    harness.clock.advance(1);
    await harness.settle();
    expect(framesOf(client)).toEqual([['1', '2', '3']]);
    const [first, second, third] = client.one(Action.MESSAGE).messages ?? [];
    expect(first).toMatchObject({ id: `${client.connectionId}:0:0`, connectionId: client.connectionId });
    expect(second).toMatchObject({ id: `${other.connectionId}:0:0`, connectionId: other.connectionId });
    expect([first, second, third].every((each) => each?.serial !== undefined && each.timestamp !== undefined)).toBe(
      true,
    );
    client.publish('batched:a', { data: '4' });
    await passWindow(harness);
    expect(framesOf(client)).toEqual([['1', '2', '3'], ['4']]);
  });

  it('[BT1] holds up neither the answer to a publish, nor history, nor other channels', async () => {
    const harness = new Harness();
    const client = await attached(harness, 'plain');
    client.publish('batched:a', { data: '1' });
    client.publish('plain', { data: '2' });
    await harness.settle();
    expect(client.all(Action.ACK).length).toBeGreaterThan(0);
    expect(framesOf(client)).toEqual([['2']]);
  });

  it('[BT2] a batch has 200 messages at most, and leaves at once when it is full', async () => {
    const harness = new Harness();
    const client = await attached(harness, 'batched:a');
    const some = (count: number): Message[] => Array.from({ length: count }, (_, index) => ({ data: String(index) }));
    client.publish('batched:a', ...some(120));
    client.publish('batched:a', ...some(81));
    await harness.settle();
    expect(framesOf(client).map(({ length }) => length)).toEqual([120]);
    client.publish('batched:a', ...some(119));
    await harness.settle();
    expect(framesOf(client).map(({ length }) => length)).toEqual([120, 200]);
    client.publish('batched:a', ...some(250));
    await harness.settle();
    expect(framesOf(client).map(({ length }) => length)).toEqual([120, 200, 250]);
  });

  it('[BT2] a batch leaves at once when it has 64 KB', async () => {
    const harness = new Harness();
    const client = await attached(harness, 'batched:a');
    for (let count = 0; count < 3; count++) client.publish('batched:a', { data: 'x'.repeat(30_000) });
    await harness.settle();
    expect(framesOf(client).map(({ length }) => length)).toEqual([3]);
  });

  it('[BT3] whoever attaches or resumes in the middle of a batch gets each message once', async () => {
    const harness = new Harness();
    const client = await attached(harness, 'batched:a');
    client.publish('batched:a', { data: '1' });
    await passWindow(harness);
    const { channelSerial = '' } = client.one(Action.MESSAGE);
    client.publish('batched:a', { data: '2' });
    await harness.settle();
    const late = await attached(harness, 'batched:a');
    const resumed = harness.connect();
    resumed.attach('batched:a', { channelSerial });
    await harness.settle();
    client.publish('batched:a', { data: '3' });
    await passWindow(harness);
    expect(framesOf(client).flat()).toEqual(['1', '2', '3']);
    expect(framesOf(late).flat()).toEqual(['3']);
    expect(framesOf(resumed).flat()).toEqual(['2', '3']);
  });

  it('[BT3] presence and the last batch before it keep their order', async () => {
    const harness = new Harness();
    const client = harness.connect({ clientId: 'ann' });
    client.attach('batched:a');
    await harness.settle();
    client.publish('batched:a', { data: '1' });
    client.presence('batched:a', { action: 2 });
    await harness.settle();
    const kinds = client.received
      .map(({ action }) => action)
      .filter((action) => action === Action.MESSAGE || action === Action.PRESENCE);
    expect(kinds).toEqual([Action.MESSAGE, Action.PRESENCE]);
  });

  it('[BT4] filters, deltas and echo see the messages of a batch one by one', async () => {
    const harness = new Harness();
    const text = (count: number) => `a text that is the same but for the number ${count} in it`;
    const mine = await attached(harness, 'batched:a', { delta: 'vcdiff', echo: 'false' });
    const deltas = await attached(harness, 'batched:a', { delta: 'vcdiff' });
    const filtered = await attached(harness, `[filter=${Buffer.from("name == 'even'").toString('base64')}]batched:a`);
    const message = (count: number): Message => ({ name: count % 2 === 0 ? 'even' : 'odd', data: text(count) });
    for (const count of [0, 1, 2]) deltas.publish('batched:a', message(count));
    mine.publish('batched:a', message(3));
    deltas.publish('batched:a', message(4));
    await passWindow(harness);
    const encodings = (client: TestClient) => client.one(Action.MESSAGE).messages?.map(({ encoding }) => encoding);
    expect(encodings(deltas)).toEqual([undefined, ...Array(4).fill('utf-8/vcdiff')]);
    expect(encodings(mine)).toEqual([undefined, 'utf-8/vcdiff', 'utf-8/vcdiff', undefined]);
    expect(framesOf(filtered)).toEqual([[0, 2, 4].map(text)]);
  });
});

describe('a namespace that conflates', () => {
  const quote = (market: string, data: string): Message => ({ data, extras: { headers: { market } } });

  it('[BT5] sends of the messages with one key the last, and all that have none', async () => {
    const harness = new Harness();
    const client = await attached(harness, 'conflated:a');
    client.publish('conflated:a', quote('x', 'x1'));
    client.publish('conflated:a', quote('y', 'y1'), { data: 'none' });
    client.publish('conflated:a', quote('x', 'x2'), { data: 'none either' }, quote('x', 'x3'));
    await passWindow(harness);
    expect(framesOf(client)).toEqual([['y1', 'none', 'none either', 'x3']]);
    const whole = client.one(Action.MESSAGE).messages?.[3];
    expect(whole?.id).toBe(`${client.connectionId}:2:2`);
    client.publish('conflated:a', quote('x', 'x4'));
    await passWindow(harness);
    expect(framesOf(client).at(-1)).toEqual(['x4']);
  });

  it('[BT5] keeps all in the log: whoever resumes gets what it missed, one by one', async () => {
    const harness = new Harness();
    const client = await attached(harness, 'conflated:a');
    const { channelSerial = '' } = client.one(Action.ATTACHED);
    for (const data of ['x1', 'x2', 'x3']) client.publish('conflated:a', quote('x', data));
    await passWindow(harness);
    expect(framesOf(client)).toEqual([['x3']]);
    const resumed = harness.connect();
    resumed.attach('conflated:a', { channelSerial });
    await harness.settle();
    expect(framesOf(resumed).flat()).toEqual(['x1', 'x2', 'x3']);
  });
});
