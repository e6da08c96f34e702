import { Action, Flag, Mode, PresenceAction, type PresenceMessage } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { Harness, readKey, type TestClient } from '../../test/harness.ts';

const { ENTER, UPDATE, LEAVE, PRESENT } = PresenceAction;

async function room(harness = new Harness()) {
  const member = harness.connect({ clientId: 'ada' });
  const watcher = harness.connect({ clientId: 'bob' });
  member.attach('room');
  watcher.attach('room');
  await harness.settle();
  return { harness, member, watcher };
}

const eventsOf = (client: TestClient): PresenceMessage[] =>
  client.all(Action.PRESENCE).flatMap((frame) => frame.presence ?? []);

describe('presence', () => {
  it('[PR1] enter, update and leave are acknowledged and delivered to all, the member itself included', async () => {
    const { harness, member, watcher } = await room();
    member.presence('room', { action: ENTER, data: 'a' });
    member.presence('room', { action: UPDATE, data: 'b' });
    member.presence('room', { action: LEAVE, data: 'c' });
    await harness.settle();
    expect(member.all(Action.ACK).reduce((sum, ack) => sum + (ack.count ?? 0), 0)).toBe(3);
    for (const client of [member, watcher]) {
      expect(eventsOf(client).map(({ action, clientId, data, id }) => ({ action, clientId, data, id }))).toEqual([
        { action: ENTER, clientId: 'ada', data: 'a', id: `${member.connectionId}:0:0` },
        { action: UPDATE, clientId: 'ada', data: 'b', id: `${member.connectionId}:1:0` },
        { action: LEAVE, clientId: 'ada', data: 'c', id: `${member.connectionId}:2:0` },
      ]);
    }
  });

  it('[PR2] a client that attaches later gets HAS_PRESENCE and a SYNC with ids, times and state unchanged', async () => {
    const { harness, member, watcher } = await room();
    member.presence('room', { action: ENTER, data: 'a', extras: { locks: [1] } });
    await harness.settle();
    harness.clock.advance(5_000);
    const late = harness.connect();
    late.attach('room');
    await harness.settle();
    expect((late.one(Action.ATTACHED).flags ?? 0) & Flag.HAS_PRESENCE).toBe(Flag.HAS_PRESENCE);
    const [entered] = eventsOf(watcher);
    const sync = late.one(Action.SYNC);
    expect(sync.channelSerial).toMatch(/^\w+:$/);
    expect(sync.presence).toEqual([
      {
        action: PRESENT,
        id: entered?.id,
        clientId: 'ada',
        connectionId: member.connectionId,
        data: 'a',
        extras: { locks: [1] },
        timestamp: watcher.one(Action.PRESENCE).timestamp,
      },
    ]);
  });

  it('[PR3] a large set is synced in pages of one sync id, the last with an empty cursor', async () => {
    const harness = new Harness();
    const many = harness.connect();
    many.attach('room');
    await harness.settle();
    for (let i = 0; i < 250; i++) many.presence('room', { action: ENTER, clientId: `c${i}` });
    await harness.settle();
    const late = harness.connect();
    late.attach('room');
    await harness.settle();
    const pages = late.all(Action.SYNC);
    expect(pages.map(({ presence }) => presence?.length)).toEqual([100, 100, 50]);
    expect(new Set(pages.map(({ channelSerial }) => channelSerial?.split(':')[0])).size).toBe(1);
    expect(pages.map(({ channelSerial }) => channelSerial?.split(':')[1])).toEqual(['100', '200', '']);
  });

  it('[PR4] a member whose connection drops stays until its lease ends, then leaves with its last state', async () => {
    const { harness, member, watcher } = await room();
    member.presence('room', { action: ENTER, data: 'a', extras: { locks: [1] } });
    await harness.settle();
    watcher.clear();
    member.cut();
    harness.clock.advance(14_000);
    await harness.settle();
    expect(eventsOf(watcher)).toEqual([]);
    harness.clock.advance(2_000);
    await harness.settle();
    const [leave, ...rest] = eventsOf(watcher);
    expect(rest).toEqual([]);
    expect(leave).toMatchObject({
      action: LEAVE,
      clientId: 'ada',
      connectionId: member.connectionId,
      data: 'a',
      extras: { locks: [1] },
    });
    expect(leave?.id?.startsWith(member.connectionId)).toBe(false);
  });

  it('[PR5] a connection resumed in time keeps its members without a word', async () => {
    const { harness, member, watcher } = await room();
    member.presence('room', { action: ENTER, data: 'a' });
    await harness.settle();
    watcher.clear();
    member.cut();
    harness.clock.advance(10_000);
    const again = harness.connect({ clientId: 'ada', resume: member.connectionKey });
    await harness.settle();
    again.attach('room');
    await harness.settle();
    again.presence('room', { action: ENTER, id: `${member.connectionId}:0:0`, data: 'a' });
    harness.clock.advance(60_000);
    await harness.settle();
    again.one(Action.ACK);
    expect(eventsOf(watcher)).toEqual([]);
    expect(again.one(Action.SYNC).presence?.map(({ data }) => data)).toEqual(['a']);
  });

  it('[PR6] remainPresentFor says how long members stay', async () => {
    const harness = new Harness();
    const member = harness.connect({ clientId: 'ada', remainPresentFor: '5000' });
    const watcher = harness.connect();
    member.attach('room');
    watcher.attach('room');
    await harness.settle();
    member.presence('room', { action: ENTER });
    await harness.settle();
    member.cut();
    harness.clock.advance(4_000);
    await harness.settle();
    expect(eventsOf(watcher).length).toBe(1);
    harness.clock.advance(1_500);
    await harness.settle();
    expect(eventsOf(watcher).map(({ action }) => action)).toEqual([ENTER, LEAVE]);
  });

  it.each([
    ['DETACH', (member: TestClient) => member.send({ action: Action.DETACH, channel: 'room' })],
    ['CLOSE', (member: TestClient) => member.send({ action: Action.CLOSE })],
    ['a fatal error', (member: TestClient) => member.sendRaw('nonsense')],
  ])('[PR7] members leave at once on %s', async (_title, end) => {
    const { harness, member, watcher } = await room();
    member.presence('room', { action: ENTER, data: 'a' });
    end(member);
    await harness.settle();
    expect(eventsOf(watcher).map(({ action, data }) => ({ action, data }))).toEqual([
      { action: ENTER, data: 'a' },
      { action: LEAVE, data: 'a' },
    ]);
    const late = harness.connect();
    late.attach('room');
    await harness.settle();
    expect((late.one(Action.ATTACHED).flags ?? 0) & Flag.HAS_PRESENCE).toBe(0);
  });

  it('[PR8] a re-entry with the stored id is acknowledged, not broadcast, and wipes no extras', async () => {
    const { harness, member, watcher } = await room();
    member.presence('room', { action: ENTER, data: 'a', extras: { locks: [1] } });
    await harness.settle();
    watcher.clear();
    member.presence('room', { action: ENTER, id: `${member.connectionId}:0:0`, clientId: 'ada', data: 'a' });
    await harness.settle();
    expect(eventsOf(watcher)).toEqual([]);
    const late = harness.connect();
    late.attach('room');
    await harness.settle();
    expect(late.one(Action.SYNC).presence?.[0]?.extras).toEqual({ locks: [1] });
  });

  it('[FZ3] a re-entry with an id older than the stored one comes from before a lost echo, and changes nothing', async () => {
    const { harness, member, watcher } = await room();
    const id = (serial: number) => `${member.connectionId}:${serial}:0`;
    member.presence('room', { action: ENTER, data: 'a' });
    member.presence('room', { action: UPDATE, data: 'b', extras: { locks: [1] } });
    await harness.settle();
    watcher.clear();
    member.presence('room', { action: ENTER, id: id(0), clientId: 'ada', data: 'a' });
    await harness.settle();
    expect(eventsOf(watcher)).toEqual([]);
    expect(member.all(Action.ACK).reduce((sum, ack) => sum + (ack.count ?? 0), 0)).toBe(3);
    const late = harness.connect();
    late.attach('room');
    await harness.settle();
    expect(late.one(Action.SYNC).presence?.[0]).toMatchObject({ id: id(1), data: 'b', extras: { locks: [1] } });
  });

  it.each([
    ['an update', { action: UPDATE, data: 'old' }],
    ['an enter', { action: ENTER, data: 'old' }],
    ['a leave', { action: LEAVE }],
  ])('[FZ4] %s whose msgSerial goes back changes nothing, here as at every client', async (_title, event) => {
    const { harness, member, watcher } = await room();
    member.msgSerial = 7;
    member.presence('room', { action: ENTER, data: 'new' });
    await harness.settle();
    watcher.clear();
    member.msgSerial = 3;
    member.presence('room', event);
    await harness.settle();
    expect(eventsOf(watcher)).toEqual([]);
    expect(member.all(Action.ACK).at(-1)?.msgSerial).toBe(3);
    const late = harness.connect();
    late.attach('room');
    await harness.settle();
    expect(late.one(Action.SYNC).presence).toMatchObject([{ data: 'new' }]);
  });

  it('[PR9] an enter with an explicit id whose member is gone keeps that id', async () => {
    const { harness, member, watcher } = await room();
    member.presence('room', { action: ENTER, id: 'old:3:0', data: 'a' });
    await harness.settle();
    expect(eventsOf(watcher)[0]?.id).toBe('old:3:0');
  });

  it('[PR10] an update of nobody enters, a leave of nobody changes nothing; both are acknowledged', async () => {
    const { harness, member, watcher } = await room();
    member.presence('room', { action: LEAVE });
    member.presence('room', { action: UPDATE, data: 'a' });
    await harness.settle();
    expect(eventsOf(watcher).map(({ action }) => action)).toEqual([ENTER]);
    expect(member.all(Action.ACK).reduce((sum, ack) => sum + (ack.count ?? 0), 0)).toBe(2);
  });

  it('[PR11] a leave without data says what the member last said', async () => {
    const { harness, member, watcher } = await room();
    member.presence('room', { action: ENTER, data: '{"x":1}', encoding: 'json', extras: { locks: [] } });
    member.presence('room', { action: LEAVE });
    await harness.settle();
    expect(eventsOf(watcher)[1]).toMatchObject({
      action: LEAVE,
      data: '{"x":1}',
      encoding: 'json',
      extras: { locks: [] },
    });
  });

  it('[PR11] a leave without data keeps extras of its own', async () => {
    const { harness, member, watcher } = await room();
    member.presence('room', { action: ENTER, data: 'here', extras: { headers: { key: 'value' } } });
    member.presence('room', { action: LEAVE, extras: { headers: { other: 'other' } } });
    await harness.settle();
    expect(eventsOf(watcher)[1]).toMatchObject({ action: LEAVE, data: 'here' });
    expect(eventsOf(watcher)[1]?.extras).toEqual({ headers: { other: 'other' } });
  });

  it('[PR12] a connection that may act as anybody enters several clients', async () => {
    const harness = new Harness();
    const many = harness.connect();
    many.attach('room');
    await harness.settle();
    many.presence('room', { action: ENTER, clientId: 'a' }, { action: ENTER, clientId: 'b' });
    await harness.settle();
    expect(eventsOf(many).map(({ clientId }) => clientId)).toEqual(['a', 'b']);
  });

  it('[PR13] a frame of several events is all or nothing', async () => {
    const harness = new Harness();
    const many = harness.connect();
    many.attach('room');
    await harness.settle();
    many.presence('room', { action: ENTER, clientId: 'a' }, { action: ENTER, clientId: '*' });
    await harness.settle();
    expect(many.error(Action.NACK).code).toBe(40012);
    expect(eventsOf(many)).toEqual([]);
  });

  it.each([
    ['[PR14] without an attachment', { clientId: 'ada' }, 'elsewhere', {}, 90001, 404],
    ['[attack 36] as somebody else', { clientId: 'ada' }, 'room', { clientId: 'eve' }, 40012, 400],
    ['[PR15] without any clientId', {}, 'room', {}, 91000, 400],
    ['[PR16] without the right', { key: readKey, clientId: 'ada' }, 'room', {}, 40160, 401],
  ])('%s presence is refused', async (_title, query, channel, more, code, statusCode) => {
    const harness = new Harness();
    const client = harness.connect(query);
    client.attach('room');
    await harness.settle();
    client.presence(channel, { action: ENTER, ...more });
    await harness.settle();
    expect(client.error(Action.NACK)).toMatchObject({ code, statusCode });
  });

  it('[PR17] presence without the mode is refused with 40165, and own events arrive without presence_subscribe', async () => {
    const harness = new Harness();
    const client = harness.connect({ clientId: 'ada' });
    client.attach('room', { flags: Mode.SUBSCRIBE });
    client.attach('own', { flags: Mode.PRESENCE });
    await harness.settle();
    client.presence('room', { action: ENTER });
    client.presence('own', { action: ENTER });
    await harness.settle();
    expect(client.error(Action.NACK).code).toBe(40165);
    expect(eventsOf(client).length).toBe(1);
  });

  it('[attack 39] the set has a greatest number of members (91003)', async () => {
    const harness = new Harness({ limits: { maxPresenceMembers: 2 } });
    const many = harness.connect();
    many.attach('room');
    await harness.settle();
    for (const clientId of ['a', 'b', 'c']) many.presence('room', { action: ENTER, clientId });
    await harness.settle();
    expect(many.error(Action.NACK).code).toBe(91003);
    expect(eventsOf(many).length).toBe(2);
  });

  it('[attack 39] the set has a greatest size (91006)', async () => {
    const harness = new Harness({ limits: { maxPresenceSize: 100 } });
    const many = harness.connect();
    many.attach('room');
    await harness.settle();
    many.presence('room', { action: ENTER, clientId: 'a', data: 'x'.repeat(60) });
    many.presence('room', { action: ENTER, clientId: 'b', data: 'x'.repeat(60) });
    many.presence('room', { action: UPDATE, clientId: 'a', data: 'y'.repeat(60) });
    await harness.settle();
    expect(many.error(Action.NACK).code).toBe(91006);
    expect(eventsOf(many).length).toBe(2);
  });

  it('[PR18] SYNC of a client is answered with the whole set, empty or not', async () => {
    const { harness, member } = await room();
    member.send({ action: Action.SYNC, channel: 'room' });
    await harness.settle();
    expect(member.one(Action.SYNC).presence).toEqual([]);
  });
});
