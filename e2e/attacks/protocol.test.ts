import { Action, codecs, PresenceAction } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, otherKey, readKey } from '../../packages/server/test/harness.ts';
import { memoryUsed } from './memory.ts';
import { codeOf, formats, Stage } from './stage.ts';

const heartbeat = { action: Action.HEARTBEAT, id: 'alive' };

describe.each(formats)('fields of the wrong kind, %s', (format) => {
  const encode = (value: unknown) => codecs[format].encodeValue(value);

  it.each([1.5, '15', -1, 2 ** 31, true, [15], {}, Number.NaN])(
    '[attack 18] the action %j is 40000 and ends its connection alone, by one and by 200',
    async (action) => {
      for (const count of [1, 200]) {
        const stage = await Stage.set();
        const clients = Array.from({ length: count }, () => stage.connect(format));
        for (const client of clients) client.sendRaw(encode({ action, channel: 'room', msgSerial: 0, messages: [{}] }));
        await stage.settle();
        await stage.isServed();
        expect(new Set(clients.map(codeOf))).toEqual(new Set([40000]));
        expect(clients.every(({ transport }) => transport.ended)).toBe(true);
      }
    },
  );

  it.each([22, 99, 255, Action.CONNECT, Action.CONNECTED, Action.ACK, Action.ACTIVATE, Action.OBJECT_SYNC])(
    '[attack 18] the action %i, which no client sends, is passed over',
    async (action) => {
      const stage = await Stage.set();
      const client = stage.connect(format);
      await stage.settle();
      client.clear();
      client.sendRaw(encode({ action, channel: 'room', msgSerial: 0, count: 1, messages: [{ data: 'x' }] }));
      client.send(heartbeat);
      await stage.settle();
      expect(client.received).toEqual([heartbeat]);
    },
  );

  it('[attack 18] a repeated msgSerial is answered again and delivered once, one that was skipped to is taken', async () => {
    const stage = await Stage.set();
    const subscriber = await stage.attached(format, 'room');
    const client = stage.connect(format);
    const serials = [0, 0, 7, 7, 3, 2 ** 53 - 1];
    for (const msgSerial of serials) {
      client.send({ action: Action.MESSAGE, channel: 'room', msgSerial, messages: [{ data: String(msgSerial) }] });
    }
    await stage.settle();
    const acked = client
      .all(Action.ACK)
      .flatMap(({ msgSerial = 0, count = 1 }) => Array.from({ length: count }, (_, i) => msgSerial + i));
    expect(acked).toEqual(serials);
    const data = subscriber.all(Action.MESSAGE).map(({ messages }) => messages?.[0]?.data);
    expect(data).toEqual(['0', '7', '3', String(2 ** 53 - 1)]);
    await stage.isServed();
  });

  it.each([
    ['messages that are no list', { messages: {} }],
    ['a message that is a number', { messages: [7] }],
    ['data that is a number', { messages: [{ data: 7 }] }],
    ['data that is a list', { messages: [{ data: [] }] }],
    ['a name that is a map', { messages: [{ name: {} }] }],
    ['an encoding that is a number', { messages: [{ data: 'x', encoding: 1 }] }],
    ['base64 that is none', { messages: [{ data: '***', encoding: 'base64' }] }],
    ['a clientId that is a number', { messages: [{ clientId: 7 }] }],
    ['extras that are a list', { messages: [{ extras: [] }] }],
    ['a timestamp that is text', { messages: [{ timestamp: 'now' }] }],
    ['no messages', { messages: [] }],
    ['no field of messages', {}],
    ['an id of 10,000 characters', { messages: [{ id: 'x'.repeat(10_000) }] }],
    ['a channel that is a number', { channel: 7, messages: [{}] }],
    ['no channel', { channel: undefined, messages: [{}] }],
  ])('[attack 18] a publish with %s is a NACK, and the connection goes on', async (_title, fields) => {
    const stage = await Stage.set();
    const client = stage.connect(format);
    await stage.settle();
    client.clear();
    client.sendRaw(encode({ action: 15, channel: 'room', msgSerial: 0, ...fields }));
    client.publish('room', { data: 'good' });
    await stage.settle();
    expect(client.received.map(({ action }) => action)).toEqual([Action.NACK, Action.ACK]);
    expect(client.error(Action.NACK).code).toBeGreaterThanOrEqual(40000);
    expect(client.error(Action.NACK).code).toBeLessThan(41000);
    await stage.isServed();
  });
});

