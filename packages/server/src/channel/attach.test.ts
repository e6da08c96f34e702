import { Action, defaultModes, Flag, Mode, type ProtocolMessage } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { Harness, readKey, type TestClient } from '../../test/harness.ts';
import { createLocalEngine, createMemoryStore, type Store } from '../engine/index.ts';

const dataOf = (messages: ProtocolMessage[]) =>
  messages.flatMap((frame) => frame.messages ?? []).map(({ data }) => data);

async function attached(harness: Harness, channel: string, more: Partial<ProtocolMessage> = {}, query = {}) {
  const client = harness.connect(query);
  client.attach(channel, more);
  await harness.settle();
  return client;
}

const flagsOf = (client: TestClient) => client.one(Action.ATTACHED).flags ?? 0;

describe('attaching', () => {
  it('[CH1] a plain attach gets the default modes and a position, and is not resumed', async () => {
    const client = await attached(new Harness(), 'room');
    expect(client.one(Action.ATTACHED)).toMatchObject({ channel: 'room', flags: defaultModes });
    expect(client.one(Action.ATTACHED).channelSerial).toMatch(/^\d{14}-\d{6}@/);
    expect(client.one(Action.ATTACHED).params).toBeUndefined();
  });

  it('[CH2] the capability cuts the modes', async () => {
    const client = await attached(new Harness(), 'room', {}, { key: readKey });
    expect(flagsOf(client)).toBe(Mode.SUBSCRIBE | Mode.PRESENCE_SUBSCRIBE);
  });

  it('[CH3] an attach that is granted nothing is an ERROR of the channel with 40160', async () => {
    const client = await attached(new Harness(), 'room', { flags: Mode.PUBLISH }, { key: readKey });
    expect(client.one(Action.ERROR).channel).toBe('room');
    expect(client.error(Action.ERROR)).toMatchObject({ code: 40160, statusCode: 401 });
  });

  it('[CH4] params that are understood come back as they were sent, others do not', async () => {
    const params = { modes: 'subscribe', rewind: '1', agent: 'spaces/0.5.2', delta: 'evil' };
    const client = await attached(new Harness(), 'room', { params });
    expect(client.one(Action.ATTACHED)).toMatchObject({
      flags: Mode.SUBSCRIBE,
      params: { modes: 'subscribe', rewind: '1' },
    });
    expect(Object.keys(client.one(Action.ATTACHED).params ?? {})).toEqual(['modes', 'rewind']);
  });

  it.each(['', ':', '::', ':hell', '[odd]name', 'two\nlines'])(
    '[attack 33] the channel name %j is an ERROR of that channel with 40010',
    async (name) => {
      const client = await attached(new Harness(), name);
      expect(client.one(Action.ERROR).channel).toBe(name);
      expect(client.error(Action.ERROR).code).toBe(40010);
      client.send({ action: Action.HEARTBEAT, id: 'alive' });
    },
  );

  it.each(['99y', '-1', '1.5', 'x', ''])('[attack 35] the rewind %j is an ERROR with 40000', async (rewind) => {
    const client = await attached(new Harness(), 'room', { params: { rewind } });
    expect(client.error(Action.ERROR).code).toBe(40000);
  });

  it('[CH5] one channel more than allowed is refused with 90010', async () => {
    const harness = new Harness({ limits: { maxChannelsPerConnection: 2 } });
    const client = harness.connect();
    for (const name of ['a', 'b', 'c']) client.attach(name);
    await harness.settle();
    expect(client.all(Action.ATTACHED).map(({ channel }) => channel)).toEqual(['a', 'b']);
    expect(client.error(Action.ERROR).code).toBe(90010);
  });

  it.each(['team::$space', 'team::$cursors'])(
    '[CH6] %s cannot be attached without a clientId (40012)',
    async (name) => {
      const client = await attached(new Harness(), name);
      expect(client.error(Action.ERROR).code).toBe(40012);
      const named = await attached(new Harness(), name, {}, { clientId: 'ada' });
      named.one(Action.ATTACHED);
    },
  );

  it('[CH7] DETACH is answered with DETACHED, attached or not', async () => {
    const harness = new Harness();
    const client = await attached(harness, 'room');
    client.send({ action: Action.DETACH, channel: 'room' });
    client.send({ action: Action.DETACH, channel: 'never' });
    await harness.settle();
    expect(client.all(Action.DETACHED).map(({ channel, error }) => ({ channel, error }))).toEqual([
      { channel: 'room', error: undefined },
      { channel: 'never', error: undefined },
    ]);
  });

  it.each([
    ['modes', 'subscribe,'.repeat(100)],
    ['echo', 'x'.repeat(1_000)],
  ])('[attack 35] a param that is kept may not be long: %s of 1,000 characters are 40000', async (name, value) => {
    const client = await attached(new Harness(), 'room', { params: { [name]: value } });
    expect(client.error(Action.ERROR).code).toBe(40000);
    expect(client.error(Action.ERROR).message).toContain(name);
  });

  it('[CH12] what a client publishes right behind its ATTACH it gets back behind ATTACHED', async () => {
    const harness = new Harness();
    const client = harness.connect();
    client.attach('room');
    client.publish('room', { data: 'a' });
    client.publish('room', { data: 'b' });
    await harness.settle();
    expect(dataOf(client.all(Action.MESSAGE))).toEqual(['a', 'b']);
    const actions = client.received.map(({ action }) => action);
    expect(actions.indexOf(Action.ATTACHED)).toBeLessThan(actions.indexOf(Action.MESSAGE));
  });

  it('[CH12] a publish behind an ATTACH that comes to nothing is stored all the same', async () => {
    const harness = new Harness();
    const client = harness.connect();
    const watcher = await attached(harness, 'room');
    client.attach('room');
    client.publish('room', { data: 'a' });
    client.send({ action: Action.DETACH, channel: 'room' });
    await harness.settle();
    expect(client.one(Action.ACK)).toMatchObject({ msgSerial: 0, count: 1 });
    expect(dataOf(watcher.all(Action.MESSAGE))).toEqual(['a']);
  });

  it('[CH12] a DETACH between two publishes changes nothing in their order', async () => {
    const harness = new Harness();
    const client = harness.connect();
    const watcher = await attached(harness, 'room');
    client.attach('room');
    client.publish('room', { data: 'a' });
    client.send({ action: Action.DETACH, channel: 'room' });
    client.publish('room', { data: 'b' });
    await harness.settle();
    expect(dataOf(watcher.all(Action.MESSAGE))).toEqual(['a', 'b']);
  });

  it('[CH12] nothing more is read of a client while a publish of its waits for an ATTACH', async () => {
    const harness = new Harness({ limits: { softBacklog: 1_000 } });
    const client = await attached(harness, 'full');
    client.transport.stalled = true;
    client.publish('full', { data: 'x'.repeat(2_000) });
    await harness.settle();
    client.clear();
    client.attach('room');
    expect(client.transport.paused).toBe(false);
    client.publish('room', { data: 'a' });
    client.publish('room', { data: 'b' });
    await harness.settle();
    expect(client.transport.paused).toBe(true);
    client.transport.flow();
    await harness.settle();
    expect(client.transport.paused).toBe(false);
    const inRoom = client.all(Action.MESSAGE).filter(({ channel }) => channel === 'room');
    expect(dataOf(inRoom)).toEqual(['a', 'b']);
  });

  it('[attack 19] a DETACH right behind an ATTACH wins, and nothing is delivered afterwards', async () => {
    const harness = new Harness();
    const client = harness.connect();
    client.attach('room');
    client.send({ action: Action.DETACH, channel: 'room' });
    const publisher = harness.connect();
    publisher.publish('room', { data: 'x' });
    await harness.settle();
    client.one(Action.DETACHED);
    expect(client.all(Action.MESSAGE)).toEqual([]);
  });

  it('[attack 19] ten thousand attaches of one channel leave one attachment', async () => {
    const harness = new Harness({ limits: { maxProtocolRate: 0 } });
    const client = harness.connect();
    for (let i = 0; i < 10_000; i++) client.attach('room');
    await harness.settle();
    const publisher = harness.connect();
    publisher.publish('room', { data: 'x' });
    await harness.settle();
    expect(client.all(Action.MESSAGE).length).toBe(1);
  });
});

