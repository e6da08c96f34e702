import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeService } from './fakeService.test-support.ts';
import { member, trace, visitor } from './world.test-support.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

test('[SP13] each move is told with where the member was before', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const events = trace(bob.space.locations);
  const own = trace(ann.space.locations);
  await ann.space.locations.set('first');
  await ann.space.locations.set({ slide: 2 });
  await service.settled();
  expect(events).toMatchObject([
    ['update', { member: { connectionId: ann.id }, previousLocation: null, currentLocation: 'first' }],
    ['update', { member: { connectionId: ann.id }, previousLocation: 'first', currentLocation: { slide: 2 } }],
  ]);
  expect(events[1]?.[1]).toMatchObject({ member: { location: { slide: 2 } } });
  expect(own).toEqual(events);
});

test('[SP13] getters know all locations, also of who was there before', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  await ann.space.locations.set(['a']);
  const bob = await visitor(service, 'bob');
  const events = trace(bob.space.locations);
  expect(await bob.space.locations.getAll()).toEqual({ [ann.id]: ['a'] });
  expect(await bob.space.locations.getSelf()).toBeNull();
  await bob.space.enter();
  await bob.space.locations.set('b');
  expect(await bob.space.locations.getSelf()).toBe('b');
  expect(await bob.space.locations.getOthers()).toEqual({ [ann.id]: ['a'] });
  await service.settled();
  expect(await bob.space.locations.getAll()).toEqual({ [ann.id]: ['a'], [bob.id]: 'b' });
  expect(events).toHaveLength(1);
});

test('[SP13] a location outlives the leave and becomes null at the removal', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob', { offlineTimeout: 1000 });
  await ann.space.locations.set('here');
  await service.settled();
  const order: string[] = [];
  const events = trace(bob.space.locations);
  bob.space.members.subscribe('remove', () => order.push('remove'));
  bob.space.locations.subscribe(() => order.push('location'));
  bob.space.subscribe('update', () => order.push('space'));
  await ann.space.leave();
  await service.settled();
  expect(events).toEqual([]);
  expect(await bob.space.locations.getAll()).toMatchObject({ [ann.id]: 'here' });
  await vi.advanceTimersByTimeAsync(1000);
  expect(events).toMatchObject([
    ['update', { previousLocation: 'here', currentLocation: null, member: { connectionId: ann.id, location: null } }],
  ]);
  expect(order).toEqual(['space', 'remove', 'location', 'space']);
});

test('[SP13] two moves without waiting are told in order, each with its own location', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const events = trace(bob.space.locations);
  const first = ann.space.locations.set(1);
  await Promise.resolve();
  await Promise.all([first, ann.space.locations.set(2)]);
  await service.settled();
  expect(events).toMatchObject([
    ['update', { currentLocation: 1, previousLocation: null }],
    ['update', { currentLocation: 2, previousLocation: 1 }],
  ]);
});

test('[SP13] undefined is no location', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  await space.locations.set(undefined);
  expect(service.sent[service.sent.length - 1]?.data).toMatchObject({ locationUpdate: { current: null } });
});
