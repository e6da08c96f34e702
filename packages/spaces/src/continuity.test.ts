import { expect, test } from 'vitest';
import { fault } from './fakeParts.test-support.ts';
import { FakeService } from './fakeService.test-support.ts';
import { Spaces } from './spaces.ts';
import type { Lock } from './types.ts';
import { codeOf, member, trace, visitor } from './world.test-support.ts';

async function room() {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  await ann.space.locations.set('here');
  await ann.space.locks.acquire('card', { attributes: { a: 1 } });
  await service.settled();
  return { service, ann, bob };
}

test('[SP19] a resumed connection sends nothing and misses nothing', async () => {
  const { service, ann, bob } = await room();
  const before = service.sent.length;
  const events = trace(ann.space.locations);
  ann.client.cut();
  await bob.space.locations.set('there');
  await service.settled();
  ann.client.resume();
  await service.settled();
  expect(service.sent.length).toBe(before + 1);
  expect(events).toMatchObject([['update', { currentLocation: 'there' }]]);
});

test('[SP19] a resumed connection resends what was not acknowledged', async () => {
  const { service, ann, bob } = await room();
  ann.client.cut();
  const set = ann.space.locations.set('later');
  ann.client.resume();
  await set;
  await service.settled();
  expect(await bob.space.locations.getOthers()).toEqual({ [ann.id]: 'later' });
});

test.each([
  ['before the old connection lapses', false],
  ['after the old connection lapsed', true],
])('[SP19] under a new connection id one member comes back with profile, location and locks, %s', async (_, lapsed) => {
  const { service, ann, bob } = await room();
  ann.client.cut();
  if (lapsed) service.lapse(ann.id);
  await service.settled();
  const own = trace(ann.space.members);
  const ownLocks = trace(ann.space.locks);
  ann.client.reconnect();
  await service.settled();
  const id = ann.space.connectionId ?? '';
  expect(id).not.toBe(ann.id);
  const expected = {
    connectionId: id,
    clientId: 'ann',
    isConnected: true,
    profileData: { name: 'ann' },
    location: 'here',
  };
  const live = (await bob.space.members.getAll()).filter(({ isConnected }) => isConnected);
  expect(live.filter(({ clientId }) => clientId === 'ann')).toMatchObject([expected]);
  expect(bob.space.locks.get('card')).toMatchObject({ member: expected, attributes: { a: 1 } });
  expect(await ann.space.members.getSelf()).toMatchObject(expected);
  expect(await ann.space.members.getOthers()).toMatchObject([{ clientId: 'bob' }]);
  expect(await ann.space.locks.getSelf()).toMatchObject([{ id: 'card', member: expected }]);
  // The service had let go of the locks: they were free until they were asked for anew.
  expect(ownLocks.map(([, lock]) => (lock as Lock).status)).toEqual(lapsed ? ['unlocked', 'locked'] : []);
  const told = own.map(([name]) => name).filter((name) => name !== 'update');
  expect(told).toEqual(lapsed ? ['leave', 'enter', 'remove'] : ['enter', 'leave', 'remove']);
  if (!lapsed) service.lapse(ann.id);
  await service.settled();
  expect(await ann.space.members.getAll()).toHaveLength(2);
  expect((await bob.space.members.getAll()).filter(({ isConnected }) => isConnected)).toHaveLength(2);
  expect(bob.space.locks.get('card')?.member.connectionId).toBe(id);
});

test('[SP19] a new connection id is told of even where the messages of the channel go on', async () => {
  const { service, ann, bob } = await room();
  ann.client.cut();
  ann.client.reconnect({ resumed: true });
  await service.settled();
  const id = ann.space.connectionId;
  expect(await bob.space.members.getOthers()).toMatchObject([{ connectionId: id, location: 'here' }]);
  expect(bob.space.locks.get('card')?.member.connectionId).toBe(id);
});

test('[SP19] peers that know of the old connection see no ghost of it', async () => {
  const { service, ann, bob } = await room();
  const events = trace(bob.space.members);
  const locks = trace(bob.space.locks);
  ann.client.cut();
  ann.client.reconnect();
  await service.settled();
  service.lapse(ann.id);
  await service.settled();
  const told = events
    .filter(([name]) => name !== 'update')
    .map(([name, one]) => [name, (one as { connectionId: string }).connectionId]);
  const id = ann.space.connectionId;
  expect(told).toEqual([
    ['enter', id],
    ['leave', ann.id],
    ['remove', ann.id],
  ]);
  expect(locks).toEqual([]);
  const late = await member(service, 'zoe');
  expect((await late.space.members.getAll()).map(({ clientId }) => clientId)).toEqual(['bob', 'ann', 'zoe']);
});

test('[SP19] a former connection counts only under the same clientId', async () => {
  const { service, ann, bob } = await room();
  const extras = { parvis: { former: [ann.id] } };
  const message = { clientId: 'eve', connectionId: 'eve', id: 'eve:1:0', timestamp: 9, extras };
  service.presence('room::$space', { ...message, action: 'enter' });
  await service.settled();
  expect((await bob.space.members.getAll()).map(({ clientId }) => clientId)).toEqual(['ann', 'bob', 'eve']);
});

