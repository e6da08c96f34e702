import { Action, errors, PresenceAction } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { Harness } from '../../test/harness.ts';
import type { Log } from '../observe/log.ts';

describe('channels that a client gives up', () => {
  it('[attack 19] a DETACH from where the client never entered opens no channel', async () => {
    const harness = new Harness({ limits: { softBacklog: 1_000 } });
    const client = harness.connect();
    client.attach('room');
    await harness.settle();
    client.transport.stalled = true;
    client.publish('room', { data: 'x'.repeat(2_000) });
    await harness.settle();
    for (let i = 0; i < 100; i++) {
      client.attach(`room${i}`);
      client.send({ action: Action.DETACH, channel: `room${i}` });
      client.send({ action: Action.DETACH, channel: `other${i}` });
    }
    await harness.settle();
    expect(harness.node.channels.size).toBe(1);
  });

  it('[attack 33] a resumed client that detaches from a name that is none is no error of ours', async () => {
    const reports: unknown[] = [];
    const log = {
      info() {},
      warn() {},
      debug() {},
      error: (fields: unknown) => reports.push(fields),
    } as unknown as Log;
    const harness = new Harness({ log });
    const before = harness.connect();
    await harness.settle();
    before.cut();
    const client = harness.connect({ resume: before.connectionKey });
    await harness.settle();
    for (const channel of ['', ':hell', '[odd]', '..']) client.send({ action: Action.DETACH, channel });
    await harness.settle();
    expect(client.all(Action.DETACHED)).toHaveLength(4);
    expect(reports).toEqual([]);
  });

  it('[FZ1] a channel that cannot be attached anew is detached, and its members leave', async () => {
    const harness = new Harness();
    const watcher = harness.connect();
    const client = harness.connect({ clientId: 'ada' });
    for (const each of [watcher, client]) each.attach('room');
    await harness.settle();
    client.presence('room', { action: PresenceAction.ENTER });
    await harness.settle();
    const position = client.one(Action.PRESENCE).channelSerial ?? '';
    watcher.clear();
    const { read } = harness.engine;
    harness.engine.read = () => Promise.reject(errors.unavailable('no storage'));
    client.attach('room', { channelSerial: position });
    await harness.settle();
    harness.engine.read = read;
    expect(client.error(Action.DETACHED).statusCode).toBe(503);
    expect(watcher.one(Action.PRESENCE).presence).toMatchObject([{ action: PresenceAction.LEAVE, clientId: 'ada' }]);
  });

  it('[attack 19] channels left behind are closed early when there are very many, and nothing in them is lost', async () => {
    const harness = new Harness({ limits: { maxProtocolRate: 0 } });
    const client = harness.connect({ clientId: 'ada' });
    const stayer = harness.connect({ clientId: 'bob' });
    client.attach('kept');
    stayer.attach('kept');
    await harness.settle();
    stayer.presence('kept', { action: PresenceAction.ENTER });
    client.publish('left', { data: 'x' });
    for (let batch = 0; batch < 120; batch++) {
      const names = Array.from({ length: 100 }, (_, i) => `left ${batch} ${i}`);
      for (const name of names) client.attach(name);
      await harness.settle();
      for (const name of names) client.send({ action: Action.DETACH, channel: name });
    }
    await harness.settle();
    expect(client.all(Action.ATTACHED)).toHaveLength(12_001);
    expect(harness.node.channels.size).toBeGreaterThan(12_000);
    harness.clock.advance(2_000);
    await harness.settle();
    expect(harness.node.channels.size).toBeLessThan(10_001);
    const late = harness.connect();
    late.attach('kept');
    late.attach('left', { params: { rewind: '1' } });
    await harness.settle();
    expect(late.one(Action.MESSAGE).messages?.[0]?.data).toBe('x');
    expect(late.one(Action.SYNC).presence).toMatchObject([{ clientId: 'bob' }]);
  });
});
