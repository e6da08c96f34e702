import { issueJwt } from '@parvis/auth';
import { Action, Flag, type Message, MessageAction, type ProtocolMessage } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, Harness, type HarnessOptions, readKey, type TestClient } from '../../test/harness.ts';

const { CREATE, UPDATE, DELETE, APPEND } = MessageAction;
const channel = 'mutable:room';
const ownKey = 'app.own:own-secret-own-secret-own-secret-own';
const blindKey = 'app.blind:blind-secret-blind-secret-blind-se';
const keys = [
  { key: ownKey, capability: { '*': ['publish', 'subscribe', 'message-update-own', 'message-delete-own'] } },
  { key: blindKey, capability: { '*': ['publish', 'message-update-own'] } },
];

const messagesOf = (client: TestClient): Message[] =>
  client.all(Action.MESSAGE).flatMap(({ messages = [] }) => messages);
const brief = ({ action, data, serial }: Message) => ({ action, data, serial });

/** Serials of what a client has published, in order. */
const serialsOf = (client: TestClient): string[] =>
  client.all(Action.ACK).flatMap(({ res = [] }) => res.flatMap(({ serials }) => serials.map(String)));

async function room(options: HarnessOptions = {}) {
  const harness = new Harness({ keys, ...options });
  const ada = harness.connect({ clientId: 'ada' });
  const bob = harness.connect({ clientId: 'bob', format: 'msgpack' });
  for (const client of [ada, bob]) client.attach(channel);
  await harness.settle();
  const publish = async (message: Message): Promise<string> => {
    ada.publish(channel, message);
    await harness.settle();
    return serialsOf(ada).at(-1) ?? '';
  };
  return { harness, ada, bob, publish };
}

/** The last position a client was told, as its next attach would name it. */
const positionOf = ({ received }: TestClient) =>
  received.filter(({ channelSerial }) => channelSerial !== undefined).at(-1)?.channelSerial ?? '';

