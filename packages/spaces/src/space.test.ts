import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { InvalidArgumentError } from './errors.ts';
import { fault } from './fakeParts.test-support.ts';
import { FakeService } from './fakeService.test-support.ts';
import { codeOf, member, trace, visitor } from './world.test-support.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

const names = (events: [string, unknown][]) => events.map(([name]) => name);

test('[SP8] who enters is seen by an observer, with one space update', async () => {
  const service = new FakeService();
  const watcher = await visitor(service, 'bob');
  const members = trace(watcher.space.members);
  const updates = trace(watcher.space);
  await watcher.space.members.getAll();
  const ann = await visitor(service, 'ann');
  const list = await ann.space.enter();
  await service.settled();
  const expected = { clientId: 'ann', connectionId: ann.id, isConnected: true, profileData: null, location: null };
  expect(list).toMatchObject([expected]);
  expect(names(members)).toEqual(['enter', 'update', 'updateProfile', 'update']);
  expect(members[0]?.[1]).toMatchObject({ ...expected, lastEvent: { name: 'enter' } });
  expect(updates).toEqual([['update', { members: await watcher.space.members.getAll() }]]);
  expect(await watcher.space.getState()).toMatchObject({ members: [{ ...expected, lastEvent: { name: 'present' } }] });
});

test('[SP8] members already there arrive without an enter event', async () => {
  const service = new FakeService();
  await member(service, 'ann');
  const bob = await visitor(service, 'bob');
  const members = trace(bob.space.members);
  const updates = trace(bob.space);
  await bob.space.members.getAll();
  expect(names(members)).toEqual(['updateProfile', 'update']);
  expect(updates).toHaveLength(1);
});

test('[SP8] after enter the own member is there and the locks of others are known', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  await ann.space.locks.acquire('card');
  await service.settled();
  const bob = await visitor(service, 'bob');
  const list = await bob.space.enter({ name: 'Bob' });
  expect(list.map(({ clientId }) => clientId)).toEqual(['ann', 'bob']);
  expect(await bob.space.members.getSelf()).toMatchObject({ connectionId: bob.id, profileData: { name: 'Bob' } });
  expect(bob.space.locks.get('card')?.member.clientId).toBe('ann');
  expect(await bob.space.members.getOthers()).toMatchObject([{ clientId: 'ann' }]);
});

test('[SP8] enter rejects with the error of the client and can be tried again', async () => {
  const service = new FakeService();
  const { space } = await visitor(service, 'ann');
  service.refuse = () => fault(40160);
  expect(await codeOf(space.enter())).toBe(40160);
  expect(await space.members.getSelf()).toBeNull();
  expect(await codeOf(space.locations.set('x'))).toBe(101001);
  service.refuse = () => undefined;
  expect(await space.enter()).toHaveLength(1);
});

test('[SP8] enter rejects when the presence set never shows it', async () => {
  const service = new FakeService();
  const { client, space } = await visitor(service, 'ann');
  await space.members.getAll();
  service.isAutomatic = false;
  const entered = codeOf(space.enter());
  // The acknowledgement arrives, the echo does not.
  while (!client.downlink.length) {
    service.step();
    await Promise.resolve();
  }
  client.downlink.splice(1);
  service.step();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await entered).toBe(91005);
});

test('[SP8] without the right to subscribe enter and the getters reject with 40160', async () => {
  const service = new FakeService();
  const { space } = await visitor(service, 'ann', {}, { modes: ['presence', 'publish'] });
  expect(await codeOf(space.enter())).toBe(40160);
  expect(await codeOf(space.members.getAll())).toBe(40160);
  expect(await codeOf(space.locations.getAll())).toBe(40160);
});

test('[SP8] a second enter replaces the profile and keeps location and locks', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  await ann.space.locations.set('here');
  await ann.space.locks.acquire('card');
  await service.settled();
  await ann.space.enter({ name: 'Anna' });
  await service.settled();
  expect(await ann.space.members.getSelf()).toMatchObject({ profileData: { name: 'Anna' }, location: 'here' });
  expect(ann.space.locks.get('card')?.member.connectionId).toBe(ann.id);
});

