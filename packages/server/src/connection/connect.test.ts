import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, Harness, otherKey } from '../../test/harness.ts';

describe('connecting', () => {
  it('[CO1] a valid key gets CONNECTED with an id and all details the client needs', () => {
    const harness = new Harness();
    const client = harness.connect();
    return harness.settle().then(() => {
      const connected = client.one(Action.CONNECTED);
      expect(connected.connectionId).toMatch(/^[\w-]{16}$/);
      expect(connected.error).toBeUndefined();
      expect(connected.connectionDetails).toMatchObject({
        clientId: '*',
        maxMessageSize: 65_536,
        connectionStateTtl: 120_000,
        maxIdleInterval: 15_000,
      });
      expect(connected.connectionDetails?.connectionKey).toMatch(/^[\w!-]+$/);
    });
  });

  it.each([
    ['[CO2] a wrong secret is refused', { key: 'app.full:wrong' }, 40101],
    ['[CO2] an unknown app is refused', { key: 'this.is:wrong' }, 40101],
    ['[CO3] a missing protocol version is refused', { v: '' }, 40017],
    ['[CO3] an unknown protocol version is refused', { v: '99' }, 40017],
    ['[CO4] the clientId * is refused', { clientId: '*' }, 40012],
    ['[CO5] a Spaces client without a clientId is refused', { agent: 'ably-js/2.28.0 spaces/0.5.2' }, 40012],
  ])('%s as an ERROR without a channel, and the transport ends', async (_title, query, code) => {
    const harness = new Harness();
    const client = harness.connect(query);
    await harness.settle();
    expect(client.error(Action.ERROR)).toMatchObject({ code });
    expect(client.one(Action.ERROR).channel).toBeUndefined();
    expect(client.transport.ended).toBe(true);
    expect(harness.node.connections.size).toBe(0);
  });

  it('[CO5] a Spaces client with a clientId connects', async () => {
    const harness = new Harness();
    const client = harness.connect({ agent: 'ably-js/2.28.0 spaces/0.5.2', clientId: 'ada' });
    await harness.settle();
    expect(client.one(Action.CONNECTED).connectionDetails?.clientId).toBe('ada');
  });

  it('[CO6] the clientId "null" of a query says nothing', async () => {
    const harness = new Harness();
    const client = harness.connect({ clientId: 'null' });
    await harness.settle();
    expect(client.one(Action.CONNECTED).connectionDetails?.clientId).toBe('*');
  });

  it('[CO7] a ping is answered with its id', async () => {
    const harness = new Harness();
    const client = harness.connect();
    client.send({ action: Action.HEARTBEAT, id: 'abc' });
    await harness.settle();
    expect(client.one(Action.HEARTBEAT).id).toBe('abc');
  });

  it('[CO8] silence of ours is filled with HEARTBEAT where the client asked for it', async () => {
    const harness = new Harness();
    const client = harness.connect({ heartbeats: 'true' });
    const quiet = harness.connect();
    await harness.settle();
    for (let second = 0; second < 28; second++) {
      harness.clock.advance(1_000);
      await harness.settle();
    }
    expect(client.all(Action.HEARTBEAT).length).toBe(2);
    expect(quiet.all(Action.HEARTBEAT).length).toBe(0);
  });

  it('[CO9] CLOSE is answered with CLOSED and ends the connection', async () => {
    const harness = new Harness();
    const client = harness.connect();
    client.send({ action: Action.CLOSE });
    await harness.settle();
    client.one(Action.CLOSED);
    expect(client.transport.ended).toBe(true);
    expect(harness.node.connections.size).toBe(0);
  });

  it('[CO10] an unknown action is ignored and the connection goes on', async () => {
    const harness = new Harness();
    const client = harness.connect();
    client.send({ action: 99 });
    client.send({ action: Action.HEARTBEAT, id: 'after' });
    await harness.settle();
    client.one(Action.HEARTBEAT);
  });

  it('[CO11] a frame that is no protocol message fails its own connection alone', async () => {
    const harness = new Harness();
    const bad = harness.connect();
    const good = harness.connect();
    bad.sendRaw('{"action":');
    good.send({ action: Action.HEARTBEAT, id: 'still' });
    await harness.settle();
    expect(bad.error(Action.ERROR).code).toBe(40000);
    good.one(Action.HEARTBEAT);
  });

  it('[CO12] more frames a second than allowed end the connection with 42924', async () => {
    const harness = new Harness({ limits: { maxProtocolRate: 10 } });
    const client = harness.connect();
    for (let i = 0; i < 11; i++) client.send({ action: Action.HEARTBEAT, id: String(i) });
    await harness.settle();
    expect(client.error(Action.ERROR).code).toBe(42924);
  });
});

