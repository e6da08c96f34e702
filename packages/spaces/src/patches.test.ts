import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fault } from './fakeParts.test-support.ts';
import { FakeService } from './fakeService.test-support.ts';
import type { ListChange, SpaceMember } from './types.ts';
import { codeOf, member, visitor } from './world.test-support.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

test('[SF4] ten patches of one tick are one message, and no field is lost', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  const before = service.sent.length;
  const done: Promise<void>[] = [];
  for (let i = 0; i < 5; i++)
    done.push(space.patchProfileData({ [`p${i}`]: i }), space.locations.patch({ [`l${i}`]: i }));
  await Promise.all(done);
  expect(service.sent).toHaveLength(before + 1);
  expect(service.sent[before]).toMatchObject({
    kind: 'update',
    data: {
      profileUpdate: { current: { name: 'ann', p0: 0, p1: 1, p2: 2, p3: 3, p4: 4 } },
      locationUpdate: { current: { l0: 0, l1: 1, l2: 2, l3: 3, l4: 4 } },
    },
  });
});

test('[SF4] a field that is undefined goes, one that is null stays as such, and what is no object is refused', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  await space.patchProfileData({ name: undefined, age: null });
  expect(space.members.self?.profileData).toEqual({ age: null });
  await space.locations.set('a text');
  await space.locations.patch({ x: 1 });
  expect(space.members.self?.location).toEqual({ x: 1 });
  await expect(space.locations.patch('x' as never)).rejects.toThrow('Locations.patch()');
  const outside = await visitor(service, 'eve');
  expect(await codeOf(outside.space.patchProfileData({ a: 1 }))).toBe(101001);
});

test('[SF4] what was refused is not in a patch that was made while it was on its way', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  let sent = 0;
  service.refuse = () => (++sent === 1 ? fault(42910) : undefined);
  const refused = codeOf(space.patchProfileData({ bad: 1 }));
  await Promise.resolve();
  await Promise.resolve();
  await Promise.all([refused, space.patchProfileData({ good: 1 })]);
  expect(await refused).toBe(42910);
  expect(space.members.self?.profileData).toEqual({ name: 'ann', good: 1 });
});

test('[SF3] snapshots are read at once and stay the same objects while nothing of theirs changes', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const { members, locations } = bob.space;
  const before = { members: members.snapshot, locations: locations.snapshot };
  expect(members.snapshot).toBe(before.members);
  await ann.space.locks.acquire('card');
  await service.settled();
  expect(members.snapshot).toBe(before.members);
  await ann.space.updateProfileData({ name: 'Anna' });
  await service.settled();
  expect(members.snapshot).not.toBe(before.members);
  expect(members.snapshot[1]).toBe(before.members[1]);
  expect(locations.snapshot).toBe(before.locations);
  await ann.space.locations.set('here');
  await service.settled();
  expect([...locations.snapshot]).toEqual([
    [ann.id, 'here'],
    [bob.id, null],
  ]);
});

test('[SF3] one change event tells who was added, updated and removed', async () => {
  const service = new FakeService();
  const bob = await member(service, 'bob', { offlineTimeout: 1000 });
  const changes: ListChange<SpaceMember>[] = [];
  bob.space.members.subscribe('change', (change) => changes.push(change));
  const named: unknown[] = [];
  bob.space.members.subscribe(() => named.push(1));
  const ann = await member(service, 'ann');
  await ann.space.locks.acquire('card');
  await service.settled();
  await ann.space.leave();
  await service.settled();
  await vi.advanceTimersByTimeAsync(1000);
  const counts = changes.map(({ added, updated, removed }) => [added, updated, removed].map((list) => list.length));
  expect(counts).toEqual([
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ]);
  expect(changes[2]?.snapshot).toBe(bob.space.members.snapshot);
  // The official events are as they were: enter, updateProfile, leave, remove, each with an update.
  expect(named).toHaveLength(8);
});

test.each([
  ['a second', 1000],
  ['more than a timer takes', 2 ** 31 + 1000],
])('[SF41] an offlineTimeout of %s is kept to the millisecond', async (_, offlineTimeout) => {
  const service = new FakeService();
  const bob = await member(service, 'bob', { offlineTimeout });
  const ann = await member(service, 'ann');
  await ann.space.leave();
  await service.settled();
  await vi.advanceTimersByTimeAsync(offlineTimeout - 1);
  expect(bob.space.members.snapshot).toHaveLength(2);
  await vi.advanceTimersByTimeAsync(1);
  expect(bob.space.members.snapshot).toHaveLength(1);
});
