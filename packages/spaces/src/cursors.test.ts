import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fault } from './fakeParts.test-support.ts';
import { FakeService } from './fakeService.test-support.ts';
import { codeOf, member, type Person, trace, visitor } from './world.test-support.ts';

const CHANNEL = 'room::$cursors';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

const at = (x: number, data?: Record<string, unknown>) => ({ position: { x, y: 0 }, ...(data && { data }) });
const published = (service: FakeService) => [...service.channel(CHANNEL).history].reverse();
const positions = (events: [string, unknown][]) =>
  events.map(([, update]) => (update as { position: { x: number } }).position.x);

/** Lets `ms` pass, what is on its way included. */
async function pass(service: FakeService, ms: number): Promise<void> {
  await service.settled();
  await vi.advanceTimersByTimeAsync(ms);
  await service.settled();
}

async function pair() {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const events = trace(bob.space.cursors);
  bob.space.cursors.subscribe('update', () => {});
  await service.settled();
  return { service, ann, bob, events };
}

const ready = async ({ ann, service }: { ann: Person; service: FakeService }) => {
  ann.space.cursors.subscribe(() => {});
  await service.settled();
};

test('[SP21] four positions arrive in order, with their data and exactly the four keys', async () => {
  const room = await pair();
  const { service, ann, events } = room;
  await ready(room);
  for (let i = 1; i <= 4; i++) await ann.space.cursors.set(at(i, i === 2 ? { state: 'move' } : undefined));
  await pass(service, 200);
  const base = { clientId: 'ann', connectionId: ann.id };
  expect(events.map(([, update]) => update)).toStrictEqual([
    { ...base, position: { x: 1, y: 0 }, data: undefined },
    { ...base, position: { x: 2, y: 0 }, data: { state: 'move' } },
    { ...base, position: { x: 3, y: 0 }, data: undefined },
    { ...base, position: { x: 4, y: 0 }, data: undefined },
  ]);
});

test('[SP21] the first position of a pure sender arrives', async () => {
  const { service, ann, events } = await pair();
  void ann.space.cursors.set(at(1));
  void ann.space.cursors.set(at(2));
  await pass(service, 100);
  expect(positions(events)).toEqual([2]);
});

test('[SP21] who is alone sends nothing, and its last position when somebody comes', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  for (let i = 1; i <= 3; i++) await ann.space.cursors.set(at(i));
  await pass(service, 500);
  expect(published(service)).toEqual([]);
  const bob = await visitor(service, 'bob');
  const events = trace(bob.space.cursors);
  bob.space.cursors.subscribe(() => {});
  await pass(service, 100);
  expect(positions(events)).toEqual([3]);
});

test('[SP22] a batch is one message: the first point at once, the others after the interval, offsets from 0', async () => {
  const room = await pair();
  const { service, ann } = room;
  await ready(room);
  const set = (x: number) => void ann.space.cursors.set(at(x));
  set(1);
  await vi.advanceTimersByTimeAsync(10);
  set(2);
  await vi.advanceTimersByTimeAsync(15);
  set(3);
  await pass(service, 25);
  expect(published(service)).toMatchObject([
    { name: 'cursorUpdate', clientId: 'ann', connectionId: ann.id, data: [{ cursor: at(1), offset: 0 }] },
    {
      name: 'cursorUpdate',
      data: [
        { cursor: at(2), offset: 0 },
        { cursor: at(3), offset: 15 },
      ],
    },
  ]);
  await pass(service, 50);
  set(4);
  await service.settled();
  expect(published(service)).toHaveLength(3);
});

test.each([
  [2, 50],
  [100, 50],
  [101, 100],
  [201, 150],
])('[SP22] with %i in the cursors presence a batch goes out every %i ms', async (count, interval) => {
  const room = await pair();
  const { service, ann } = room;
  await ready(room);
  for (let i = 2; i < count; i++) {
    service.presence(CHANNEL, { action: 'enter', clientId: 'x', connectionId: `x${i}`, timestamp: 1, id: `x${i}:1:0` });
  }
  await service.settled();
  void ann.space.cursors.set(at(1));
  void ann.space.cursors.set(at(2));
  await pass(service, interval - 1);
  expect(published(service)).toHaveLength(1);
  await pass(service, 1);
  expect(published(service)).toHaveLength(2);
});

test('[SP22] a batch is bounded, and its last point is always sent', async () => {
  const room = await pair();
  const { service, ann } = room;
  await ready(room);
  for (let i = 0; i <= 5000; i++) void ann.space.cursors.set(at(i));
  await pass(service, 50);
  const [, batch] = published(service).map(
    ({ data }) => data as { cursor: { position: { x: number } }; offset: number }[],
  );
  expect(batch?.length).toBeLessThanOrEqual(256);
  expect(batch?.[0]?.offset).toBe(0);
  expect(batch?.[batch.length - 1]?.cursor.position.x).toBe(5000);
});