describe('frames in the wrong state', () => {
  it('[attack 19] what is sent before CONNECTED is 80013, and is not obeyed', async () => {
    const stage = await Stage.set();
    const subscriber = await stage.attached('json', 'room');
    const first = stage.connect('json');
    await stage.settle();
    first.cut();
    const early = stage.connect('json', { resume: first.connectionKey });
    early.publish('room', { data: 'too early' });
    await stage.settle();
    expect(codeOf(early)).toBe(80013);
    expect(early.transport.ended).toBe(true);
    expect(subscriber.all(Action.MESSAGE)).toEqual([]);
    await stage.isServed();
  });

  it('[attack 19] a MESSAGE without an ATTACH is taken, PRESENCE without one is 90001, SYNC without one is nothing', async () => {
    const stage = await Stage.set();
    const client = stage.connect('msgpack', { clientId: 'ada' });
    await stage.settle();
    client.clear();
    client.publish('room', { data: 'x' });
    client.presence('room', { action: PresenceAction.ENTER });
    client.send({ action: Action.SYNC, channel: 'room' });
    client.send({ action: Action.DETACH, channel: 'room' });
    client.send(heartbeat);
    await stage.settle();
    expect(client.received.map(({ action }) => action).sort()).toEqual(
      [Action.ACK, Action.NACK, Action.DETACHED, Action.HEARTBEAT].sort(),
    );
    expect(client.error(Action.NACK)).toMatchObject({ code: 90001, statusCode: 404 });
    await stage.isServed();
  });

  it('[attack 19] what follows CLOSE, DISCONNECT or a fatal error is not looked at', async () => {
    const stage = await Stage.set();
    const subscriber = await stage.attached('json', 'room');
    const last: (string | { action: number })[] = [{ action: Action.CLOSE }, { action: Action.DISCONNECT }, '{'];
    for (const frame of last) {
      const client = stage.connect('json');
      if (typeof frame === 'string') client.sendRaw(frame);
      else client.send(frame);
      client.publish('room', { data: 'late' });
      client.attach('room');
      await stage.settle();
      expect([...client.all(Action.ACK), ...client.all(Action.ATTACHED)]).toEqual([]);
    }
    expect(subscriber.all(Action.MESSAGE)).toEqual([]);
    await stage.isServed();
  });

  it('[attack 19] channels beyond the limit are 90010, each as an ERROR of its own, and those there are stay', async () => {
    const stage = await Stage.set({ limits: { maxChannelsPerConnection: 50 } });
    for (const count of [1, 20]) {
      const clients = Array.from({ length: count }, () => stage.connect('json'));
      for (const client of clients) for (let i = 0; i < 60; i++) client.attach(`room${i}`);
      await stage.settle();
      await stage.settle();
      for (const client of clients) {
        expect(client.all(Action.ATTACHED)).toHaveLength(50);
        expect(client.all(Action.ERROR).map(({ channel, error }) => [channel, error?.code])).toEqual(
          Array.from({ length: 10 }, (_, i) => [`room${50 + i}`, 90010]),
        );
        client.clear();
      }
      stage.connect('json').publish('room49', { data: 'x' });
      await stage.settle();
      for (const client of clients) client.one(Action.MESSAGE);
      for (const client of clients) client.send({ action: Action.CLOSE });
      await stage.settle();
    }
    await stage.isServed();
  });

  it('[attack 19] 200 clients that attach and detach like mad end up as they last said, and nothing is left of them', async () => {
    const stage = await Stage.set();
    const clients = Array.from({ length: 200 }, (_, i) =>
      stage.connect(i % 2 === 0 ? 'json' : 'msgpack', { clientId: `c${i}` }),
    );
    for (let round = 0; round < 5; round++) {
      for (const client of clients) {
        client.attach('room');
        client.presence('room', { action: PresenceAction.ENTER });
        client.send({ action: Action.DETACH, channel: 'room' });
      }
    }
    for (const client of clients.slice(0, 100)) client.attach('room');
    await stage.settle();
    await stage.settle();
    for (const client of clients) client.clear();
    stage.connect('json').publish('room', { data: 'who is there' });
    await stage.settle();
    expect(clients.filter((client) => client.all(Action.MESSAGE).length === 1)).toEqual(clients.slice(0, 100));
    const watcher = await stage.attached('json', 'room');
    expect(watcher.all(Action.SYNC)).toEqual([]);
    await stage.isServed();
  });

  it('[attack 19] what a client asks to attach while it reads nothing does not pile up', async () => {
    const stage = await Stage.set({ limits: { softBacklog: 1_000, maxProtocolRate: 0 } });
    const client = await stage.attached('json', 'room');
    client.transport.stalled = true;
    client.publish('room', { data: 'x'.repeat(2_000) });
    await stage.settle();
    const before = memoryUsed();
    const channelSerial = 'x'.repeat(1_000);
    for (let i = 0; i < 20_000; i++) {
      client.attach('room', { channelSerial });
      client.attach(`room${i}`, { channelSerial });
      client.send({ action: Action.DETACH, channel: `room${i}` });
    }
    await stage.settle();
    // The DETACHED of each is owed, and waits where the backlog is counted.
    expect(memoryUsed() - before).toBeLessThan(2 * client.transport.backlog + 5_000_000);
    await stage.isServed();
    client.transport.flow();
    await stage.settle();
    expect(client.transport.ended).toBe(false);
    expect(client.all(Action.ATTACHED).at(-1)?.channel).toBe('room');
  });
});

