import { expect, test } from 'vitest';
import { fault } from './fakeParts.test-support.ts';
import { FakeService, type Operation } from './fakeService.test-support.ts';
import { codeOf, member, visitor } from './world.test-support.ts';

const last = ({ sent }: FakeService): Operation => sent[sent.length - 1] as Operation;
const id = expect.stringMatching(/.+/);

test('[SP14] enter carries the profile, no location and no extras', async () => {
  const service = new FakeService();
  const { space } = await visitor(service, 'ann');
  await space.enter({ name: 'Ann' });
  expect(last(service)).toEqual({
    channel: 'room::$space',
    kind: 'enter',
    clientId: 'ann',
    data: {
      profileUpdate: { id, current: { name: 'Ann' } },
      locationUpdate: { id: null, current: null, previous: null },
    },
  });
});

test('[SP14] a profile update by who is outside is an enter', async () => {
  const service = new FakeService();
  const { space } = await visitor(service, 'ann');
  await space.updateProfileData({ name: 'Ann' });
  expect(last(service)).toMatchObject({
    kind: 'enter',
    data: {
      profileUpdate: { id, current: { name: 'Ann' } },
      locationUpdate: { id: null, current: null, previous: null },
    },
  });
});

test('[SP14] each operation restates what it does not change, with null ids', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  const profile = { id: null, current: { name: 'ann' } };
  await space.locations.set('a');
  await space.locations.set('b');
  expect(last(service)).toMatchObject({
    kind: 'update',
    data: { profileUpdate: profile, locationUpdate: { id, current: 'b', previous: 'a' } },
  });
  expect(last(service).extras).toBeUndefined();
  const location = { id: null, current: 'b', previous: null };
  const lock = await space.locks.acquire('card', { attributes: { color: 'red' } });
  const { timestamp } = lock;
  expect(last(service)).toEqual({
    channel: 'room::$space',
    kind: 'update',
    clientId: 'ann',
    data: { profileUpdate: profile, locationUpdate: location },
    extras: { locks: [{ id: 'card', status: 'pending', timestamp, attributes: { color: 'red' } }] },
  });
  const locks = [{ id: 'card', status: 'locked', timestamp, attributes: { color: 'red' } }];
  await space.updateProfileData({ name: 'Anna' });
  expect(last(service)).toMatchObject({
    kind: 'update',
    data: { profileUpdate: { id, current: { name: 'Anna' } }, locationUpdate: location },
    extras: { locks },
  });
  await space.leave();
  expect(last(service)).toMatchObject({
    kind: 'leave',
    data: { profileUpdate: { id: null, current: { name: 'Anna' } }, locationUpdate: location },
    extras: { locks },
  });
});

test('[SP14] a leave with a profile carries it under a new id', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  await space.leave({ bye: true });
  expect(last(service)).toMatchObject({ kind: 'leave', data: { profileUpdate: { id, current: { bye: true } } } });
  expect(last(service).extras).toBeUndefined();
});

test('[SP14] a release is told once as unlocked, then the lock is absent', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  const { timestamp } = await space.locks.acquire('card');
  await service.settled();
  await space.locks.release('card');
  expect(last(service).extras).toEqual({ locks: [{ id: 'card', status: 'unlocked', timestamp }] });
  await space.locations.set('x');
  expect(last(service).extras).toBeUndefined();
});

test('[SP14] no id is used twice', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  for (let i = 0; i < 5; i++) await Promise.all([space.locations.set(i), space.updateProfileData({ i })]);
  const ids = service.sent.flatMap(({ data }) => {
    const { profileUpdate, locationUpdate } = data as Record<string, { id: string | null }>;
    return [profileUpdate?.id, locationUpdate?.id].filter(Boolean);
  });
  expect(new Set(ids).size).toBe(11);
});

test('[SP15] changes of one tick go out as one message that carries them all', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  const before = service.sent.length;
  await Promise.all([
    space.locations.set('first'),
    space.locks.acquire('a'),
    space.updateProfileData((profile) => ({ ...profile, one: 1 })),
    space.updateProfileData((profile) => ({ ...profile, two: 2 })),
    space.locks.acquire('b'),
    space.locations.set('last'),
  ]);
  expect(service.sent).toHaveLength(before + 1);
  expect(last(service)).toMatchObject({
    data: {
      profileUpdate: { current: { name: 'ann', one: 1, two: 2 } },
      locationUpdate: { current: 'last', previous: null },
    },
    extras: { locks: [{ id: 'a' }, { id: 'b' }] },
  });
});

test('[SP15] nothing set is lost to what is set before its echo', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  await ann.space.locations.set('here');
  await ann.space.locks.acquire('card');
  await ann.space.updateProfileData({ name: 'Anna' });
  await service.settled();
  expect(await bob.space.members.getAll()).toMatchObject([
    { profileData: { name: 'Anna' }, location: 'here' },
    { clientId: 'bob' },
  ]);
  expect(bob.space.locks.get('card')?.member.clientId).toBe('ann');
});

test('[SP15] enter and what follows without waiting all arrive', async () => {
  const service = new FakeService();
  const { space } = await visitor(service, 'ann');
  const done = Promise.all([space.enter({ name: 'Ann' }), space.locations.set('x'), space.locks.acquire('card')]);
  await done;
  await service.settled();
  expect(await space.members.getSelf()).toMatchObject({ profileData: { name: 'Ann' }, location: 'x' });
  expect((await space.locks.getSelf()).map((lock) => lock.id)).toEqual(['card']);
});

test('[SP16] a refused message rejects with the error of the client and takes its changes with it', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  await space.locations.set('before');
  service.refuse = () => fault(42910);
  const failed = [codeOf(space.locations.set('x')), codeOf(space.locks.acquire('card'))];
  expect(await Promise.all(failed)).toEqual([42910, 42910]);
  service.refuse = () => undefined;
  await space.updateProfileData({ name: 'Anna' });
  await service.settled();
  expect(last(service).extras).toBeUndefined();
  expect(await space.members.getSelf()).toMatchObject({ profileData: { name: 'Anna' }, location: 'before' });
  expect(await space.locks.acquire('card')).toMatchObject({ status: 'pending' });
});

test('[SP16] a refused release rejects and the lock is still held', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  await space.locks.acquire('card');
  await service.settled();
  service.refuse = () => fault(42910);
  const released = codeOf(space.locks.release('card'));
  expect(space.locks.get('card')).toBeUndefined();
  expect(await released).toBe(42910);
  expect(space.locks.get('card')).toMatchObject({ status: 'locked' });
});

test('[SP16] what waits while offline is bounded and ends with the last state', async () => {
  const service = new FakeService();
  const { client, space } = await member(service, 'ann');
  client.cut();
  const before = service.sent.length;
  const sets: Promise<void>[] = [];
  for (let i = 0; i < 500; i++) {
    sets.push(space.locations.set(i));
    await Promise.resolve();
  }
  client.resume();
  await Promise.all(sets);
  expect(service.sent.length - before).toBeLessThan(20);
  expect(last(service)).toMatchObject({ data: { locationUpdate: { current: 499 } } });
});

test('[SP16] a client without a message class is handed data and extras as they are', async () => {
  const service = new FakeService();
  const { client, space } = await visitor(service, 'ann');
  const { presence } = client.channels.get('room::$space');
  const handed: unknown[] = [];
  Object.defineProperty(client, 'constructor', { value: Object });
  presence.enter = async (value) => void handed.push(value);
  await space.updateProfileData({ name: 'Ann' });
  expect(handed).toMatchObject([{ data: { profileUpdate: { current: { name: 'Ann' } } } }]);
});