test('[SP22] offline only the last position is kept, and sent on return', async () => {
  const room = await pair();
  const { service, ann, events } = room;
  await ready(room);
  ann.client.cut();
  for (let i = 1; i <= 9; i++) await ann.space.cursors.set(at(i));
  ann.client.resume();
  await pass(service, 100);
  expect(positions(events)).toEqual([9]);
});

test('[SP23] positions are replayed at the pace of the sender', async () => {
  const { service, bob, events } = await pair();
  const points = [0, 20, 40].map((offset, i) => ({ cursor: at(i), offset }));
  service.publish(CHANNEL, { name: 'cursorUpdate', clientId: 'x', connectionId: 'x', data: points });
  await service.settled();
  expect(positions(events)).toEqual([0]);
  await vi.advanceTimersByTimeAsync(20);
  expect(positions(events)).toEqual([0, 1]);
  await vi.advanceTimersByTimeAsync(20);
  expect(positions(events)).toEqual([0, 1, 2]);
  expect(bob.space.cursors.listeners('update')).toHaveLength(1);
});

test('[SP23] positions of one member keep their order when a batch comes early', async () => {
  const { service, events } = await pair();
  const send = (from: number) => {
    const data = [0, 20, 40].map((offset, i) => ({ cursor: at(from + i), offset }));
    service.publish(CHANNEL, { name: 'cursorUpdate', clientId: 'x', connectionId: 'x', data });
  };
  send(1);
  await pass(service, 10);
  send(4);
  await pass(service, 200);
  expect(positions(events)).toEqual([1, 2, 3, 4, 5, 6]);
});

test('[SP23] malformed messages are ignored and wild offsets bounded', async () => {
  const { service, events } = await pair();
  const send = (data: unknown) =>
    service.publish(CHANNEL, { name: 'cursorUpdate', clientId: 'x', connectionId: 'x', data });
  for (const data of [null, 'x', {}, [null], [{ cursor: {} }], [{ offset: 0 }]]) send(data);
  send([{ cursor: at(1) }]);
  send([
    { cursor: at(2), offset: -5 },
    { cursor: at(3), offset: 1e12 },
  ]);
  await pass(service, 10_000);
  expect(positions(events)).toEqual([1, 2, 3]);
});

test('[SP23] after the last listener went nothing is played, and listeners of the application stay', async () => {
  const { service, bob } = await pair();
  const heard: unknown[] = [];
  const { channel } = bob.space.cursors;
  channel?.subscribe('cursorUpdate', (message) => heard.push(message));
  await service.settled();
  const events = trace(bob.space.cursors);
  const data = [
    { cursor: at(1), offset: 0 },
    { cursor: at(2), offset: 50 },
  ];
  service.publish(CHANNEL, { name: 'cursorUpdate', clientId: 'x', connectionId: 'x', data });
  await service.settled();
  bob.space.cursors.unsubscribe();
  await pass(service, 500);
  expect(positions(events)).toEqual([1]);
  expect(heard).toHaveLength(1);
  expect(channel?.messageListeners).toHaveLength(1);
});

test('[SP24] who only listens is in the cursors presence, or senders would stay silent', async () => {
  const service = new FakeService();
  const bob = await visitor(service, 'bob');
  expect(bob.space.cursors.channel).toBeUndefined();
  bob.space.cursors.subscribe(() => {});
  await service.settled();
  expect(bob.space.cursors.channel?.name).toBe(CHANNEL);
  expect(service.present(CHANNEL)).toEqual([bob.id]);
});

test('[SP24] on, once and unsubscribe do not open the channel', async () => {
  const service = new FakeService();
  const { space } = await visitor(service, 'bob');
  space.cursors.on('update', () => {});
  space.cursors.once(() => {});
  space.cursors.unsubscribe();
  await service.settled();
  expect(space.cursors.channel).toBeUndefined();
});

test('[SP24] a listener that goes leaves the cursors presence, a sender stays', async () => {
  const room = await pair();
  const { service, ann, bob } = room;
  await ready(room);
  await ann.space.cursors.set(at(1));
  ann.space.cursors.unsubscribe();
  bob.space.cursors.unsubscribe();
  await service.settled();
  expect(service.present(CHANNEL)).toEqual([ann.id]);
});

test('[SP24] a listener that is replaced in one tick is never seen leaving', async () => {
  const { service, bob } = await pair();
  const before = service.sent.length;
  bob.space.cursors.unsubscribe();
  bob.space.cursors.subscribe(() => {});
  await service.settled();
  expect(service.sent.length).toBe(before);
  expect(bob.space.cursors.channel?.messageListeners).toHaveLength(1);
});

test('[SP24] leaving the space leaves the cursors presence, entering comes back', async () => {
  const room = await pair();
  const { service, ann, bob } = room;
  await ready(room);
  await ann.space.leave();
  expect(service.present(CHANNEL)).toEqual([bob.id]);
  expect(await codeOf(ann.space.cursors.set(at(1)))).toBe(101001);
  await ann.space.enter();
  await service.settled();
  expect(service.present(CHANNEL)).toEqual([bob.id, ann.id]);
});

