import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { Harness, type TestClient } from '../../test/harness.ts';

const cursors = 'team::$cursors';
const dataOf = (client: TestClient) =>
  client
    .all(Action.MESSAGE)
    .flatMap((frame) => frame.messages ?? [])
    .map(({ data }) => data);

/** A publisher, and a client that stops reading with more than the soft limit waiting for it. */
async function stalled(soft: number, hard: number) {
  const harness = new Harness({ limits: { softBacklog: soft, hardBacklog: hard } });
  const publisher = harness.connect({ clientId: 'ada' });
  const slow = harness.connect({ clientId: 'bob' });
  for (const channel of ['room', cursors]) {
    publisher.attach(channel);
    slow.attach(channel);
  }
  await harness.settle();
  slow.clear();
  slow.transport.stalled = true;
  return { harness, publisher, slow };
}

async function move(harness: Harness, publisher: TestClient, data: string) {
  publisher.publish(cursors, { name: 'cursorUpdate', data });
  await harness.settle();
  harness.clock.advance(5);
  await harness.settle();
}

describe('what waits for one client', () => {
  it('[OB1] everything of one turn leaves in one write, in order', async () => {
    const harness = new Harness();
    const client = harness.connect();
    client.attach('room');
    await harness.settle();
    const { writes } = client.transport;
    client.clear();
    for (let i = 0; i < 20; i++) client.publish('room', { data: String(i) });
    await harness.settle();
    expect(dataOf(client)).toEqual(Array.from({ length: 20 }, (_, i) => String(i)));
    expect(client.transport.writes - writes).toBeLessThanOrEqual(2);
  });

  it('[attack 42] over the soft limit of several cursor positions the last is kept, of messages all', async () => {
    const { harness, publisher, slow } = await stalled(1_000, 1_000_000);
    publisher.publish('room', { data: 'x'.repeat(2_000) });
    await harness.settle();
    for (let i = 0; i < 50; i++) {
      await move(harness, publisher, `position ${i}`);
      publisher.publish('room', { data: `message ${i}` });
      await harness.settle();
    }
    expect(slow.transport.backlog).toBeLessThan(50_000);
    slow.transport.flow();
    await harness.settle();
    const received = dataOf(slow).slice(1);
    expect(received.filter((data) => String(data).startsWith('position'))).toEqual(['position 49']);
    expect(received.filter((data) => String(data).startsWith('message')).length).toBe(50);
    await move(harness, publisher, 'live again');
    expect(dataOf(slow).at(-1)).toBe('live again');
  });

  it('[attack 42] over the soft limit of several presence updates the last is kept, unless they carry extras', async () => {
    const { harness, publisher, slow } = await stalled(1_000, 1_000_000);
    publisher.publish('room', { data: 'x'.repeat(2_000) });
    await harness.settle();
    for (let i = 0; i < 5; i++) publisher.presence('room', { action: 4, data: `plain ${i}` });
    await harness.settle();
    for (let i = 0; i < 3; i++) publisher.presence('room', { action: 4, data: `lock ${i}`, extras: { locks: [i] } });
    await harness.settle();
    slow.transport.flow();
    await harness.settle();
    const events = slow.all(Action.PRESENCE).flatMap((frame) => frame.presence ?? []);
    expect(events.map(({ data }) => data)).toEqual(['plain 4', 'lock 0', 'lock 1', 'lock 2']);
    expect(slow.all(Action.PRESENCE).every(({ channelSerial }) => channelSerial !== undefined)).toBe(true);
  });

  it('[attack 42] over the hard limit the client is ended with a resumable error, and resumes without a loss', async () => {
    const { harness, publisher, slow } = await stalled(1_000, 20_000);
    const other = harness.connect();
    other.attach('room');
    await harness.settle();
    for (let i = 0; i < 22; i++) {
      publisher.publish('room', { data: `${i}`.padEnd(1_000) });
      await harness.settle();
    }
    expect(slow.transport.ended).toBe(true);
    expect(dataOf(other).length).toBe(22);
    slow.transport.flow();
    expect(slow.error(Action.DISCONNECTED).code).toBe(80020);
    const got = dataOf(slow);
    const from = slow.all(Action.MESSAGE).at(-1)?.channelSerial ?? '';
    const again = harness.connect({ clientId: 'bob' });
    again.attach('room', { channelSerial: from });
    await harness.settle();
    const all = [...got, ...dataOf(again)].map((data) => Number(String(data).trim()));
    expect(all).toEqual(Array.from({ length: 22 }, (_, i) => i));
  });

  it('[OB2] a client that attaches many channels is given them at the pace at which it takes them', async () => {
    const harness = new Harness({ limits: { softBacklog: 20_000, hardBacklog: 200_000 } });
    const publisher = harness.connect();
    const names = Array.from({ length: 20 }, (_, i) => `room${i}`);
    for (const name of names) {
      publisher.attach(name);
      for (let i = 0; i < 10; i++) publisher.publish(name, { data: 'x'.repeat(3_000) });
    }
    await harness.settle();
    const slow = harness.connect();
    await harness.settle();
    slow.transport.stalled = true;
    for (const name of names) slow.attach(name, { params: { rewind: '10' } });
    await harness.settle();
    for (let i = 0; i < 40; i++) {
      expect(slow.transport.backlog).toBeLessThan(200_000);
      slow.transport.flow();
      slow.transport.stalled = true;
      await harness.settle();
    }
    expect(slow.transport.ended).toBe(false);
    expect(slow.all(Action.ATTACHED).length).toBe(20);
    expect(dataOf(slow).length).toBe(200);
  });
});