describe('params of an attach', () => {
  it.each([
    ['999999999', 100],
    ['999999999s', 100],
    ['999999999m', 100],
    ['0', 0],
  ])('[attack 35] the rewind %s reads no more than the log may be read', async (rewind, messages) => {
    const stage = await Stage.set();
    const publisher = stage.connect('json');
    for (let i = 0; i < 150; i++) publisher.publish('room', { data: String(i) });
    await stage.settle();
    const limits: number[] = [];
    const read = stage.harness.engine.read.bind(stage.harness.engine);
    stage.harness.engine.read = (channel, range) => {
      limits.push(range.limit);
      return read(channel, range);
    };
    const client = await stage.attached('json', 'room', { params: { rewind } });
    expect(client.all(Action.MESSAGE)).toHaveLength(messages);
    expect(Math.max(0, ...limits)).toBeLessThanOrEqual(101);
  });

  it.each(['1e9', '1000000000', '0x10', '１０', '10 ', '10ms', '5;drop', '__proto__'])(
    '[attack 35] the rewind %j is an ERROR of the channel with 40000, and the connection goes on',
    async (rewind) => {
      const stage = await Stage.set();
      const client = await stage.attached('msgpack', 'room', { params: { rewind } });
      expect(client.error(Action.ERROR)).toMatchObject({ code: 40000, statusCode: 400 });
      client.clear();
      client.attach('room');
      await stage.settle();
      client.one(Action.ATTACHED);
    },
  );

  it('[attack 35] ten thousand params, unknown deltas and odd modes are left out of the answer', async () => {
    const stage = await Stage.set();
    const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`p${i}`, 'x']));
    for (const count of [1, 50]) {
      const clients = await Promise.all(
        Array.from({ length: count }, () =>
          stage.attached('json', 'room', {
            params: { ...many, delta: 'evil', modes: 'subscribe,root,__proto__', echo: 'maybe' },
          }),
        ),
      );
      for (const client of clients) {
        expect(client.one(Action.ATTACHED).params).toEqual({ modes: 'subscribe,root,__proto__', echo: 'maybe' });
      }
    }
    await stage.isServed();
  });

  it.each([
    ['a list', []],
    ['text', 'rewind=1'],
    ['a map with a map', { rewind: {} }],
    ['a map with a list', { modes: ['subscribe'] }],
  ])('[attack 35] params that are %s are an ERROR of the channel with 40000', async (_title, params) => {
    for (const format of formats) {
      const stage = await Stage.set();
      const client = stage.connect(format);
      client.sendRaw(codecs[format].encodeValue({ action: Action.ATTACH, channel: 'room', params }));
      client.send(heartbeat);
      await stage.settle();
      expect(client.error(Action.ERROR).code).toBe(40000);
      expect(client.one(Action.ERROR).channel).toBe('room');
      client.one(Action.HEARTBEAT);
    }
  });
});