test('[SP25] getters find the newest position of each member in the history', async () => {
  const room = await pair();
  const { service, ann, bob } = room;
  await ready(room);
  for (let i = 1; i <= 8; i++) {
    void ann.space.cursors.set(at(i));
    await pass(service, 100);
  }
  await bob.space.cursors.set(at(99));
  void ann.space.cursors.set(at(10));
  await pass(service, 100);
  const own = { clientId: 'bob', connectionId: bob.id, position: { x: 99, y: 0 } };
  const other = { clientId: 'ann', connectionId: ann.id, position: { x: 10, y: 0 } };
  expect(await bob.space.cursors.getAll()).toEqual({ [ann.id]: other, [bob.id]: own });
  expect(await bob.space.cursors.getSelf()).toEqual(own);
  expect(await bob.space.cursors.getOthers()).toEqual({ [ann.id]: other });
});

test('[SP25] a newer position is never replaced by an older one of a later page', async () => {
  const { service, bob } = await pair();
  const publish = (connectionId: string, x: number) =>
    service.publish(CHANNEL, {
      name: 'cursorUpdate',
      clientId: 'x',
      connectionId,
      data: [{ cursor: at(x), offset: 0 }],
    });
  for (const connectionId of ['x', 'y']) {
    service.presence(CHANNEL, {
      action: 'enter',
      clientId: 'x',
      connectionId,
      timestamp: 1,
      id: `${connectionId}:1:0`,
    });
  }
  publish('y', 7);
  for (const x of [1, 2, 3, 99]) publish('x', x);
  await service.settled();
  expect(await bob.space.cursors.getAll()).toMatchObject({ x: { position: { x: 99 } }, y: { position: { x: 7 } } });
});

test('[SP25] no more pages are read than the limit says, and none when nobody is there', async () => {
  const service = new FakeService();
  const bob = await member(service, 'bob', { cursors: { paginationLimit: 2 } });
  bob.space.cursors.subscribe(() => {});
  await service.settled();
  const publish = (x: number) =>
    service.publish(CHANNEL, {
      name: 'cursorUpdate',
      clientId: 'bob',
      connectionId: bob.id,
      data: [{ cursor: at(x), offset: 0 }],
    });
  publish(1);
  for (let i = 0; i < 6; i++) service.publish(CHANNEL, { name: 'other', clientId: 'x', connectionId: 'x', data: i });
  expect(await bob.space.cursors.getSelf()).toBeNull();
  publish(2);
  expect(await bob.space.cursors.getSelf()).toMatchObject({ position: { x: 2 } });
});

test('[SP25] outside the space there is no own position and there are no others', async () => {
  const { service, bob } = await pair();
  const { space } = await visitor(service, 'eve');
  expect(await space.cursors.getSelf()).toBeNull();
  expect(await space.cursors.getOthers()).toEqual({});
  expect(await space.cursors.getAll()).toMatchObject({ [bob.id]: null });
});

test('[SP26] a set that is sent at once rejects when publishing is refused', async () => {
  const room = await pair();
  const { service, ann } = room;
  await ready(room);
  const failures: unknown[] = [];
  ann.space.subscribe('error', (error) => failures.push(error));
  service.refuse = ({ kind }) => (kind === 'publish' ? fault(40160) : undefined);
  expect(await codeOf(ann.space.cursors.set(at(1)))).toBe(40160);
  expect(failures).toMatchObject([{ code: 40160 }]);
});

test('[SP26] a set rejects when the cursors presence is refused', async () => {
  const { service, ann } = await pair();
  service.refuse = ({ kind, channel }) => (kind === 'enter' && channel === CHANNEL ? fault(40160) : undefined);
  expect(await codeOf(ann.space.cursors.set(at(1)))).toBe(40160);
  expect(await codeOf(ann.space.cursors.getAll())).toBe(40160);
});

test('[SP26] a failed set that nobody waits for is no unhandled rejection', async () => {
  const room = await pair();
  const { service, ann } = room;
  await ready(room);
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  process.on('unhandledRejection', note);
  service.refuse = () => fault(40160);
  for (let i = 0; i < 5; i++) void ann.space.cursors.set(at(i));
  await pass(service, 200);
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

test('[SP26] a set rejects with 40160 when publishing was not granted', async () => {
  const service = new FakeService();
  const { space } = await visitor(service, 'ann', {}, { modes: ['presence', 'presence_subscribe', 'subscribe'] });
  await space.enter();
  expect(await codeOf(space.cursors.set(at(1)))).toBe(40160);
});

test('[SP26] a refused history rejects the getters', async () => {
  const { bob } = await pair();
  const { channel } = bob.space.cursors;
  if (channel) channel.history = () => Promise.reject(fault(40160));
  expect(await codeOf(bob.space.cursors.getAll())).toBe(40160);
});
