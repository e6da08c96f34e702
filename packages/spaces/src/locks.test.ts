import { expect, onTestFinished, test, vi } from 'vitest';
import { InvalidArgumentError } from './errors.ts';
import { FakeService } from './fakeService.test-support.ts';
import type { Lock } from './types.ts';
import { codeOf, member, type Person, trace, visitor } from './world.test-support.ts';

async function room() {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const eve = await visitor(service, 'eve');
  await eve.space.members.getAll();
  const heard = (person: Person) => {
    const events = trace(person.space.locks) as [string, Lock][];
    return () =>
      events.map(
        ([
          ,
          {
            member: { clientId },
            status,
            reason,
          },
        ]) => `${clientId} ${status} ${reason?.code ?? ''}`.trim(),
      );
  };
  return { service, ann, bob, eve, heard };
}

test('[SP17] a request resolves as pending and is granted by an event on every client', async () => {
  const { service, ann, bob, eve, heard } = await room();
  const told = [ann, bob, eve].map(heard);
  const lock = await ann.space.locks.acquire('card', { attributes: { color: 'red' } });
  expect(lock).toMatchObject({
    id: 'card',
    status: 'pending',
    attributes: { color: 'red' },
    member: { connectionId: ann.id },
  });
  await service.settled();
  expect(told.map((events) => events())).toEqual([['ann locked'], ['ann locked'], ['ann locked']]);
  const held = { ...lock, status: 'locked' };
  for (const { space } of [ann, bob, eve]) {
    expect(space.locks.get('card')).toMatchObject({ ...held, member: { connectionId: ann.id } });
    expect(await space.locks.getAll()).toMatchObject([{ id: 'card' }]);
  }
  expect(await ann.space.locks.getSelf()).toHaveLength(1);
  expect(await ann.space.locks.getOthers()).toEqual([]);
  expect(await bob.space.locks.getSelf()).toEqual([]);
  expect(await bob.space.locks.getOthers()).toHaveLength(1);
  expect(await eve.space.locks.getSelf()).toEqual([]);
  expect(await eve.space.locks.getOthers()).toHaveLength(1);
});

test('[SP17] a lock handed out is a copy', async () => {
  const { service, ann } = await room();
  await ann.space.locks.acquire('card');
  await service.settled();
  Object.assign(ann.space.locks.get('card') ?? {}, { status: 'unlocked' });
  expect(ann.space.locks.get('card')).toMatchObject({ status: 'locked' });
});

test('[SP17] a release is seen at once here and by event everywhere', async () => {
  const { service, ann, bob, heard } = await room();
  await ann.space.locks.acquire('card');
  await service.settled();
  const told = [ann, bob].map(heard);
  const released = ann.space.locks.release('card');
  expect(ann.space.locks.get('card')).toBeUndefined();
  await released;
  await service.settled();
  expect(told.map((events) => events())).toEqual([['ann unlocked'], ['ann unlocked']]);
  expect(bob.space.locks.get('card')).toBeUndefined();
  await ann.space.locks.release('card');
  await ann.space.locks.release('never asked for');
});

test('[SP17] leaving releases all locks for everybody', async () => {
  const { service, ann, bob, heard } = await room();
  await Promise.all([ann.space.locks.acquire('a'), ann.space.locks.acquire('b')]);
  await service.settled();
  const told = heard(bob);
  await ann.space.leave();
  await service.settled();
  expect(told()).toEqual(['ann unlocked', 'ann unlocked']);
  expect(await bob.space.locks.getAll()).toEqual([]);
});

test('[SP17] a request for a lock that is held is refused on every client, naming who asked', async () => {
  const { service, ann, bob, eve, heard } = await room();
  await ann.space.locks.acquire('card');
  await service.settled();
  const told = [ann, bob, eve].map(heard);
  await bob.space.locks.acquire('card');
  await service.settled();
  for (const events of told) expect(events()).toEqual(['bob unlocked 101003']);
  for (const { space } of [ann, bob, eve]) expect(space.locks.get('card')?.member.clientId).toBe('ann');
});