describe('acting as somebody else', () => {
  it.each([
    ['a message under another clientId', { action: 15, messages: [{ data: 'x', clientId: 'eve' }] }, 40012],
    ['a message under *', { action: 15, messages: [{ data: 'x', clientId: '*' }] }, 40012],
    [
      'one of two messages under another clientId',
      { action: 15, messages: [{ data: 'x' }, { clientId: 'eve' }] },
      40012,
    ],
    ['presence under another clientId', { action: 14, presence: [{ action: 2, clientId: 'eve' }] }, 40012],
    ['a leave of another member', { action: 14, presence: [{ action: 3, clientId: 'eve' }] }, 40012],
    ['an annotation', { action: 21, annotations: [{ clientId: 'eve' }] }, 93002],
  ])('[attack 36] %s is refused, and nobody hears of it', async (_title, frame, code) => {
    for (const format of formats) {
      const stage = await Stage.set();
      const eve = stage.connect(format, { clientId: 'eve' });
      eve.attach('room');
      const watcher = await stage.attached(format, 'room');
      eve.presence('room', { action: PresenceAction.ENTER });
      const ada = stage.connect(format, { clientId: 'ada' });
      ada.attach('room');
      await stage.settle();
      watcher.clear();
      ada.sendRaw(codecs[format].encodeValue({ channel: 'room', msgSerial: 0, ...frame }));
      await stage.settle();
      expect(ada.error(Action.NACK).code).toBe(code);
      expect(watcher.received).toEqual([]);
    }
  });

  it('[attack 36] the connectionId of a frame or message is that of its connection, whatever it says', async () => {
    const stage = await Stage.set();
    const watcher = await stage.attached('json', 'room');
    const victim = stage.connect('json', { clientId: 'victim' });
    const ada = stage.connect('json', { clientId: 'ada' });
    ada.attach('room');
    await stage.settle();
    const { connectionId } = victim;
    ada.send({ action: 15, channel: 'room', msgSerial: 0, connectionId, messages: [{ data: 'x', connectionId }] });
    ada.send({ action: 14, channel: 'room', msgSerial: 1, connectionId, presence: [{ action: 2, connectionId }] });
    await stage.settle();
    for (const action of [Action.MESSAGE, Action.PRESENCE]) {
      expect(JSON.stringify(watcher.one(action))).not.toContain(connectionId);
      expect(watcher.one(action).connectionId).toBe(ada.connectionId);
    }
  });
});