test('[SP19] with the same connection id and lost continuity locks come back as well', async () => {
  const { service, ann, bob } = await room();
  const own = trace(ann.space.locks);
  ann.client.cut();
  service.lapse(ann.id);
  await service.settled();
  expect(bob.space.locks.get('card')).toBeUndefined();
  ann.client.reconnect({ keepId: true });
  await service.settled();
  expect(bob.space.locks.get('card')?.member).toMatchObject({ connectionId: ann.id, location: 'here' });
  expect(own.map(([, lock]) => (lock as Lock).status)).toEqual(['unlocked', 'locked']);
});

test('[SP19] a lock that went to another meanwhile is lost, and both agree', async () => {
  const { service, ann, bob } = await room();
  ann.client.cut();
  service.lapse(ann.id);
  await service.settled();
  await bob.space.locks.acquire('card');
  await service.settled();
  const own = trace(ann.space.locks);
  ann.client.reconnect();
  await service.settled();
  expect(own).toMatchObject([
    ['update', { member: { clientId: 'ann' }, status: 'unlocked' }],
    ['update', { member: { clientId: 'bob' }, status: 'locked' }],
  ]);
  for (const { space } of [ann, bob]) expect(space.locks.get('card')?.member.clientId).toBe('bob');
  expect(await ann.space.locks.acquire('card')).toMatchObject({ status: 'pending' });
});

test('[SP19] a release missed by a peer heals with its resync', async () => {
  const { service, ann, bob } = await room();
  await ann.space.locks.acquire('other');
  await service.settled();
  bob.client.cut();
  await ann.space.locks.release('card');
  await service.settled();
  const events = trace(bob.space.locks);
  bob.client.reconnect();
  await service.settled();
  expect(bob.space.locks.get('card')).toBeUndefined();
  expect(bob.space.locks.get('other')?.member.clientId).toBe('ann');
  expect(events).toMatchObject([['update', { id: 'card', status: 'unlocked' }]]);
});

test('[SP19] a release is told again after lost continuity', async () => {
  const { service, ann } = await room();
  await ann.space.locks.release('card');
  await service.settled();
  const told = () => JSON.stringify(service.sent[service.sent.length - 1]?.extras);
  ann.client.cut();
  ann.client.reconnect({ keepId: true });
  await service.settled();
  expect(told()).toContain('unlocked');
  ann.client.cut();
  ann.client.reconnect({ keepId: true });
  await service.settled();
  expect(told()).toBeUndefined();
});

test('[SP19] members who left during an outage are told as leaving', async () => {
  const { service, ann, bob } = await room();
  ann.client.cut();
  await bob.space.leave();
  await service.settled();
  const events = trace(ann.space.members);
  ann.client.reconnect({ keepId: true });
  await service.settled();
  expect(events.map(([name]) => name)).toEqual(['leave', 'update']);
  expect(await ann.space.members.getAll()).toMatchObject([
    { clientId: 'ann', isConnected: true },
    { isConnected: false },
  ]);
});

test('[SP19] after a suspension the member, its location and its locks are back', async () => {
  const { service, ann, bob } = await room();
  ann.client.cut();
  const lost = codeOf(ann.space.locations.set('lost'));
  await service.settled();
  ann.client.suspend();
  service.lapse(ann.id);
  await service.settled();
  expect(await lost).toBe(80002);
  expect(await codeOf(ann.space.members.getAll())).toBe(91005);
  ann.client.reconnect();
  await service.settled();
  expect(await bob.space.members.getOthers()).toMatchObject([{ clientId: 'ann', location: 'here', isConnected: true }]);
  expect(bob.space.locks.get('card')?.member.connectionId).toBe(ann.space.connectionId);
});

test('[SP19] a restored state that is refused goes to error listeners', async () => {
  const { service, ann } = await room();
  const failures: unknown[] = [];
  ann.space.subscribe('error', (error) => failures.push(error));
  service.refuse = ({ kind }) => (kind === 'update' ? fault(42910) : undefined);
  ann.client.cut();
  ann.client.reconnect();
  await service.settled();
  expect(failures).toMatchObject([{ code: 42910 }]);
});

test('[SP19] what waits when the connection id changes arrives under the new one', async () => {
  const { service, ann, bob } = await room();
  ann.client.cut();
  const waiting = [ann.space.locations.set('new'), ann.space.locks.acquire('more')];
  ann.client.reconnect();
  await Promise.all(waiting);
  await service.settled();
  expect((await bob.space.locks.getAll()).map(({ id }) => id).sort()).toEqual(['card', 'more']);
  expect(await bob.space.members.getOthers()).toMatchObject([{ location: 'new' }]);
});

test('[SP20] a member that is in the presence set under our connection is taken over as it is', async () => {
  const { service, ann, bob } = await room();
  const again = await new Spaces(ann.client).get('room');
  await again.members.getAll();
  expect(await again.members.getSelf()).toMatchObject({ location: 'here' });
  await again.updateProfileData((profile) => ({ ...profile, more: true }));
  await service.settled();
  expect(await bob.space.members.getOthers()).toMatchObject([
    { profileData: { name: 'ann', more: true }, location: 'here' },
  ]);
  expect(bob.space.locks.get('card')?.member.clientId).toBe('ann');
});

test('[SP19] a space whose channel was attached before knows who is there', async () => {
  const { service } = await room();
  const client = service.client('zoe');
  await client.channels.get('room::$space').attach();
  await service.settled();
  const space = await new Spaces(client).get('room');
  expect((await space.members.getAll()).map(({ clientId }) => clientId)).toEqual(['ann', 'bob']);
  expect(space.locks.get('card')?.member.clientId).toBe('ann');
  expect(await (await visitor(service, 'yan')).space.locks.getAll()).toHaveLength(1);
});