test('[SP17] who has asked may not ask again, pending or locked', async () => {
  const { service, ann } = await room();
  const first = ann.space.locks.acquire('card');
  expect(await codeOf(ann.space.locks.acquire('card'))).toBe(101002);
  await first;
  await service.settled();
  expect(await codeOf(ann.space.locks.acquire('card'))).toBe(101002);
  await ann.space.locks.release('card');
  await ann.space.locks.acquire('card');
  await expect(ann.space.locks.acquire(7 as never)).rejects.toBeInstanceOf(InvalidArgumentError);
});

test('[SP18] a refused request is withdrawn at once, so that no newcomer takes it for a holder', async () => {
  const { service, ann, bob } = await room();
  await ann.space.locks.acquire('card');
  await service.settled();
  await bob.space.locks.acquire('card');
  await service.settled();
  await ann.space.locks.release('card');
  await service.settled();
  const zoe = await member(service, 'zoe');
  for (const { space } of [ann, bob, zoe]) expect(space.locks.get('card')).toBeUndefined();
  await bob.space.locks.acquire('card');
  await service.settled();
  for (const { space } of [ann, bob, zoe]) expect(space.locks.get('card')?.member.clientId).toBe('bob');
});

test('[SP18] a refused member may ask again from within the event', async () => {
  const { service, ann, bob } = await room();
  await ann.space.locks.acquire('card');
  await service.settled();
  const outcomes: Promise<unknown>[] = [];
  bob.space.locks.subscribe(({ member, reason }) => {
    if (member.clientId !== 'bob' || reason?.code !== 101003 || outcomes.length) return;
    outcomes.push(ann.space.locks.release('card').then(() => bob.space.locks.acquire('card')));
  });
  await bob.space.locks.acquire('card');
  await service.settled();
  await Promise.all(outcomes);
  await service.settled();
  expect(ann.space.locks.get('card')?.member.clientId).toBe('bob');
});