describe('keys of connections', () => {
  it('[attack 44] a key does not go with another API key of its app, and 200 forgers get connections of their own', async () => {
    const stage = await Stage.set();
    const mine = await stage.attached('json', 'room');
    const { connectionKey, connectionId } = mine;
    mine.cut();
    const parts = connectionKey.split('!');
    const forged = [
      { key: readKey, resume: connectionKey },
      { key: otherKey, resume: connectionKey },
      { recover: connectionKey.slice(1) },
      { resume: `${connectionKey}!` },
      { resume: [...parts.slice(0, 3), parts[2]].join('!') },
      { resume: ['A'.repeat(16), ...parts.slice(1)].join('!') },
      { resume: '!!!' },
      { resume: 'x'.repeat(100_000) },
      { resume: '\0\r\n' },
      { resume: '__proto__' },
    ];
    const clients = Array.from({ length: 200 }, (_, i) =>
      stage.connect('json', { key: fullKey, ...forged[i % forged.length] }),
    );
    await stage.settle();
    for (const client of clients) {
      expect(client.error(Action.CONNECTED).code).toBe(80018);
      expect(client.connectionId).not.toBe(connectionId);
    }
    const owner = stage.connect('json', { resume: connectionKey });
    await stage.settle();
    expect(owner.connectionId).toBe(connectionId);
    await stage.isServed();
  });

  it('[attack 44] a key that is shown again goes on with its own connection alone, and with none once that is closed', async () => {
    const stage = await Stage.set();
    const mine = await stage.attached('json', 'room');
    const key = mine.connectionKey;
    const second = stage.connect('json', { resume: key });
    await stage.settle();
    const third = stage.connect('json', { resume: key });
    await stage.settle();
    expect([second, third].map(({ connectionId }) => connectionId)).toEqual([mine.connectionId, mine.connectionId]);
    third.send({ action: Action.CLOSE });
    await stage.settle();
    for (const replayed of [key, second.connectionKey, third.connectionKey]) {
      const late = stage.connect('json', { resume: replayed });
      await stage.settle();
      expect(late.error(Action.CONNECTED).code).toBe(80008);
    }
  });

  it('[attack 45] of 200 transports that resume one connection at once one goes on, and its member is there once', async () => {
    const stage = await Stage.set();
    const watcher = await stage.attached('json', 'room');
    const first = stage.connect('json', { clientId: 'ada' });
    first.attach('room');
    first.presence('room', { action: PresenceAction.ENTER, data: 'here' });
    await stage.settle();
    watcher.clear();
    const rivals = Array.from({ length: 200 }, () =>
      stage.connect('json', { clientId: 'ada', resume: first.connectionKey }),
    );
    await stage.settle();
    await stage.settle();
    const [owner, ...more] = rivals.filter(({ transport }) => !transport.ended);
    expect(more).toEqual([]);
    for (const loser of [first, ...rivals.filter((rival) => rival !== owner)]) {
      expect(loser.error(Action.DISCONNECTED)).toMatchObject({ code: 80016, statusCode: 410 });
    }
    owner?.attach('room');
    await stage.settle();
    expect(owner?.one(Action.SYNC).presence).toHaveLength(1);
    for (let second = 0; second < 60; second++) stage.harness.clock.advance(1_000);
    await stage.settle();
    expect(watcher.all(Action.PRESENCE)).toEqual([]);
    await stage.isServed();
  });
});

describe('positions of a channel', () => {
  it('[attack 46] of the future, of a message, of another app and of another kind: said, never silent', async () => {
    const stage = await Stage.set();
    const publisher = await stage.attached('json', 'room');
    const theirs = stage.connect('json', { key: otherKey });
    theirs.attach('room');
    for (const client of [publisher, theirs]) client.publish('room', { data: 'x' });
    await stage.settle();
    const position = publisher.one(Action.MESSAGE).channelSerial ?? '';
    const [time = '', epoch = ''] = position.split('@');
    const bad = [
      `99999999999999-000000@${epoch}`,
      `${position}:000`,
      publisher.one(Action.MESSAGE).messages?.[0]?.serial ?? '',
      `${time}@${epoch}x`,
      `${time}`,
      `${position}\n`,
      ` ${position}`,
      'x'.repeat(100_000),
      '__proto__',
    ];
    for (const channelSerial of bad) {
      for (const format of formats) {
        const client = await stage.attached(format, 'room', { channelSerial });
        const attached = client.one(Action.ATTACHED);
        expect([channelSerial.slice(0, 60), (attached.flags ?? 0) & 4]).toEqual([channelSerial.slice(0, 60), 0]);
        expect([90003, 90005]).toContain(attached.error?.code);
        expect(attached.channelSerial).toBe(position);
      }
    }
    await stage.isServed();
  });

  it('[attack 46] a position of another channel gives nothing of that channel away', async () => {
    const stage = await Stage.set();
    const publisher = stage.connect('json');
    publisher.attach('theirs');
    publisher.attach('mine');
    for (let i = 0; i < 3; i++) publisher.publish('theirs', { data: 'secret' });
    publisher.publish('mine', { data: 'open' });
    await stage.settle();
    const [first] = publisher.all(Action.MESSAGE);
    const client = await stage.attached('json', 'mine', { channelSerial: first?.channelSerial ?? '' });
    expect(JSON.stringify(client.received)).not.toContain('secret');
    await stage.isServed();
  });
});