test('[SP9] a profile is replaced by a value or by a function of the current one', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const events = trace(ann.space.members);
  await ann.space.updateProfileData({ name: 'Anna' });
  await ann.space.updateProfileData((profile) => ({ ...profile, age: 7 }));
  await service.settled();
  expect(await ann.space.members.getSelf()).toMatchObject({ profileData: { name: 'Anna', age: 7 } });
  expect(names(events)).toEqual(['updateProfile', 'update', 'updateProfile', 'update']);
});

test('[SP9] a profile update by who is outside enters', async () => {
  const service = new FakeService();
  const { space } = await visitor(service, 'ann');
  let given: unknown;
  await space.updateProfileData((profile) => {
    given = profile;
    return { name: 'Ann' };
  });
  await service.settled();
  expect(given).toBeNull();
  expect(service.sent.map(({ kind }) => kind)).toEqual(['enter']);
  expect(await space.members.getSelf()).toMatchObject({ profileData: { name: 'Ann' } });
});

test('[SP9] what is neither an object nor a function is refused', async () => {
  const { space } = await member(new FakeService(), 'ann');
  for (const value of [null, undefined, 'x', 7, []]) {
    await expect(space.updateProfileData(value as never)).rejects.toBeInstanceOf(InvalidArgumentError);
  }
  const cycle: Record<string, unknown> = {};
  cycle.self = cycle;
  await expect(space.updateProfileData(cycle)).rejects.toBeInstanceOf(InvalidArgumentError);
});

test('[SP9] what the application does to its own object afterwards changes nothing', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  const profile = { name: 'Ann', tags: ['a'] };
  const sent = space.updateProfileData(profile);
  profile.tags.push('b');
  await sent;
  await space.locations.set('here');
  await service.settled();
  expect(await space.members.getSelf()).toMatchObject({ profileData: { tags: ['a'] } });
});

test('[SP10] who leaves stays in the list until removed, then is gone', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob', { offlineTimeout: 3000 });
  const events = trace(bob.space.members);
  const updates = trace(bob.space);
  await ann.space.leave({ name: 'gone' });
  await service.settled();
  expect(names(events)).toEqual(['leave', 'update', 'updateProfile', 'update']);
  expect(await bob.space.members.getAll()).toMatchObject([
    { clientId: 'bob', isConnected: true },
    { clientId: 'ann', isConnected: false, profileData: { name: 'gone' }, lastEvent: { name: 'leave' } },
  ]);
  await vi.advanceTimersByTimeAsync(2999);
  expect(names(events)).toHaveLength(4);
  await vi.advanceTimersByTimeAsync(1);
  expect(names(events).slice(4)).toEqual(['remove', 'update']);
  expect(await bob.space.members.getAll()).toMatchObject([{ clientId: 'bob' }]);
  expect(updates).toHaveLength(2);
});

test('[SP10] a leave without argument keeps the profile, null clears it', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const events = trace(bob.space.members);
  await ann.space.leave();
  await service.settled();
  expect(names(events)).toEqual(['leave', 'update']);
  expect(events[0]?.[1]).toMatchObject({ profileData: { name: 'ann' } });
  await ann.space.enter({ name: 'ann' });
  await ann.space.leave(null);
  await service.settled();
  expect(events[events.length - 1]).toMatchObject(['update', { isConnected: false, profileData: null }]);
});

test('[SP10] coming back in time cancels the removal', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob', { offlineTimeout: 3000 });
  await ann.space.leave();
  await ann.space.enter({ name: 'ann' });
  await service.settled();
  const events = trace(bob.space.members);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(events).toEqual([]);
  expect(await bob.space.members.getAll()).toMatchObject([{ clientId: 'bob' }, { clientId: 'ann', isConnected: true }]);
});