test.each([
  ['ann first', ['ann', 'bob']],
  ['bob first', ['bob', 'ann']],
])('[SP2] of two requests on their way the earlier one wins, %s to arrive', async (_, order) => {
  // Each client measures the service's clock: with a clock that stands still they agree on it.
  vi.useFakeTimers({ toFake: ['Date'] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { service, ann, bob, eve, heard } = await room();
  service.isAutomatic = false;
  const told = [ann, bob, eve].map(heard);
  const people = { ann, bob };
  // Ann asks first; a slow uplink may change the order of arrival.
  const byAnn = ann.space.locks.acquire('card');
  vi.setSystemTime(Date.now() + 10);
  const asked = [byAnn, bob.space.locks.acquire('card')];
  await new Promise((resolve) => setImmediate(resolve));
  for (const name of order) people[name as 'ann' | 'bob'].client.uplink.shift()?.();
  service.isAutomatic = true;
  service.wake();
  await Promise.all(asked);
  await service.settled();
  for (const { space } of [ann, bob, eve]) expect(space.locks.get('card')?.member.clientId).toBe('ann');
  const expected =
    order[0] === 'ann' ? ['ann locked', 'bob unlocked 101003'] : ['bob locked', 'bob unlocked 101004', 'ann locked'];
  for (const events of told) expect(events()).toEqual(expected);
});

test('[SP18] the loser of a takeover may ask again', async () => {
  const { service, ann, bob } = await room();
  await ann.space.locks.acquire('card');
  await service.settled();
  const early = { id: 'card', status: 'pending', timestamp: 1 };
  service.presence('room::$space', {
    action: 'enter',
    clientId: 'old',
    connectionId: 'slow-clock',
    timestamp: 1,
    id: 'slow-clock:1:0',
    extras: { locks: [early] },
  });
  await service.settled();
  expect(ann.space.locks.get('card')?.member.clientId).toBe('old');
  expect(service.sent[service.sent.length - 1]?.extras).toBeUndefined();
  expect(await ann.space.locks.acquire('card')).toMatchObject({ status: 'pending' });
  await service.settled();
  expect(bob.space.locks.get('card')?.member.clientId).toBe('old');
});

test('[SP18] many locks asked for at once are all obtained', async () => {
  const { service, ann, bob } = await room();
  const ids = ['1', '2', '3', '4', '5', '6'];
  await Promise.all(ids.map((id) => ann.space.locks.acquire(id)));
  await ann.space.locations.set('x');
  await service.settled();
  for (const { space } of [ann, bob]) expect((await space.locks.getAll()).map(({ id }) => id)).toEqual(ids);
});

test('[SP18] a request is told as pending once only, whatever else is set before its echo', async () => {
  const { service, ann } = await room();
  const sent = [ann.space.locks.acquire('card')];
  for (let i = 0; i < 3; i++) {
    await Promise.resolve();
    sent.push(ann.space.locations.set(i) as Promise<never>);
  }
  await Promise.all(sent);
  const statuses = service.sent.flatMap(
    ({ extras }) => (extras as { locks?: Lock[] })?.locks?.map((l) => l.status) ?? [],
  );
  expect(statuses[0]).toBe('pending');
  expect(statuses.slice(1).every((status) => status === 'locked')).toBe(true);
});

test('[SP18] a release and a new request go out apart, and the new one is granted', async () => {
  const { service, ann, bob, heard } = await room();
  await ann.space.locks.acquire('card');
  await service.settled();
  const told = heard(bob);
  await Promise.all([ann.space.locks.release('card'), ann.space.locks.acquire('card')]);
  await service.settled();
  expect(told()).toEqual(['ann unlocked', 'ann locked']);
  expect(ann.space.locks.get('card')?.status).toBe('locked');
});

test('[SP18] requests are stamped with the clock of the service', async () => {
  const service = new FakeService();
  service.clockOffset = 3_600_000;
  const { space } = await member(service, 'ann');
  const { timestamp } = await space.locks.acquire('card');
  const other = await space.locks.acquire('other');
  expect(Math.abs(timestamp - Date.now() - 3_600_000)).toBeLessThan(5000);
  expect(other.timestamp).toBeGreaterThan(timestamp);
});

test('[SP18] who sees a lock held does not take it by a clock that is behind', async () => {
  const { service, ann, bob, eve, heard } = await room();
  const told = heard(eve);
  service.clockOffset = 0;
  const realNow = Date.now;
  Date.now = () => realNow() + 60_000;
  try {
    await ann.space.locks.acquire('card');
  } finally {
    Date.now = realNow;
  }
  await service.settled();
  await bob.space.locks.acquire('card');
  await service.settled();
  expect(told()).toEqual(['ann locked', 'bob unlocked 101003']);
  expect(bob.space.locks.get('card')?.member.clientId).toBe('ann');
});

test('[SP18] a holder says so when somebody gives its lock up who never asked for it in its sight', async () => {
  const { service, ann } = await room();
  const ghost = { clientId: 'ghost', connectionId: 'conn-00', timestamp: 1 };
  service.presence('room::$space', { ...ghost, action: 'enter', id: 'conn-00:1:0' });
  await ann.space.locks.acquire('card');
  await service.settled();
  const locks = [{ id: 'card', status: 'pending', timestamp: 1 }];
  for (const id of ['conn-00:2:0', 'conn-00:3:0']) {
    service.presence('room::$space', { ...ghost, action: 'leave', id, extras: { locks } });
    await service.settled();
  }
  const told = service.sent.flatMap(({ extras }) => (extras as { locks?: Lock[] })?.locks ?? []);
  expect(told.map(({ status }) => status)).toEqual(['pending', 'locked']);
});