describe('publishing one thing several times', () => {
  it('[attack 47] one id from many connections at once, with other bodies, is delivered once and answered alike', async () => {
    const stage = await Stage.set();
    const subscriber = await stage.attached('json', 'room');
    const clients = Array.from({ length: 200 }, (_, i) => stage.connect(i % 2 === 0 ? 'json' : 'msgpack'));
    for (const [i, client] of clients.entries()) client.publish('room', { id: 'same', data: `body ${i}` });
    await stage.settle();
    expect(subscriber.one(Action.MESSAGE).messages).toMatchObject([{ id: 'same', data: 'body 0' }]);
    const serials = clients.map((client) => client.one(Action.ACK).res?.[0]?.serials[0]);
    expect(new Set(serials).size).toBe(1);
    await stage.isServed();
  });

  it.each([
    ['in the wrong order', ['a:1', 'a:0'], 40031],
    ['of two bases', ['a:0', 'b:1'], 40031],
    ['with a gap', ['a:0', 'a:2'], 40031],
    ['all the same', ['a:0', 'a:0'], 40031],
    ['without numbers', ['a', 'b'], 40031],
    ['of one alone', ['a:0', undefined], 40031],
  ])('[attack 47] ids of one publish %s are 40031, and nothing of it is delivered', async (_title, ids, code) => {
    const stage = await Stage.set();
    const client = await stage.attached('msgpack', 'room');
    client.publish('room', ...ids.map((id) => ({ data: 'x', ...(id === undefined ? {} : { id }) })));
    await stage.settle();
    expect(client.error(Action.NACK).code).toBe(code);
    expect(client.all(Action.MESSAGE)).toEqual([]);
  });

  it('[attack 47] more messages in one publish than allowed are 40034', async () => {
    const stage = await Stage.set();
    const client = await stage.attached('json', 'room');
    client.publish('room', ...Array.from({ length: 1_001 }, () => ({})));
    await stage.settle();
    expect(client.error(Action.NACK).code).toBe(40034);
  });

  it('[attack 47] an id that a connection makes cannot be taken away by a client that guesses it', async () => {
    const stage = await Stage.set();
    const victim = await stage.attached('json', 'room');
    const thief = stage.connect('json');
    for (const id of [`${victim.connectionId}:0:0`, `c:${victim.connectionId}:0`, `${victim.connectionId}:0`]) {
      thief.publish('room', { id, data: 'thief' });
    }
    await stage.settle();
    victim.clear();
    victim.publish('room', { data: 'victim' });
    await stage.settle();
    expect(victim.one(Action.MESSAGE).messages?.[0]?.data).toBe('victim');
  });
});

describe('two apps on one server', () => {
  it('[attack 62] the same channel, client and message names meet in nothing: live, rewind, presence, ids', async () => {
    const stage = await Stage.set();
    const [mine, theirs] = [fullKey, otherKey].map((key) => stage.connect('json', { key, clientId: 'ada' }));
    for (const [i, client] of [mine, theirs].entries()) {
      client?.attach('room');
      await stage.settle();
      client?.publish('room', { id: 'same', name: 'n', data: `of app ${i}` });
      client?.presence('room', { action: PresenceAction.ENTER, data: `member of app ${i}` });
    }
    await stage.settle();
    for (const [i, client] of [mine, theirs].entries()) {
      expect(client?.one(Action.MESSAGE).messages?.[0]?.data).toBe(`of app ${i}`);
      expect(client?.one(Action.PRESENCE).presence?.[0]?.data).toBe(`member of app ${i}`);
      const late = stage.connect('json', { key: i === 0 ? fullKey : otherKey });
      late.attach('room', { params: { rewind: '10' } });
      await stage.settle();
      expect(late.one(Action.MESSAGE).messages?.map(({ data }) => data)).toEqual([`of app ${i}`]);
      expect(late.one(Action.SYNC).presence?.map(({ data }) => data)).toEqual([`member of app ${i}`]);
    }
    theirs?.send({ action: Action.DETACH, channel: 'room' });
    await stage.settle();
    expect(mine?.all(Action.PRESENCE)).toHaveLength(1);
  });
});
