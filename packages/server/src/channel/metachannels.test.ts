import { issueJwt } from '@parvis/auth';
import { Action, Mode, type ProtocolMessage } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, Harness, otherKey, type TestClient } from '../../test/harness.ts';

/** What was told on a metachannel, oldest first. */
function told(client: TestClient, name: string): { name: string | undefined; data: Record<string, unknown> }[] {
  return client
    .all(Action.MESSAGE)
    .filter((frame) => frame.channel === `[meta]${name}`)
    .flatMap(({ messages = [] }) => messages)
    .map(({ name, data }) => ({ name, data: JSON.parse(String(data)) }));
}

async function connected(harness: Harness, query: Record<string, string> = {}) {
  const client = harness.connect(query);
  await harness.settle();
  return client;
}

async function listener(harness: Harness, name: string, query: Record<string, string> = {}) {
  const client = await connected(harness, query);
  client.attach(`[meta]${name}`);
  await harness.settle();
  return client;
}

const stored = async (harness: Harness, name: string) => {
  const ref = { app: 'app', name: `[meta]${name}`, retentionMs: 120_000 };
  return (await harness.engine.read(ref, { direction: 'forwards', limit: 100 })).entries;
};

describe('metachannels', () => {
  it('[MT1] channels that open, change their occupancy and close are told, with their status', async () => {
    const harness = new Harness({ limits: { idleChannelMs: 5_000 } });
    const ear = await listener(harness, 'channel.lifecycle');
    const client = await connected(harness);
    client.attach('room');
    await harness.settle();
    expect(told(ear, 'channel.lifecycle')).toMatchObject([
      { name: 'channel.opened', data: { channelId: 'room', status: { isActive: true } } },
    ]);
    harness.clock.advance(1_000);
    await harness.settle();
    expect(told(ear, 'channel.lifecycle').slice(1)).toMatchObject([
      {
        name: 'channel.occupancy',
        data: { channelId: 'room', status: { occupancy: { metrics: { connections: 1, subscribers: 1 } } } },
      },
    ]);
    client.send({ action: Action.DETACH, channel: 'room' });
    await harness.settle();
    harness.clock.advance(7_000);
    await harness.settle();
    expect(told(ear, 'channel.lifecycle').slice(2)).toMatchObject([
      { name: 'channel.occupancy', data: { status: { occupancy: { metrics: { connections: 0 } } } } },
      { name: 'channel.closed', data: { channelId: 'room', status: { isActive: false } } },
    ]);
  });

  it('[MT1] metachannels are not told of, nor are they enumerated', async () => {
    const harness = new Harness();
    const ear = await listener(harness, 'channel.lifecycle');
    await listener(harness, 'log');
    harness.clock.advance(1_000);
    await harness.settle();
    expect(told(ear, 'channel.lifecycle')).toEqual([]);
  });

  it('[MT2] connections that open, are lost, come back and close are told', async () => {
    const harness = new Harness();
    const ears = await Promise.all(
      ['connection.lifecycle', 'clientEvents', 'clientEvents:connections'].map((name) => listener(harness, name)),
    );
    for (const ear of ears) ear.clear();
    const client = await connected(harness, { clientId: 'ada' });
    const { connectionId, connectionKey } = client;
    client.cut();
    const again = await connected(harness, { clientId: 'ada', resume: connectionKey });
    again.send({ action: Action.CLOSE });
    await harness.settle();
    const data = { connectionId, clientId: 'ada', format: 'json' };
    for (const [index, name] of ['connection.lifecycle', 'clientEvents', 'clientEvents:connections'].entries()) {
      expect(told(ears[index] as TestClient, name)).toEqual([
        { name: 'connection.opened', data },
        { name: 'connection.disconnected', data },
        { name: 'connection.resumed', data },
        { name: 'connection.closed', data },
      ]);
    }
  });

  it('[MT3] errors are told as clients get them, without what they showed', async () => {
    const harness = new Harness();
    const ear = await listener(harness, 'log');
    const token = await issueJwt({
      key: fullKey,
      now: harness.clock.now(),
      clientId: 'ada',
      capability: { room: ['subscribe'] },
    });
    const client = await connected(harness, { access_token: token });
    client.publish('room', { data: 'a-secret-text' });
    client.attach(':bad');
    await harness.settle();
    const events = told(ear, 'log');
    expect(events).toMatchObject([
      { name: 'error', data: { clientId: 'ada', connectionId: client.connectionId, error: { code: 40160 } } },
      { name: 'error', data: { error: { code: 40010, statusCode: 400 } } },
    ]);
    expect(events[0]?.data.error).toEqual(client.error(Action.NACK));
    const text = JSON.stringify(ear.received);
    for (const secret of [token, 'a-secret-text', fullKey.split(':')[1]]) expect(text).not.toContain(secret);
  });

  it('[MT4] nothing is made while nobody listens in the same app', async () => {
    const harness = new Harness();
    const ear = await listener(harness, 'channel.lifecycle', { key: otherKey });
    const client = await connected(harness);
    client.attach('room');
    client.attach(':bad');
    await harness.settle();
    harness.clock.advance(1_000);
    await harness.settle();
    expect(ear.all(Action.MESSAGE)).toEqual([]);
    for (const name of ['channel.lifecycle', 'connection.lifecycle', 'log']) {
      expect(await stored(harness, name)).toEqual([]);
    }
  });

  it('[MT4] who was cut off and comes back soon has missed nothing; when all are gone for long, nothing more is made', async () => {
    const harness = new Harness({ limits: { idleChannelMs: 5_000 } });
    const ear = await listener(harness, 'channel.lifecycle');
    const { channelSerial = '' } = ear.one(Action.ATTACHED);
    const { connectionKey } = ear;
    ear.cut();
    const client = await connected(harness);
    client.attach('room');
    await harness.settle();
    const again = await connected(harness, { resume: connectionKey });
    again.attach('[meta]channel.lifecycle', { channelSerial });
    await harness.settle();
    expect(told(again, 'channel.lifecycle')[0]).toMatchObject({ name: 'channel.opened', data: { channelId: 'room' } });
    again.send({ action: Action.CLOSE });
    await harness.settle();
    harness.clock.advance(7_000);
    await harness.settle();
    const before = (await stored(harness, 'channel.lifecycle')).length;
    client.attach('another');
    await harness.settle();
    expect(await stored(harness, 'channel.lifecycle')).toHaveLength(before);
  });

  it.each([
    ['[meta]nothing', 40010],
    ['[meta]', 40010],
    ['[mets]log', 40010],
  ])('[MT5] %s is refused with %i', async (channel, code) => {
    const harness = new Harness();
    const client = await connected(harness);
    client.attach(channel);
    await harness.settle();
    expect(client.error(Action.ERROR).code).toBe(code);
  });

  it('[MT5] they are for subscribing alone, with a capability that names them', async () => {
    const harness = new Harness();
    const tokenFor = (capability: Record<string, string[]>) =>
      issueJwt({ key: fullKey, now: harness.clock.now(), clientId: 'ada', capability });
    const allowed = await listener(harness, 'log', { access_token: await tokenFor({ '[meta]*': ['*'] }) });
    expect((allowed.one(Action.ATTACHED).flags ?? 0) & ~0xffff).toBe(Mode.SUBSCRIBE);
    const denied = await listener(harness, 'log', { access_token: await tokenFor({ '*': ['*'] }) });
    expect(denied.error(Action.ERROR)).toMatchObject({ code: 40160, statusCode: 401 });
    const params = await connected(harness, { access_token: await tokenFor({ '[meta]log': ['subscribe'] }) });
    params.attach('[meta?rewind=1]log');
    await harness.settle();
    expect(params.one(Action.ATTACHED)).toMatchObject({ channel: '[meta?rewind=1]log', params: { rewind: '1' } });
  });

  it.each([
    ['publish', { action: Action.MESSAGE, messages: [{ name: 'error' }] }],
    ['be present', { action: Action.PRESENCE, presence: [{ action: 2 }] }],
  ])('[MT6] nobody may %s there, attached or not', async (_title, frame: ProtocolMessage) => {
    const harness = new Harness();
    const client = await connected(harness, { clientId: 'ada' });
    client.send({ ...frame, channel: '[meta]log', msgSerial: 0 });
    client.attach('[meta]log');
    await harness.settle();
    client.send({ ...frame, channel: '[meta]log', msgSerial: 1 });
    client.send({ ...frame, channel: '[meta?rewind=1]log', msgSerial: 2 });
    await harness.settle();
    const codes = client.all(Action.NACK).map(({ error }) => error?.code);
    expect(codes).toHaveLength(3);
    for (const code of codes) expect([40160, 40165, 90001]).toContain(code);
    const kinds = (await stored(harness, 'log')).map(({ payload }) => JSON.stringify(payload));
    for (const payload of kinds) expect(payload).toContain('meta-');
  });

  it('[MT7] of a flood only so many events a second are told, and the next second there are more', async () => {
    const harness = new Harness();
    const ear = await listener(harness, 'log');
    const client = await connected(harness);
    for (let i = 0; i < 500; i++) client.attach(':bad');
    await harness.settle();
    expect(told(ear, 'log')).toHaveLength(200);
    harness.clock.advance(1_000);
    client.attach(':bad');
    await harness.settle();
    expect(told(ear, 'log')).toHaveLength(201);
  });

  it('[MT8] statistics are told when a minute is over', async () => {
    const harness = new Harness();
    const ear = await listener(harness, 'stats:minute');
    const client = await connected(harness);
    client.publish('room', { data: 'four' });
    await harness.settle();
    harness.clock.advance(60_000);
    await harness.settle();
    expect(told(ear, 'stats:minute')).toMatchObject([
      {
        name: 'update',
        data: {
          intervalId: '2025-01-01:00:00',
          unit: 'minute',
          appId: 'app',
          entries: { 'messages.inbound.realtime.messages.data': 4, 'connections.all.peak': 2 },
        },
      },
    ]);
  });
});
