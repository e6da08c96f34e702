import { expect, test } from 'vitest';
import { fault } from './fakeParts.test-support.ts';
import { FakeService } from './fakeService.test-support.ts';
import Main, { Spaces } from './index.ts';
import { Space } from './space.ts';
import { VERSION } from './version.ts';
import { codeOf, member } from './world.test-support.ts';

test('[SP5] the default export is the class', () => {
  expect(Main).toBe(Spaces);
});

test('[SP5] the client is kept, named in its agent string and reachable under both names', () => {
  const client = new FakeService().client('ann');
  const spaces = new Spaces(client);
  expect(spaces.client).toBe(client);
  expect(spaces.ably).toBe(client);
  expect(spaces.connection).toBe(client.connection);
  expect(spaces.version).toBe(VERSION);
  expect(client.options.agents).toEqual({ app: '1', spaces: VERSION });
});

test('[SP5] a name that is empty or no string is refused with 101000', async () => {
  const spaces = new Spaces(new FakeService().client('ann'));
  for (const name of ['', undefined, null, 7]) expect(await codeOf(spaces.get(name as string))).toBe(101000);
});

test('[SP5] get gives the same space each time, also when asked twice at once', async () => {
  const spaces = new Spaces(new FakeService().client('ann'));
  const [first, second] = await Promise.all([spaces.get('room'), spaces.get('room')]);
  expect(first).toBe(second);
  expect(await spaces.get('room')).toBe(first);
  expect(await spaces.get('other')).not.toBe(first);
});

test('[SP5] names of built-in properties are names like any other', async () => {
  const spaces = new Spaces(new FakeService().client('ann'));
  for (const name of ['constructor', '__proto__', 'toString']) {
    const space = await spaces.get(name);
    expect(space).toBeInstanceOf(Space);
    expect(space.channel.name).toBe(`${name}::$space`);
  }
});

test('[SP5] get waits for the connection and neither for attaching nor for entering', async () => {
  const service = new FakeService();
  const client = service.client('ann', { state: 'connecting' });
  const got = new Spaces(client).get('room');
  client.connect();
  const space = await got;
  expect(space.channel.state).toBe('attaching');
  expect(service.sent).toEqual([]);
});

test.each(['failed', 'closed', 'suspended'])(
  '[SP5] get rejects with the reason when the connection is %s',
  async (state) => {
    const client = new FakeService().client('ann', { state: 'connecting' });
    const spaces = new Spaces(client);
    const got = codeOf(spaces.get('room'));
    client.connection.to(state, fault(40012));
    expect(await got).toBe(40012);
    expect(await codeOf(spaces.get('room'))).toBe(40012);
    expect(client.connection.listeners).toEqual([]);
  },
);

test.each([
  ['failed', 80000],
  ['closed', 80017],
  ['suspended', 80000],
])('[SP5] get rejects when the connection is %s without a reason', async (state, code) => {
  expect(await codeOf(new Spaces(new FakeService().client('ann', { state })).get('room'))).toBe(code);
});

test.each(['', '*'])('[SP6] get and enter reject with 40012 when the clientId is "%s"', async (clientId) => {
  const service = new FakeService();
  const client = service.client('ann');
  const space = await new Spaces(client).get('room');
  client.auth.clientId = clientId;
  expect(await codeOf(new Spaces(client).get('room'))).toBe(40012);
  expect(await codeOf(space.enter())).toBe(40012);
  expect(await codeOf(space.updateProfileData({}))).toBe(40012);
  await service.settled();
  expect(service.sent).toEqual([]);
});

test('[SP5] options are defaulted at any depth and 0 is honoured', async () => {
  const spaces = new Spaces(new FakeService().client('ann'));
  const plain = await spaces.get('plain');
  expect(plain.options).toEqual({
    offlineTimeout: 120_000,
    cursors: { outboundBatchInterval: 50, paginationLimit: 5 },
  });
  const other = await spaces.get('other', { offlineTimeout: 0, cursors: { paginationLimit: 1 } });
  expect(other.options).toEqual({ offlineTimeout: 0, cursors: { outboundBatchInterval: 50, paginationLimit: 1 } });
});

test('[SP5] options of a later get apply to the space', async () => {
  const spaces = new Spaces(new FakeService().client('ann'));
  const space = await spaces.get('room', { offlineTimeout: 7 });
  await spaces.get('room', { cursors: { outboundBatchInterval: 10 } });
  expect(space.options).toEqual({ offlineTimeout: 7, cursors: { outboundBatchInterval: 10, paginationLimit: 5 } });
  expect(space.cursors.options).toBe(space.options.cursors);
});

test('[SP7] release leaves, detaches and takes off every listener of ours, and only those', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  ann.space.cursors.subscribe(() => {});
  await ann.space.cursors.set({ position: { x: 1, y: 1 } });
  await service.settled();
  const { channel, cursors } = ann.space;
  const own = () => {};
  channel.on(own);
  cursors.channel?.subscribe('cursorUpdate', own);
  await ann.spaces.release('room');
  await service.settled();
  expect(service.present('room::$space')).toEqual([bob.id]);
  expect(service.present('room::$cursors')).toEqual([]);
  expect([channel.state, cursors.channel?.state]).toEqual(['detached', 'detached']);
  expect(channel.listeners).toEqual([own]);
  expect([channel.presenceListeners, cursors.channel?.presenceListeners]).toEqual([[], []]);
  expect(cursors.channel?.messageListeners.map(({ listener }) => listener)).toEqual([own]);
});

test('[SP7] a released space refuses to be used and get makes a new one', async () => {
  const service = new FakeService();
  const { spaces, space } = await member(service, 'ann');
  const released = spaces.release('room');
  const again = await spaces.get('room');
  await released;
  expect(again).not.toBe(space);
  expect(await codeOf(space.enter())).toBe(90001);
  expect(await codeOf(space.members.getAll())).toBe(90001);
  expect(await again.enter({ name: 'ann' })).toHaveLength(1);
});

test('[SP7] dispose of all spaces ends without a connection too', async () => {
  const service = new FakeService();
  const { client, spaces } = await member(service, 'ann');
  await spaces.get('other');
  client.cut();
  await spaces.dispose();
  await spaces.release('never made');
  expect(client.channels.get('room::$space').state).toBe('detached');
});