test('[SP10] after leave nothing of this client puts it back in', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  const left = space.leave();
  const calls = () => [
    space.locations.set('x'),
    space.locks.acquire('x'),
    space.locks.release('x'),
    space.cursors.set({ position: { x: 1, y: 1 } }),
    space.leave(),
  ];
  for (const call of calls()) expect(await codeOf(call)).toBe(101001);
  await left;
  expect(await space.members.getSelf()).toBeNull();
  await service.settled();
  for (const call of calls()) expect(await codeOf(call)).toBe(101001);
  expect(await space.locks.getSelf()).toEqual([]);
  expect(service.present('room::$space')).toEqual([]);
});

test('[SP10] a refused leave leaves this client in, as it was', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  service.refuse = ({ kind }) => (kind === 'leave' ? fault(42910) : undefined);
  expect(await codeOf(space.leave())).toBe(42910);
  await space.locations.set('here');
  await service.settled();
  expect(await space.members.getSelf()).toMatchObject({ location: 'here', profileData: { name: 'ann' } });
});

test('[SP10] outside the space leave, set, acquire and release reject with 101001', async () => {
  const { space } = await visitor(new FakeService(), 'ann');
  expect(await codeOf(space.leave())).toBe(101001);
  expect(await codeOf(space.locations.set(1))).toBe(101001);
  expect(await codeOf(space.locks.acquire('x'))).toBe(101001);
  expect(await codeOf(space.locks.release('x'))).toBe(101001);
  expect(await codeOf(space.cursors.set({ position: { x: 0, y: 0 } }))).toBe(101001);
});

test('[SP4] a foreign presence member is a member with nothing to say and breaks nothing', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  const foreign = { clientId: 'x', connectionId: 'other', id: 'other:1:0', timestamp: 9 };
  for (const data of [undefined, 'hello', { profileUpdate: 7 }, [1]]) {
    service.presence('room::$space', { ...foreign, action: 'update', data, extras: { locks: [null, 7] } });
  }
  await service.settled();
  expect(await space.members.getAll()).toMatchObject([{ clientId: 'ann' }, { clientId: 'x', profileData: null }]);
});

test('[SP11] the snapshot is the same object until something changes, and so are its parts', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const changes: unknown[] = [];
  bob.space.subscribe('change', (snapshot) => changes.push(snapshot));
  const before = bob.space.snapshot;
  expect(bob.space.snapshot).toBe(before);
  await ann.space.locks.acquire('card');
  await service.settled();
  const after = bob.space.snapshot;
  expect(after).not.toBe(before);
  expect(after.members).toBe(before.members);
  await ann.space.locations.set({ at: 1 });
  await service.settled();
  const moved = bob.space.snapshot;
  expect(moved.members.map((one, i) => one === before.members[i])).toEqual([false, true]);
  expect(changes).toEqual([after, moved]);
  await ann.space.locations.set({ at: 1 });
  await service.settled();
  expect(bob.space.snapshot).toBe(moved);
});

test('[SP12] what fails unheard goes to error listeners', async () => {
  const service = new FakeService();
  const { space } = await visitor(service, 'ann');
  const failures: unknown[] = [];
  space.subscribe('error', (error) => failures.push(error));
  space.channel.fail(fault(40160));
  await service.settled();
  expect(failures).toMatchObject([{ code: 40160 }]);
});

test('[SP12] a channel that failed refuses as the client does', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  space.channel.fail();
  expect(await codeOf(space.locations.set('x'))).toBe(101001);
  expect(await codeOf(space.enter())).toBe(90001);
});

test('[SP12] after a detach the client is outside, and comes back by entering', async () => {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  await space.locks.acquire('card');
  await service.settled();
  await space.channel.detach();
  expect(await codeOf(space.locations.set('x'))).toBe(101001);
  await space.enter({ name: 'again' });
  await service.settled();
  expect(await space.members.getAll()).toMatchObject([{ profileData: { name: 'again' }, isConnected: true }]);
  expect(await space.locks.getAll()).toEqual([]);
});
