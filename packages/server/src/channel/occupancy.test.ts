import { issueJwt } from '@parvis/auth';
import { Action, Flag, MessageAction, Mode, type ProtocolMessage } from '@parvis/protocol';
import { seededRandom } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import { fullKey, Harness, type TestClient } from '../../test/harness.ts';

const watching = (more: Record<string, string> = {}) => ({ params: { occupancy: 'metrics', ...more } });

/** What a client was told of a channel, oldest first. */
function told(client: TestClient, channel = 'room'): Record<string, number>[] {
  return occupancyFrames(client, channel).map(({ messages }) => JSON.parse(String(messages?.[0]?.data)).metrics);
}

function occupancyFrames(client: TestClient, channel = 'room'): ProtocolMessage[] {
  return client
    .all(Action.MESSAGE)
    .filter((frame) => frame.channel === channel && frame.messages?.[0]?.name === '[meta]occupancy');
}

async function attached(
  harness: Harness,
  channel: string,
  more: Partial<ProtocolMessage> = {},
  query: Record<string, string> = { clientId: 'ada' },
) {
  const client = harness.connect(query);
  await harness.settle();
  client.attach(channel, more);
  await harness.settle();
  return client;
}

describe('who is on a channel', () => {
  it('[OY1] who asks is told right after ATTACHED, and the param stands in it', async () => {
    const harness = new Harness();
    const client = await attached(harness, 'room', watching());
    const actions = client.received.map(({ action }) => action);
    expect(actions).toEqual([Action.CONNECTED, Action.ATTACHED, Action.MESSAGE]);
    expect(client.one(Action.ATTACHED).params).toEqual({ occupancy: 'metrics' });
    const frame = client.one(Action.MESSAGE);
    expect(frame).toMatchObject({ channel: 'room', timestamp: harness.clock.now() });
    expect(frame.channelSerial).toBe(client.one(Action.ATTACHED).channelSerial);
    expect(frame.messages).toEqual([
      { name: '[meta]occupancy', encoding: 'json', action: MessageAction.META, data: expect.any(String) },
    ]);
    expect(told(client)).toEqual([
      {
        connections: 1,
        publishers: 1,
        subscribers: 1,
        presenceConnections: 1,
        presenceMembers: 0,
        presenceSubscribers: 1,
        objectPublishers: 0,
        objectSubscribers: 0,
      },
    ]);
  });

  it('[OY2] what becomes zero or is zero no more is told at once, all else when the interval is over', async () => {
    const harness = new Harness({ limits: { occupancyIntervalMs: 5_000 } });
    const watcher = await attached(harness, 'room', { flags: Mode.SUBSCRIBE, ...watching() });
    expect(told(watcher)).toMatchObject([{ connections: 1, publishers: 0 }]);
    const publisher = await attached(harness, 'room', { flags: Mode.PUBLISH });
    expect(told(watcher).slice(1)).toMatchObject([{ connections: 2, publishers: 1, subscribers: 1 }]);
    await attached(harness, 'room', { flags: Mode.PUBLISH });
    await attached(harness, 'room', { flags: Mode.PUBLISH });
    expect(told(watcher)).toHaveLength(2);
    harness.clock.advance(4_999);
    expect(told(watcher)).toHaveLength(2);
    harness.clock.advance(1);
    await harness.settle();
    expect(told(watcher).slice(2)).toMatchObject([{ connections: 4, publishers: 3 }]);
    publisher.send({ action: Action.DETACH, channel: 'room' });
    await harness.settle();
    expect(told(watcher)).toHaveLength(3);
    harness.clock.advance(5_000);
    await harness.settle();
    expect(told(watcher).slice(3)).toMatchObject([{ connections: 3, publishers: 2 }]);
  });

  it('[OY2] a change that is undone within the interval is not told', async () => {
    const harness = new Harness();
    const watcher = await attached(harness, 'room', watching());
    await attached(harness, 'room');
    const other = await attached(harness, 'room');
    harness.clock.advance(1_000);
    await harness.settle();
    expect(told(watcher)).toHaveLength(2);
    other.send({ action: Action.DETACH, channel: 'room' });
    await harness.settle();
    other.attach('room');
    await harness.settle();
    harness.clock.advance(1_000);
    await harness.settle();
    expect(told(watcher)).toHaveLength(2);
  });

  it('[OY3] members that enter, leave or lapse count, and so do connections that are cut', async () => {
    const harness = new Harness({ limits: { presenceGraceMs: 3_000 } });
    const watcher = await attached(harness, 'room', watching());
    const member = await attached(harness, 'room', {}, { clientId: 'bob' });
    member.presence('room', { action: 2 });
    await harness.settle();
    expect(told(watcher).at(-1)).toMatchObject({ connections: 2, presenceMembers: 1 });
    member.cut();
    harness.clock.advance(1_000);
    await harness.settle();
    expect(told(watcher).at(-1)).toMatchObject({ connections: 1, presenceMembers: 1 });
    harness.clock.advance(3_000);
    await harness.settle();
    expect(told(watcher).at(-1)).toMatchObject({ connections: 1, presenceMembers: 0 });
  });

  it('[OY4] who asks for one metric is told that one, when it changes', async () => {
    const harness = new Harness();
    const watcher = await attached(harness, 'room', { params: { occupancy: 'metrics.publishers' } });
    expect(told(watcher)).toEqual([{ publishers: 1 }]);
    await attached(harness, 'room', { flags: Mode.SUBSCRIBE });
    harness.clock.advance(1_000);
    await harness.settle();
    expect(told(watcher)).toHaveLength(1);
    await attached(harness, 'room', { flags: Mode.PUBLISH });
    harness.clock.advance(1_000);
    await harness.settle();
    expect(told(watcher)).toEqual([{ publishers: 1 }, { publishers: 2 }]);
  });

  it.each(['', 'all', 'metrics.', 'metrics.constructor', 'metrics.connections.more'])(
    '[OY4] occupancy %j is refused with 40000',
    async (occupancy) => {
      const client = await attached(new Harness(), 'room', { params: { occupancy } });
      expect(client.error(Action.ERROR)).toMatchObject({ code: 40000, statusCode: 400 });
    },
  );

  it('[OY5] nobody else is told, nothing is stored, and who rewinds gets no such message', async () => {
    const harness = new Harness();
    const plain = await attached(harness, 'room');
    await attached(harness, 'room', watching());
    harness.clock.advance(1_000);
    await harness.settle();
    expect(plain.all(Action.MESSAGE)).toEqual([]);
    const late = await attached(harness, 'room', { params: { rewind: '10' } });
    expect(late.all(Action.MESSAGE)).toEqual([]);
    expect((late.one(Action.ATTACHED).flags ?? 0) & Flag.HAS_BACKLOG).toBe(0);
    const page = await harness.engine.read(
      { app: 'app', name: 'room', retentionMs: 120_000 },
      { direction: 'forwards', limit: 10 },
    );
    expect(page.entries).toEqual([]);
  });

  it('[OY6] it needs the right channel-metadata and the mode subscribe', async () => {
    const harness = new Harness();
    const attachWith = async (operations: string[], more: Partial<ProtocolMessage>) => {
      const token = await issueJwt({ key: fullKey, now: harness.clock.now(), capability: { room: operations } });
      return attached(harness, 'room', more, { access_token: token });
    };
    const denied = await attachWith(['subscribe', 'publish'], watching());
    expect(denied.error(Action.ERROR)).toMatchObject({ code: 40160, statusCode: 401 });
    const deaf = await attachWith(['channel-metadata', 'publish', 'subscribe'], watching({ modes: 'publish' }));
    expect(deaf.error(Action.ERROR)).toMatchObject({ code: 40165, statusCode: 401 });
    const allowed = await attachWith(['channel-metadata', 'subscribe'], watching());
    expect(told(allowed)).toHaveLength(1);
  });

  it('[OY6] who loses the right loses the channel, as an attach without it would be refused', async () => {
    const harness = new Harness();
    const token = (operations: string[]) =>
      issueJwt({ key: fullKey, now: harness.clock.now(), clientId: 'ada', capability: { '*': operations } });
    const client = harness.connect({ access_token: await token(['*']) });
    await harness.settle();
    client.attach('room', watching());
    client.attach('other');
    await harness.settle();
    client.clear();
    client.send({ action: Action.AUTH, auth: { accessToken: await token(['subscribe']) } });
    await harness.settle();
    expect(client.one(Action.ERROR)).toMatchObject({ channel: 'room', error: { code: 40160 } });
    await attached(harness, 'room');
    harness.clock.advance(1_000);
    await harness.settle();
    expect(told(client)).toEqual([]);
  });

  it('[OY7] a message of a window is sent before the position that occupancy tells', async () => {
    const harness = new Harness();
    const watcher = await attached(harness, 'a::$cursors', watching());
    const mover = await attached(harness, 'a::$cursors', { flags: Mode.PUBLISH }, { clientId: 'bob' });
    watcher.clear();
    mover.publish('a::$cursors', { name: 'move' });
    harness.connect({ clientId: 'eve' }).attach('a::$cursors', watching());
    await harness.settle();
    harness.clock.advance(1_000);
    await harness.settle();
    const names = watcher.all(Action.MESSAGE).map(({ messages }) => messages?.[0]?.name);
    expect(names).toEqual(['move', '[meta]occupancy']);
    const [moved, occupancy] = watcher.all(Action.MESSAGE);
    expect(occupancy?.channelSerial).toBe(moved?.channelSerial);
  });

  it('[OY7] a message after one of occupancy is whole, and deltas go on after that', async () => {
    const harness = new Harness();
    const text = (count: number) => ({ data: `a text that is the same but for the number ${count} in it` });
    const watcher = await attached(harness, 'room', watching({ delta: 'vcdiff' }));
    for (const count of [1, 2]) watcher.publish('room', text(count));
    await harness.settle();
    await attached(harness, 'room');
    harness.clock.advance(1_000);
    await harness.settle();
    for (const count of [3, 4]) watcher.publish('room', text(count));
    await harness.settle();
    const encodings = watcher.all(Action.MESSAGE).map(({ messages }) => messages?.[0]?.encoding);
    expect(encodings).toEqual(['json', undefined, 'utf-8/vcdiff', 'json', undefined, 'utf-8/vcdiff']);
  });

  it('[OY8] nobody asks, and nothing waits: no timer is set by attaching', async () => {
    const harness = new Harness();
    const [client, watcher, other] = [harness.connect(), harness.connect(), harness.connect()];
    await harness.settle();
    other.attach('elsewhere');
    await harness.settle();
    const { timers } = harness.clock;
    client.attach('room');
    await harness.settle();
    expect(harness.clock.timers).toBe(timers);
    watcher.attach('room', watching());
    await harness.settle();
    other.attach('room');
    await harness.settle();
    expect(harness.clock.timers).toBe(timers + 1);
    watcher.send({ action: Action.DETACH, channel: 'room' });
    client.send({ action: Action.DETACH, channel: 'room' });
    await harness.settle();
    expect(harness.clock.timers).toBe(timers);
  });

  it('[OY9] one connection under two names of a channel counts once', async () => {
    const harness = new Harness();
    const watcher = await attached(harness, 'room', watching());
    watcher.attach('[?modes=publish]room');
    await harness.settle();
    harness.clock.advance(1_000);
    await harness.settle();
    expect(told(watcher).at(-1)).toMatchObject({ connections: 1, publishers: 1 });
    const named = await attached(harness, '[?occupancy=metrics.connections]room');
    expect(told(named, '[?occupancy=metrics.connections]room')).toEqual([{ connections: 2 }]);
  });

  it('[OY10] whatever comes, goes and changes its modes: the last that is told is what there is', async () => {
    const random = seededRandom('occupancy');
    const harness = new Harness();
    const watcher = await attached(harness, 'room', watching());
    const modes: [string, ...string[]] = [
      'publish',
      'subscribe',
      'presence',
      'presence_subscribe',
      'publish,subscribe',
    ];
    const present = new Map<TestClient, string>();
    for (let step = 0; step < 200; step++) {
      const clients = [...present.keys()];
      const client = clients[random.below(clients.length + 2)];
      const wanted = random.pick(modes);
      if (client === undefined) {
        present.set(await attached(harness, 'room', { params: { modes: wanted } }), wanted);
      } else if (random.below(2) === 0) {
        client.attach('room', { params: { modes: wanted } });
        present.set(client, wanted);
      } else {
        if (random.below(2) === 0) client.cut();
        else client.send({ action: Action.DETACH, channel: 'room' });
        present.delete(client);
      }
      await harness.settle();
    }
    harness.clock.advance(1_000);
    await harness.settle();
    const count = (mode: string) => [...present.values()].filter((list) => list.split(',').includes(mode)).length + 1;
    expect(told(watcher).at(-1)).toEqual({
      connections: present.size + 1,
      publishers: count('publish'),
      subscribers: count('subscribe'),
      presenceConnections: count('presence'),
      presenceSubscribers: count('presence_subscribe'),
      presenceMembers: 0,
      objectPublishers: 0,
      objectSubscribers: 0,
    });
  });
});