describe('going on from a position', () => {
  async function room(harness: Harness, ...published: string[]) {
    const publisher = await attached(harness, 'room');
    for (const data of published) publisher.publish('room', { data });
    await harness.settle();
    return publisher;
  }

  it('[RS5] everything after the position is delivered once, in order, before live messages', async () => {
    const harness = new Harness();
    const publisher = await room(harness, 'a', 'b', 'c');
    const from = publisher.all(Action.MESSAGE)[0]?.channelSerial ?? '';
    const client = harness.connect();
    client.attach('room', { channelSerial: from });
    publisher.publish('room', { data: 'd' });
    await harness.settle();
    expect(flagsOf(client) & (Flag.RESUMED | Flag.HAS_BACKLOG)).toBe(Flag.RESUMED | Flag.HAS_BACKLOG);
    expect(client.one(Action.ATTACHED).channelSerial).toBe(from);
    expect(dataOf(client.all(Action.MESSAGE))).toEqual(['b', 'c', 'd']);
  });

  it('[RS6] the position of the last message is resumed without a backlog', async () => {
    const harness = new Harness();
    const publisher = await room(harness, 'a');
    const client = await attached(harness, 'room', {
      channelSerial: publisher.one(Action.MESSAGE).channelSerial ?? '',
    });
    expect(flagsOf(client) & (Flag.RESUMED | Flag.HAS_BACKLOG)).toBe(Flag.RESUMED);
  });

  it('[RS7] a position on a channel where nothing ever happened is resumed, also after all have left', async () => {
    const harness = new Harness();
    const first = await attached(harness, 'quiet');
    const position = first.one(Action.ATTACHED).channelSerial ?? '';
    first.cut();
    for (let second = 0; second < 100; second++) harness.clock.advance(1_000);
    await harness.settle();
    const again = await attached(harness, 'quiet', { channelSerial: position });
    expect(flagsOf(again) & Flag.RESUMED).toBe(Flag.RESUMED);
  });

  it('[RS8] a position older than what is kept is not resumed, with 90003', async () => {
    const harness = new Harness();
    const publisher = await room(harness, 'a', 'b');
    const from = publisher.all(Action.MESSAGE)[0]?.channelSerial ?? '';
    for (let second = 0; second < 130; second++) harness.clock.advance(1_000);
    publisher.publish('room', { data: 'late' });
    await harness.settle();
    const client = await attached(harness, 'room', { channelSerial: from });
    expect(flagsOf(client) & Flag.RESUMED).toBe(0);
    expect(client.error(Action.ATTACHED).code).toBe(90003);
    expect(client.all(Action.MESSAGE)).toEqual([]);
  });

  it.each([
    ['of another log', '00000000000001-000000@elsewhere'],
    ['garbage', 'garbage'],
    ['a page cursor', '108uyDJJgBMJbn:0'],
  ])('[attack 46] a position that is %s is not resumed, and says so', async (_title, channelSerial) => {
    const client = await attached(new Harness(), 'room', { channelSerial });
    expect(flagsOf(client) & Flag.RESUMED).toBe(0);
    expect([90003, 90005]).toContain(client.error(Action.ATTACHED).code);
  });

  it('[RS9] more missed messages than may be replayed are not resumed, with 90004', async () => {
    const harness = new Harness({ limits: { maxResumeBacklog: 3 } });
    const publisher = await room(harness, 'a', 'b', 'c', 'd', 'e');
    const from = publisher.all(Action.MESSAGE)[0]?.channelSerial ?? '';
    const client = await attached(harness, 'room', { channelSerial: from });
    expect(client.error(Action.ATTACHED).code).toBe(90004);
    expect(flagsOf(client) & Flag.RESUMED).toBe(0);
  });

  it('[RS10] a repeated ATTACH replays from its position what the client dropped while attaching', async () => {
    const harness = new Harness();
    const publisher = await room(harness, 'a');
    const client = await attached(harness, 'room');
    const position = client.one(Action.ATTACHED).channelSerial ?? '';
    publisher.publish('room', { data: 'b' });
    await harness.settle();
    client.clear();
    client.attach('room', { channelSerial: position });
    await harness.settle();
    expect(dataOf(client.all(Action.MESSAGE))).toEqual(['b']);
  });

  it('[FZ5] an entry that storage shows before the feed does is delivered once', async () => {
    const answers: (() => void)[] = [];
    const store = createMemoryStore();
    let isLate = false;
    const late: Store = {
      load: (...args) => store.load(...args),
      commit: async (batch) => {
        await store.commit(batch);
        if (isLate) await new Promise<void>((resolve) => answers.push(resolve));
      },
      read: (...args) => store.read(...args),
      prune: (...args) => store.prune(...args),
      close: () => store.close(),
    };
    const harness = new Harness({ engine: (clock) => createLocalEngine({ store: late, clock }) });
    const publisher = await room(harness, 'a');
    const position = publisher.one(Action.MESSAGE).channelSerial ?? '';
    isLate = true;
    publisher.publish('room', { data: 'b' });
    await harness.settle();
    const client = await attached(harness, 'room', { channelSerial: position });
    expect(flagsOf(client) & Flag.RESUMED).toBe(Flag.RESUMED);
    for (const answer of answers) answer();
    await harness.settle();
    expect(dataOf(client.all(Action.MESSAGE))).toEqual(['b']);
  });

  it('[RS11] a client without the subscribe mode misses nothing, however old its position', async () => {
    const harness = new Harness();
    const publisher = await room(harness, 'a');
    const from = publisher.one(Action.MESSAGE).channelSerial ?? '';
    for (let second = 0; second < 130; second++) harness.clock.advance(1_000);
    publisher.publish('room', { data: 'b' });
    await harness.settle();
    const client = await attached(harness, 'room', { channelSerial: from, params: { modes: 'presence' } });
    expect(flagsOf(client) & Flag.RESUMED).toBe(Flag.RESUMED);
  });

  it.each([
    ['2', ['b', 'c']],
    ['10', ['a', 'b', 'c']],
    ['2m', ['a', 'b', 'c']],
    ['0', []],
  ])('[CH8] rewind=%s replays the last messages, oldest first', async (rewind, expected) => {
    const harness = new Harness();
    await room(harness, 'a', 'b', 'c');
    const client = await attached(harness, 'room', { params: { rewind } });
    expect(dataOf(client.all(Action.MESSAGE))).toEqual(expected);
    expect(flagsOf(client) & Flag.HAS_BACKLOG).toBe(expected.length > 0 ? Flag.HAS_BACKLOG : 0);
    expect(flagsOf(client) & Flag.RESUMED).toBe(0);
  });

  it('[CH9] rewind by time leaves out what is older', async () => {
    const harness = new Harness();
    const publisher = await room(harness, 'old');
    harness.clock.advance(20_000);
    publisher.publish('room', { data: 'new' });
    await harness.settle();
    const client = await attached(harness, 'room', { params: { rewind: '15s' } });
    expect(dataOf(client.all(Action.MESSAGE))).toEqual(['new']);
  });

  it('[CH10] rewind is not applied when the attach goes on from a position', async () => {
    const harness = new Harness();
    const publisher = await room(harness, 'a', 'b');
    const from = publisher.all(Action.MESSAGE)[0]?.channelSerial ?? '';
    const client = await attached(harness, 'room', { channelSerial: from, params: { rewind: '10' } });
    expect(dataOf(client.all(Action.MESSAGE))).toEqual(['b']);
  });

  it('[CH10] rewind is not applied when an old client says that it has been attached before', async () => {
    const harness = new Harness();
    await room(harness, 'a');
    const client = await attached(harness, 'room', { flags: Flag.ATTACH_RESUME, params: { rewind: '1' } });
    expect(client.one(Action.ATTACHED)).toMatchObject({ flags: defaultModes, params: { rewind: '1' } });
    expect(client.all(Action.MESSAGE)).toEqual([]);
  });

  it('[CH11] rewind by time is cut at the limit, and says so', async () => {
    const harness = new Harness({ limits: { maxRewind: 2 } });
    await room(harness, 'a', 'b', 'c');
    const client = await attached(harness, 'room', { params: { rewind: '1m' } });
    expect(dataOf(client.all(Action.MESSAGE))).toEqual(['b', 'c']);
    expect(client.error(Action.ATTACHED).code).toBe(40000);
  });
});
