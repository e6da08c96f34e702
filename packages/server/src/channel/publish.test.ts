import { Action, type ProtocolMessage } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, Harness, otherKey, readKey, type TestClient } from '../../test/harness.ts';

async function pair(harness = new Harness(), query: Record<string, string> = {}) {
  const publisher = harness.connect(query);
  const subscriber = harness.connect();
  publisher.attach('room');
  subscriber.attach('room');
  await harness.settle();
  publisher.clear();
  subscriber.clear();
  return { harness, publisher, subscriber };
}

const messagesOf = (client: TestClient) => client.all(Action.MESSAGE).flatMap((frame) => frame.messages ?? []);

describe('publishing', () => {
  it('[PB1] a publish is acknowledged with a serial per message and delivered as one frame', async () => {
    const { harness, publisher, subscriber } = await pair();
    publisher.publish('room', { name: 'a', data: '1' }, { data: '2' });
    await harness.settle();
    const [first, second] = publisher.one(Action.ACK).res?.[0]?.serials ?? [];
    expect(publisher.one(Action.ACK)).toMatchObject({ msgSerial: 0, count: 1 });
    expect(first).toBeTypeOf('string');
    expect(String(second) > String(first)).toBe(true);
    const frame = subscriber.one(Action.MESSAGE);
    expect(frame.channelSerial).toBeTypeOf('string');
    expect(frame.id).toMatch(/^[\w-]{16}:0$/);
    expect(frame.messages).toMatchObject([
      { name: 'a', data: '1', action: 0, serial: first },
      { data: '2', action: 0, serial: second },
    ]);
    expect(frame.messages?.[1]).not.toHaveProperty('name');
  });

  it('[PB2] own messages come back unless the connection or the channel says no echo', async () => {
    const harness = new Harness();
    const plain = harness.connect();
    const silent = harness.connect({ echo: 'false' });
    const silentHere = harness.connect();
    plain.attach('room');
    silent.attach('room');
    silentHere.attach('room', { params: { echo: 'false' } });
    await harness.settle();
    plain.publish('room', { data: 'plain' });
    silent.publish('room', { data: 'silent' });
    silentHere.publish('room', { data: 'here' });
    await harness.settle();
    expect(messagesOf(plain).map(({ data }) => data)).toEqual(['plain', 'silent', 'here']);
    expect(messagesOf(silent).map(({ data }) => data)).toEqual(['plain', 'here']);
    expect(messagesOf(silentHere).map(({ data }) => data)).toEqual(['plain', 'silent']);
  });

  it('[PB3] acknowledgements come in order, each serial once', async () => {
    const { harness, publisher } = await pair();
    for (let i = 0; i < 20; i++) publisher.publish(`room${i % 3}`, { data: String(i) });
    await harness.settle();
    let next = 0;
    for (const ack of publisher.all(Action.ACK)) {
      expect(ack.msgSerial).toBe(next);
      expect(ack.res?.length).toBe(ack.count);
      next += ack.count ?? 0;
    }
    expect(next).toBe(20);
  });

  it('[PB4] a frame sent again is acknowledged again with the first serials, and delivered once', async () => {
    const { harness, publisher, subscriber } = await pair();
    const frame: ProtocolMessage = { action: Action.MESSAGE, channel: 'room', msgSerial: 7, messages: [{ data: 'x' }] };
    publisher.send(frame);
    publisher.send(frame);
    await harness.settle();
    const serials = publisher.all(Action.ACK).flatMap(({ res }) => res ?? []);
    expect(serials.length).toBe(2);
    expect(serials[0]).toEqual(serials[1]);
    expect(messagesOf(subscriber).length).toBe(1);
  });

  it('[PB5] a message id seen before is acknowledged and not delivered again, whoever sends it', async () => {
    const { harness, publisher, subscriber } = await pair();
    for (let i = 0; i < 3; i++) publisher.publish('room', { id: 'some_msg_id', data: String(i) });
    await harness.settle();
    expect(messagesOf(subscriber).map(({ id, data }) => ({ id, data }))).toEqual([{ id: 'some_msg_id', data: '0' }]);
  });

  it('[PB6] an id given by a client never collides with the id of a connection', async () => {
    const { harness, publisher, subscriber } = await pair();
    const id = `${publisher.transport.writes}`;
    publisher.publish('room', { data: 'a' });
    await harness.settle();
    const taken = subscriber.one(Action.MESSAGE).id ?? id;
    const eve = harness.connect();
    eve.publish('room', { id: taken, data: 'b' });
    await harness.settle();
    expect(messagesOf(subscriber).map(({ data }) => data)).toEqual(['a', 'b']);
  });

  it.each([
    ['[PB7] ids that are no sequence', [{ id: 'a:0' }, { id: 'b:1' }], 40031],
    ['[PB7] ids given to some only', [{ id: 'a:0' }, {}], 40031],
    ['[PB7] an overlong id', [{ id: 'x'.repeat(1_000) }], 40031],
    ['[PB8] extras.delta', [{ extras: { delta: {} } }], 40032],
    ['[PB9] more bytes than maxMessageSize', [{ data: 'x'.repeat(65_537) }], 40009],
    ['[PB10] the clientId *', [{ clientId: '*' }], 40012],
    ['[PB11] ephemeral messages among others', [{ extras: { ephemeral: true } }, {}], 40000],
    ['[PB12] no messages at all', [], 40030],
  ])('%s are refused with NACK, and the connection goes on', async (_title, messages, code) => {
    const { harness, publisher, subscriber } = await pair();
    publisher.publish('room', ...messages);
    publisher.publish('room', { data: 'after' });
    await harness.settle();
    expect(publisher.one(Action.NACK)).toMatchObject({ msgSerial: 0, count: 1, error: { code } });
    expect(publisher.one(Action.ACK)).toMatchObject({ msgSerial: 1, count: 1 });
    expect(messagesOf(subscriber).map(({ data }) => data)).toEqual(['after']);
  });

  it.each([true, 5, { a: 1 }, ['a']])('[PB13] data %j is refused with 40013', async (data) => {
    const { harness, publisher } = await pair();
    publisher.sendRaw(JSON.stringify({ action: 15, channel: 'room', msgSerial: 0, messages: [{ data }] }));
    await harness.settle();
    expect(publisher.error(Action.NACK).code).toBe(40013);
  });

  it('[PB14] messages of an identified connection carry its clientId, and no other is accepted', async () => {
    const { harness, publisher, subscriber } = await pair(new Harness(), { clientId: 'ada' });
    publisher.publish('room', { data: 'a' });
    publisher.publish('room', { data: 'b', clientId: 'ada' });
    publisher.publish('room', { data: 'c', clientId: 'eve' });
    await harness.settle();
    expect(publisher.error(Action.NACK)).toMatchObject({ code: 40012, statusCode: 400 });
    expect(messagesOf(subscriber).map(({ clientId }) => clientId)).toEqual(['ada', 'ada']);
  });

  it.each([1, 2, 3, 4, 5])(
    '[PB17] a message with the action %d is refused with 93002, not published anew',
    async (action) => {
      const harness = new Harness();
      const client = harness.connect();
      client.attach('room');
      await harness.settle();
      client.publish('room', { data: 'a', action: 0 });
      await harness.settle();
      const serial = client.all(Action.MESSAGE)[0]?.messages?.[0]?.serial ?? '';
      client.publish('room', { data: 'b', action, serial });
      await harness.settle();
      expect(client.error(Action.NACK)).toMatchObject({ code: 93002, statusCode: 400 });
      expect(client.all(Action.MESSAGE)).toHaveLength(1);
    },
  );

  it('[PB15] publishing without the right is refused with 40160, without the mode with 40165', async () => {
    const harness = new Harness();
    const reader = harness.connect({ key: readKey });
    reader.publish('room', { data: 'x' });
    const modeless = harness.connect();
    modeless.attach('room', { params: { modes: 'subscribe' } });
    await harness.settle();
    modeless.publish('room', { data: 'x' });
    await harness.settle();
    expect(reader.error(Action.NACK)).toMatchObject({ code: 40160, statusCode: 401 });
    expect(modeless.error(Action.NACK)).toMatchObject({ code: 40165, statusCode: 401 });
  });

  it('[PB16] an ephemeral message is delivered live and never replayed', async () => {
    const { harness, publisher, subscriber } = await pair();
    publisher.publish('room', { data: 'gone', extras: { ephemeral: true } });
    await harness.settle();
    expect(messagesOf(subscriber).map(({ data }) => data)).toEqual(['gone']);
    const late = harness.connect();
    late.attach('room', { params: { rewind: '10' } });
    await harness.settle();
    expect(messagesOf(late)).toEqual([]);
  });

  it('[attack 16] keys such as __proto__ in extras are data', async () => {
    const { harness, publisher, subscriber } = await pair();
    const extras =
      '{"headers":{"__proto__":{"polluted":1},"hasOwnProperty":2},"constructor":{"prototype":{"polluted":1}}}';
    publisher.sendRaw(`{"action":15,"channel":"room","msgSerial":0,"messages":[{"extras":${extras}}]}`);
    await harness.settle();
    expect(JSON.stringify(messagesOf(subscriber)[0]?.extras)).toBe(extras);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([-1, 1.5, 2 ** 53, '1', null])(
    '[attack 18] the msgSerial %j does not harm the connection of others',
    async (msgSerial) => {
      const { harness, publisher, subscriber } = await pair();
      publisher.sendRaw(JSON.stringify({ action: 15, channel: 'room', msgSerial, messages: [{ data: 'x' }] }));
      subscriber.send({ action: Action.HEARTBEAT, id: 'fine' });
      await harness.settle();
      expect([40000, 80013]).toContain(publisher.error(Action.ERROR).code);
      subscriber.one(Action.HEARTBEAT);
    },
  );

  it('[attack 41] a connection over its publish rate gets NACK 42911 and goes on', async () => {
    const { harness, publisher } = await pair(new Harness({ limits: { maxInboundRate: 5 } }));
    for (let i = 0; i < 7; i++) publisher.publish('room', { data: String(i) });
    await harness.settle();
    expect(publisher.all(Action.NACK).map(({ error }) => error?.code)).toEqual([42911, 42911]);
    harness.clock.advance(1_000);
    publisher.publish('room', { data: 'later' });
    await harness.settle();
    expect(publisher.all(Action.ACK).at(-1)?.msgSerial).toBe(7);
  });

  it('[attack 62] two apps with the same channel name never meet', async () => {
    const harness = new Harness();
    const mine = harness.connect({ key: fullKey });
    const theirs = harness.connect({ key: otherKey });
    mine.attach('room');
    theirs.attach('room');
    await harness.settle();
    theirs.publish('room', { data: 'secret' });
    await harness.settle();
    expect(messagesOf(mine)).toEqual([]);
    expect(messagesOf(theirs).length).toBe(1);
  });

  it('[CU1] messages of a cursors channel that come within its window arrive as one frame', async () => {
    const harness = new Harness();
    const [ada, bob] = ['ada', 'bob'].map((clientId) => harness.connect({ clientId }));
    for (const client of [ada, bob]) client?.attach('team::$cursors');
    await harness.settle();
    ada?.publish('team::$cursors', { name: 'cursorUpdate', data: '1' });
    bob?.publish('team::$cursors', { name: 'cursorUpdate', data: '2' });
    await harness.settle();
    expect(ada?.all(Action.MESSAGE)).toEqual([]);
    harness.clock.advance(5);
    await harness.settle();
    const frame = ada?.one(Action.MESSAGE);
    expect(frame?.messages?.map(({ clientId, connectionId, data }) => ({ clientId, connectionId, data }))).toEqual([
      { clientId: 'ada', connectionId: ada?.connectionId, data: '1' },
      { clientId: 'bob', connectionId: bob?.connectionId, data: '2' },
    ]);
  });

  it('[CU2] on a cursors channel the answer to a publish leaves with the frame of the window, in one write', async () => {
    const harness = new Harness();
    const ada = harness.connect({ clientId: 'ada' });
    ada.attach('team::$cursors');
    await harness.settle();
    const { writes } = ada.transport;
    ada.publish('team::$cursors', { name: 'cursorUpdate', data: '1' });
    await harness.settle();
    expect(ada.all(Action.ACK)).toEqual([]);
    harness.clock.advance(5);
    await harness.settle();
    expect(ada.one(Action.ACK).msgSerial).toBe(0);
    expect(ada.one(Action.MESSAGE).messages?.length).toBe(1);
    expect(ada.transport.writes - writes).toBe(1);
  });

  it('[CU3] the answer to a publish on a cursors channel comes by itself where nothing else leaves', async () => {
    const harness = new Harness();
    const ada = harness.connect({ clientId: 'ada' });
    ada.publish('team::$cursors', { name: 'cursorUpdate', data: '1' });
    await harness.settle();
    harness.clock.advance(5);
    await harness.settle();
    expect(ada.one(Action.ACK).msgSerial).toBe(0);
  });
});