describe('resuming', () => {
  it('[RS1] a key within the state ttl keeps the connection id under a new key', async () => {
    const harness = new Harness();
    const before = harness.connect();
    await harness.settle();
    before.cut();
    harness.clock.advance(119_000);
    const after = harness.connect({ resume: before.connectionKey });
    await harness.settle();
    expect(after.connectionId).toBe(before.connectionId);
    expect(after.connectionKey).not.toBe(before.connectionKey);
    expect(after.one(Action.CONNECTED).error).toBeUndefined();
  });

  it('[RS2] a key past the state ttl gets a new connection and 80008', async () => {
    const harness = new Harness();
    const before = harness.connect();
    await harness.settle();
    before.cut();
    harness.clock.advance(121_000);
    const after = harness.connect({ resume: before.connectionKey });
    await harness.settle();
    expect(after.connectionId).not.toBe(before.connectionId);
    expect(after.error(Action.CONNECTED)).toMatchObject({ code: 80008, statusCode: 400 });
  });

  it.each([
    ['garbage', () => '_____!ablyjs_test_fake-key____'],
    ['truncated', (key: string) => key.slice(0, -2)],
    ['of another connection id', (key: string) => `${key.startsWith('x') ? 'y' : 'x'}${key.slice(1)}`],
    ['empty', () => ''],
  ])('[attack 44] a connection key that is %s gets a new connection and 80018', async (_title, forge) => {
    const harness = new Harness();
    const before = harness.connect();
    await harness.settle();
    before.cut();
    const after = harness.connect({ resume: forge(before.connectionKey) });
    await harness.settle();
    expect(after.connectionId).not.toBe(before.connectionId);
    expect(after.error(Action.CONNECTED).code).toBe(80018);
  });

  it('[attack 44] a connection key of another app gets a new connection and 80018', async () => {
    const harness = new Harness();
    const before = harness.connect();
    await harness.settle();
    before.cut();
    const after = harness.connect({ resume: before.connectionKey, key: otherKey });
    await harness.settle();
    expect(after.error(Action.CONNECTED).code).toBe(80018);
  });

  it('[RS3] a resume under another clientId is refused with 40102', async () => {
    const harness = new Harness();
    const before = harness.connect({ clientId: 'ada' });
    await harness.settle();
    before.cut();
    const after = harness.connect({ resume: before.connectionKey, clientId: 'eve' });
    await harness.settle();
    expect(after.error(Action.ERROR).code).toBe(40102);
  });

  it('[attack 45] a resume while the old transport lives replaces it, and no member is doubled or lost', async () => {
    const harness = new Harness();
    const old = harness.connect({ clientId: 'ada' });
    const watcher = harness.connect({ clientId: 'bob' });
    old.attach('room');
    watcher.attach('room');
    await harness.settle();
    old.presence('room', { action: 2, data: 'here' });
    await harness.settle();
    watcher.clear();
    const next = harness.connect({ resume: old.connectionKey, clientId: 'ada' });
    await harness.settle();
    expect(old.error(Action.DISCONNECTED).code).toBe(80016);
    expect(next.connectionId).toBe(old.connectionId);
    harness.clock.advance(60_000);
    await harness.settle();
    expect(watcher.all(Action.PRESENCE)).toEqual([]);
  });

  it.each([
    ['in time goes on', 119_000, undefined],
    ['too late is told so', 121_000, 80008],
  ])('[FZ2] a client that goes away while its resume is looked up and comes back %s', async (_title, ms, code) => {
    const harness = new Harness();
    const before = harness.connect();
    await harness.settle();
    before.cut();
    const lease = harness.engine.lease.bind(harness.engine);
    harness.engine.lease = async (owner, leaseMs) => {
      const had = await lease(owner, leaseMs);
      await harness.settle();
      return had;
    };
    harness.connect({ resume: before.connectionKey }).cut();
    for (let i = 0; i < 3; i++) await harness.settle();
    harness.engine.lease = lease;
    harness.clock.advance(ms);
    const again = harness.connect({ resume: before.connectionKey });
    await harness.settle();
    expect(again.one(Action.CONNECTED).error?.code).toBe(code);
  });

  it('[RS4] a connection closed for good cannot be resumed', async () => {
    const harness = new Harness();
    const before = harness.connect({ key: fullKey });
    await harness.settle();
    const key = before.connectionKey;
    before.send({ action: Action.CLOSE });
    await harness.settle();
    const after = harness.connect({ resume: key });
    await harness.settle();
    expect(after.error(Action.CONNECTED).code).toBe(80008);
  });
});