describe('changed messages', () => {
  it('[MU11] an update or delete reaches all with the serial of the message and a later version', async () => {
    const { harness, ada, bob, publish } = await room();
    const serial = await publish({ name: 'note', data: 'a', extras: { headers: { k: 1 } } });
    harness.clock.advance(1_000);
    bob.publish(channel, { action: UPDATE, serial, data: 'b', version: { description: 'typo', metadata: { m: '1' } } });
    await harness.settle();
    ada.publish(channel, { action: DELETE, serial });
    await harness.settle();
    const [versionSerial] = serialsOf(bob);
    for (const client of [ada, bob]) {
      const [original, update, gone] = messagesOf(client);
      expect(update).toEqual({
        action: UPDATE,
        serial,
        id: `${bob.connectionId}:0:0`,
        name: 'note',
        data: 'b',
        clientId: 'ada',
        connectionId: ada.connectionId,
        extras: { headers: { k: 1 } },
        timestamp: client.all(Action.MESSAGE)[0]?.timestamp,
        version: {
          serial: versionSerial,
          timestamp: harness.clock.now(),
          clientId: 'bob',
          description: 'typo',
          metadata: { m: '1' },
        },
      });
      expect([original?.serial, gone?.serial, gone?.action, gone?.data]).toEqual([serial, serial, DELETE, 'b']);
      expect((versionSerial ?? '') > serial).toBe(true);
      expect((gone?.version?.serial ?? '') > (versionSerial ?? '')).toBe(true);
      const frames = client.all(Action.MESSAGE);
      expect(frames.map(({ channelSerial }) => channelSerial).toSorted()).toEqual(
        frames.map(({ channelSerial }) => channelSerial),
      );
      expect(frames[1]?.connectionId).toBeUndefined();
    }
  });

  it('[MU12] an append reaches those who hold the message as what it adds, all others as the whole message', async () => {
    const { harness, ada, bob, publish } = await room();
    const serial = await publish({ name: 'answer', data: 'one' });
    const late = harness.connect({ clientId: 'eve' });
    late.attach(channel);
    await harness.settle();
    ada.publish(channel, { action: APPEND, serial, data: ' two' });
    ada.publish(channel, { name: 'other', data: 'x' });
    ada.publish(channel, { action: APPEND, serial, data: ' three' });
    await harness.settle();
    const told = messagesOf(bob).filter(({ name }) => name === 'answer');
    expect(told.map(brief)).toEqual([
      { action: CREATE, data: 'one', serial },
      { action: APPEND, data: ' two', serial },
      { action: APPEND, data: ' three', serial },
    ]);
    const whole = messagesOf(late);
    const data = whole.reduce((text, { action, data, name }) => {
      if (name !== 'answer') return text;
      return action === APPEND ? text + data : String(data);
    }, '');
    expect(data).toBe('one two three');
    expect(whole[0]).toMatchObject({ action: UPDATE, serial });
    expect(whole.filter(({ name }) => name === 'other')).toHaveLength(1);
    const positions = late.all(Action.MESSAGE).map(({ channelSerial }) => channelSerial);
    expect(positions.toSorted()).toEqual(positions);
    ada.publish(channel, { action: APPEND, serial, data: ' four' });
    await harness.settle();
    expect(messagesOf(late).at(-1)).toMatchObject({ action: APPEND, data: ' four', name: 'answer' });
  });

  it('[MU12] an update brings those who hold nothing up to date, and so does the append after it', async () => {
    const { harness, ada, publish } = await room();
    const serial = await publish({ data: 'one' });
    const late = harness.connect();
    late.attach(channel);
    await harness.settle();
    ada.publish(channel, { action: UPDATE, serial, data: 'two' });
    ada.publish(channel, { action: APPEND, serial, data: '!' });
    await harness.settle();
    expect(messagesOf(late).map(brief)).toEqual([
      { action: UPDATE, data: 'two', serial },
      { action: APPEND, data: '!', serial },
    ]);
  });

  it('[MU13] the param appendMode=full is answered, and turns each append into an update', async () => {
    const { harness, ada, publish } = await room();
    const whole = harness.connect();
    whole.attach(channel, { params: { appendMode: 'full' } });
    await harness.settle();
    expect(whole.one(Action.ATTACHED).params).toEqual({ appendMode: 'full' });
    const serial = await publish({ data: 'a' });
    for (const data of ['b', 'c']) {
      ada.publish(channel, { action: APPEND, serial, data });
      await harness.settle();
    }
    expect(messagesOf(whole).map(brief)).toEqual([
      { action: CREATE, data: 'a', serial },
      { action: UPDATE, data: 'ab', serial },
      { action: UPDATE, data: 'abc', serial },
    ]);
  });

  it('[MU13] while one waits for the whole message, all that comes meanwhile waits with it, and comes in order', async () => {
    const { harness, ada, publish } = await room();
    const serial = await publish({ data: 'a' });
    const late = harness.connect();
    late.attach(channel);
    await harness.settle();
    ada.publish(channel, { action: APPEND, serial, data: 'b' });
    for (let n = 0; n < 5; n++) ada.publish(channel, { data: `after ${n}` });
    ada.presence(channel, { action: 2 });
    await harness.settle();
    const [first, ...rest] = late.received.filter(
      ({ action }) => action !== Action.ATTACHED && action !== Action.CONNECTED,
    );
    const texts = (frame?: ProtocolMessage) => frame?.messages?.map(({ data }) => data);
    expect(late.all(Action.PRESENCE)).toHaveLength(1);
    const all = [first, ...rest].filter((frame) => frame?.action === Action.MESSAGE);
    expect(all.flatMap(texts).filter((text) => text !== 'ab')).toEqual([0, 1, 2, 3, 4].map((n) => `after ${n}`));
    expect(all.flatMap(texts)).toContain('ab');
    const positions = late.received.map(({ channelSerial }) => channelSerial).filter((at) => at !== undefined);
    expect(positions.toSorted()).toEqual(positions);
  });

  it('[MU14] a client that detaches while it waits for a whole message is sent nothing more', async () => {
    const { harness, ada, publish } = await room();
    const serial = await publish({ data: 'a' });
    const late = harness.connect();
    late.attach(channel);
    await harness.settle();
    ada.publish(channel, { action: APPEND, serial, data: 'b' });
    late.send({ action: Action.DETACH, channel });
    await harness.settle();
    const detached = late.received.findIndex(({ action }) => action === Action.DETACHED);
    expect(late.received.slice(detached + 1)).toEqual([]);
    ada.publish(channel, { data: 'more' });
    await harness.settle();
    expect(late.received.slice(detached + 1)).toEqual([]);
  });

  it('[MU15] rewind shows each message once, in its latest version and in the place where it was published', async () => {
    const { harness, ada, publish } = await room();
    const first = await publish({ name: 'first', data: 'a' });
    const second = await publish({ name: 'second', data: 'b' });
    for (const data of ['1', '2']) ada.publish(channel, { action: APPEND, serial: first, data });
    ada.publish(channel, { action: DELETE, serial: second });
    await harness.settle();
    const third = await publish({ name: 'third', data: 'c' });
    const late = harness.connect();
    late.attach(channel, { params: { rewind: '10' } });
    await harness.settle();
    expect(messagesOf(late).map(brief)).toEqual([
      { action: UPDATE, data: 'a12', serial: first },
      { action: DELETE, data: 'b', serial: second },
      { action: CREATE, data: 'c', serial: third },
    ]);
    late.clear();
    ada.publish(channel, { action: APPEND, serial: first, data: '3' });
    await harness.settle();
    expect(messagesOf(late).map(brief)).toEqual([{ action: APPEND, data: '3', serial: first }]);
  });

  it('[MU15] what is appended while a rewind is being read is told once', async () => {
    const { harness, ada, publish } = await room();
    const serial = await publish({ data: 'a' });
    for (let n = 0; n < 20; n++) {
      const late = harness.connect();
      late.attach(channel, { params: { rewind: '1' } });
      ada.publish(channel, { action: APPEND, serial, data: String.fromCharCode(98 + n) });
      await harness.settle();
      const text = messagesOf(late).reduce(
        (all, { action, data }) => (action === APPEND ? all + data : String(data)),
        '',
      );
      expect(text).toBe('abcdefghijklmnopqrstuvwxyz'.slice(0, n + 2));
      late.cut();
    }
  });

  it('[MU15] of a publish that is rewound in part, what was left out is not taken for known', async () => {
    const { harness, ada, publish } = await room();
    ada.publish(channel, { data: 'a' }, { data: 'b' });
    await harness.settle();
    const [first = '', second = ''] = serialsOf(ada);
    const late = harness.connect();
    late.attach(channel, { params: { rewind: '1' } });
    await harness.settle();
    for (const serial of [first, second]) ada.publish(channel, { action: APPEND, serial, data: '+' });
    await harness.settle();
    expect(messagesOf(late).map(brief)).toEqual([
      { action: CREATE, data: 'b', serial: second },
      { action: UPDATE, data: 'a+', serial: first },
      { action: APPEND, data: '+', serial: second },
    ]);
    expect(await publish({ data: 'c' })).not.toBe(first);
  });

  it('[MU13] a derived channel judges an append by the whole message', async () => {
    const { harness, ada, publish } = await room();
    const serial = await publish({ name: 'good', data: 'a' });
    const other = await publish({ name: 'bad', data: 'a' });
    const filter = Buffer.from('name == `"good"`').toString('base64');
    const derived = harness.connect();
    derived.attach(`[filter=${filter}]${channel}`);
    await harness.settle();
    for (const data of ['b', 'c']) {
      ada.publish(channel, { action: APPEND, serial: other, data });
      ada.publish(channel, { action: APPEND, serial, data });
      await harness.settle();
    }
    expect(messagesOf(derived).map(brief)).toEqual([
      { action: UPDATE, data: 'ab', serial },
      { action: UPDATE, data: 'abc', serial },
    ]);
  });

  it('[MU16] a resume replays what happened as it happened; an append to what came before it is told whole', async () => {
    const { harness, ada, bob, publish } = await room();
    const before = await publish({ data: 'a' });
    const position = positionOf(bob);
    const query = { clientId: 'bob', format: 'msgpack', resume: bob.connectionKey };
    bob.cut();
    const since = await publish({ data: 'b' });
    for (const serial of [before, since]) ada.publish(channel, { action: APPEND, serial, data: '+' });
    ada.publish(channel, { action: UPDATE, serial: since, data: 'c' });
    ada.publish(channel, { action: APPEND, serial: before, data: '-' });
    ada.presence(channel, { action: 2 });
    await harness.settle();
    const again = harness.connect(query);
    await harness.settle();
    again.attach(channel, { channelSerial: position });
    await harness.settle();
    const flags = again.one(Action.ATTACHED).flags ?? 0;
    expect(flags & (Flag.RESUMED | Flag.HAS_BACKLOG)).toBe(Flag.RESUMED | Flag.HAS_BACKLOG);
    expect(messagesOf(again).map(brief)).toEqual([
      { action: CREATE, data: 'b', serial: since },
      { action: APPEND, data: '+', serial: since },
      { action: UPDATE, data: 'c', serial: since },
      { action: UPDATE, data: 'a+-', serial: before },
    ]);
  });

  it('[MU17] in a namespace that is not mutable a change is refused with 93002, whatever the serial', async () => {
    const { harness, ada } = await room();
    ada.publish('plain', { data: 'a' });
    await harness.settle();
    const [serial = ''] = serialsOf(ada);
    for (const action of [UPDATE, DELETE, APPEND]) ada.publish('plain', { action, serial, data: 'b' });
    await harness.settle();
    expect(ada.all(Action.NACK).map(({ error }) => [error?.code, error?.statusCode])).toEqual(
      Array(3).fill([93002, 400]),
    );
  });

  it('[MU17] publishing writes no rows, in mutable namespaces neither', async () => {
    const { harness, publish } = await room();
    await publish({ data: 'a' });
    const ref = { app: 'app', name: channel, retentionMs: 1_000 };
    const sink = { entry() {}, lapsed() {} };
    expect((await harness.engine.join(ref, sink)).rows).toEqual([]);
  });

  it('[MU18] appends that are sent without waiting all arrive, in the order they were sent', async () => {
    const { harness, ada, bob, publish } = await room();
    const serial = await publish({ data: '' });
    for (let n = 0; n < 200; n++) ada.publish(channel, { action: APPEND, serial, data: `${n},` });
    while (serialsOf(ada).length < 201) await harness.settle();
    const expected = Array.from({ length: 200 }, (_, n) => `${n},`);
    expect(
      messagesOf(bob)
        .slice(1)
        .map(({ data }) => data),
    ).toEqual(expected);
    const late = harness.connect();
    late.attach(channel, { params: { rewind: '1' } });
    await harness.settle();
    expect(messagesOf(late)[0]?.data).toBe(expected.join(''));
    const versions = serialsOf(ada).slice(1);
    expect(new Set(versions).size).toBe(200);
    expect(versions.toSorted()).toEqual(versions);
  });

  it('[MU18] what is published behind a change comes after it on the channel', async () => {
    const { harness, ada, bob, publish } = await room();
    const serial = await publish({ data: 'a' });
    ada.publish(channel, { action: UPDATE, serial, data: '0' });
    ada.publish(channel, { data: '1' });
    ada.publish(channel, { action: APPEND, serial, data: '2' });
    ada.publish(channel, { action: UPDATE, serial: 'none', data: 'refused' });
    ada.publish(channel, { action: UPDATE, serial, data: '3' });
    ada.publish(channel, { data: '4' });
    await harness.settle();
    expect(messagesOf(bob).map(({ data }) => data)).toEqual(['a', '0', '1', '2', '3', '4']);
    expect(ada.error(Action.NACK).code).toBe(40400);
  });

  it('[MU19] nodes that change one message at once lose nothing of what either says', async () => {
    const one = await room();
    const two = await room({ engine: () => one.harness.engine });
    const serial = await one.publish({ data: '' });
    for (let n = 0; n < 20; n++) {
      one.ada.publish(channel, { action: APPEND, serial, data: 'a' });
      two.ada.publish(channel, { action: APPEND, serial, data: 'b' });
    }
    while (serialsOf(one.ada).length < 21 || serialsOf(two.ada).length < 20) await one.harness.settle();
    const late = one.harness.connect();
    late.attach(channel, { params: { rewind: '1' } });
    await one.harness.settle();
    expect([...String(messagesOf(late)[0]?.data)].toSorted().join('')).toBe('a'.repeat(20) + 'b'.repeat(20));
    expect(messagesOf(one.bob)).toEqual(messagesOf(two.bob));
  });

  it('[MU19] where the whole message cannot be read, the client is told that it may have missed something', async () => {
    const one = await room();
    const { engine } = one.harness;
    const broken = new Proxy(engine, {
      get(target, name) {
        if (name === 'rows') return () => Promise.reject(new Error('storage is gone'));
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const two = new Harness({ engine: () => broken });
    const serial = await one.publish({ data: 'a' });
    const late = two.connect();
    late.attach(channel);
    await two.settle();
    one.ada.publish(channel, { action: APPEND, serial, data: 'b' });
    await two.settle();
    const [, again] = late.all(Action.ATTACHED);
    expect((again?.flags ?? 0) & Flag.RESUMED).toBe(0);
    expect(again?.error).toMatchObject({ code: 90005 });
    expect(messagesOf(late)).toEqual([]);
    one.ada.publish(channel, { data: 'c' });
    await two.settle();
    expect(messagesOf(late).map(({ data }) => data)).toEqual(['c']);
  });

  it('[MU16] who could not hear messages for a while is told whole messages afterwards', async () => {
    const { harness, ada, publish } = await room();
    const token = (...operations: string[]) =>
      issueJwt({ key: fullKey, now: harness.clock.now(), clientId: 'eve', capability: { '*': operations } });
    const eve = harness.connect({ access_token: await token('subscribe', 'publish') });
    await harness.settle();
    eve.attach(channel);
    await harness.settle();
    const before = await publish({ data: 'a' });
    eve.send({ action: Action.AUTH, auth: { accessToken: await token('publish') } });
    await harness.settle();
    const meanwhile = await publish({ data: 'x' });
    eve.send({ action: Action.AUTH, auth: { accessToken: await token('subscribe', 'publish') } });
    await harness.settle();
    for (const serial of [meanwhile, before]) ada.publish(channel, { action: APPEND, serial, data: '+' });
    await harness.settle();
    expect(messagesOf(eve).map(brief)).toEqual([
      { action: CREATE, data: 'a', serial: before },
      { action: UPDATE, data: 'x+', serial: meanwhile },
      { action: UPDATE, data: 'a+', serial: before },
    ]);
  });

  it('[MU20] a change that is sent again after a resume is acknowledged with its first version, and made once', async () => {
    const { harness, ada, bob, publish } = await room();
    const serial = await publish({ data: 'a' });
    ada.publish(channel, { action: APPEND, serial, data: 'b' });
    await harness.settle();
    const query = { clientId: 'ada', resume: ada.connectionKey };
    ada.cut();
    const again = harness.connect(query);
    await harness.settle();
    again.msgSerial = 1;
    again.publish(channel, { action: APPEND, serial, data: 'b' });
    await harness.settle();
    expect(serialsOf(again)).toEqual([serialsOf(ada)[1]]);
    expect(messagesOf(bob).map(({ data }) => data)).toEqual(['a', 'b']);
  });

  it('[MU21] who does not want its own messages back is not told of its own changes', async () => {
    const { harness, bob, publish } = await room();
    const silent = harness.connect({ clientId: 'eve', echo: 'false' });
    silent.attach(channel);
    await harness.settle();
    const serial = await publish({ data: 'a' });
    silent.publish(channel, { action: UPDATE, serial, data: 'mine' });
    silent.publish(channel, { action: APPEND, serial, data: '!' });
    await harness.settle();
    bob.publish(channel, { action: UPDATE, serial, data: 'yours' });
    await harness.settle();
    expect(messagesOf(silent).map(({ data }) => data)).toEqual(['a', 'yours']);
    expect(messagesOf(bob).map(({ data }) => data)).toEqual(['a', 'mine', '!', 'yours']);
  });

  it('[MU22] a message can be changed as long as it is kept, and then its version is gone as well', async () => {
    const { harness, ada, publish } = await room({ limits: { persistedRetentionMs: 600_000 } });
    const serial = await publish({ data: 'a' });
    harness.clock.advance(590_000);
    ada.publish(channel, { action: UPDATE, serial, data: 'b' });
    await harness.settle();
    expect(ada.all(Action.NACK)).toEqual([]);
    harness.clock.advance(20_000);
    ada.publish(channel, { action: UPDATE, serial, data: 'c' });
    await harness.settle();
    expect(ada.error(Action.NACK)).toMatchObject({ code: 40400, statusCode: 404 });
    harness.clock.advance(60_000);
    const { rows } = await harness.engine.rows({ app: 'app', name: channel, retentionMs: 600_000 }, 'versions');
    expect(rows).toEqual([]);
  });

  it('[MU9] own messages may be changed with the right to own ones; those of others and serials of nothing are refused', async () => {
    const { harness, ada, publish } = await room();
    const theirs = await publish({ data: 'a' });
    const owner = harness.connect({ key: ownKey, clientId: 'eve' });
    owner.publish(channel, { data: 'mine' });
    await harness.settle();
    const [mine = ''] = serialsOf(owner);
    owner.publish(channel, { action: UPDATE, serial: mine, data: 'x' });
    owner.publish(channel, { action: DELETE, serial: mine });
    owner.publish(channel, { action: UPDATE, serial: theirs, data: 'x' });
    await harness.settle();
    expect(serialsOf(owner)).toHaveLength(3);
    expect(owner.error(Action.NACK)).toMatchObject({ code: 40160, statusCode: 401 });
    const nobody = harness.connect({ key: ownKey });
    nobody.publish(channel, { action: UPDATE, serial: mine, data: 'x' });
    const reader = harness.connect({ key: readKey });
    reader.publish(channel, { action: UPDATE, serial: mine, data: 'x' });
    const blind = harness.connect({ key: blindKey, clientId: 'dora' });
    blind.publish(channel, { action: UPDATE, serial: theirs, data: 'x' });
    const none = theirs.replace(/:000$/, ':001');
    blind.publish(channel, { action: UPDATE, serial: none, data: 'x' });
    ada.publish(channel, { action: UPDATE, serial: none, data: 'x' });
    await harness.settle();
    expect(nobody.error(Action.NACK)).toMatchObject({ code: 40166, statusCode: 401 });
    expect(reader.error(Action.NACK)).toMatchObject({ code: 40160, statusCode: 401 });
    expect(ada.error(Action.NACK)).toMatchObject({ code: 40400, statusCode: 404 });
    const [another, unknown] = blind.all(Action.NACK).map(({ error }) => error);
    expect(another).toMatchObject({ code: 40400, statusCode: 404 });
    expect(another).toEqual(unknown);
  });

  it('[MU7] a change stands by itself, and a refused one changes nothing', async () => {
    const { harness, ada, bob, publish } = await room();
    const serial = await publish({ data: 'a' });
    ada.publish(channel, { action: UPDATE, serial, data: 'x' }, { data: 'y' });
    ada.publish(channel, { data: 'y' }, { action: UPDATE, serial, data: 'x' });
    ada.publish(channel, { action: APPEND, serial, data: new Uint8Array(3) });
    ada.publish(channel, { action: UPDATE, serial, data: 'x'.repeat(70_000) });
    ada.publish(channel, { action: UPDATE, serial, version: { clientId: 'bob' } });
    await harness.settle();
    expect(ada.all(Action.NACK).map(({ error }) => error?.code)).toEqual([40000, 93002, 40013, 40009, 40012]);
    expect(messagesOf(bob).map(brief)).toEqual([{ action: CREATE, data: 'a', serial }]);
  });
});
