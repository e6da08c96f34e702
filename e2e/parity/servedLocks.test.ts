import OfficialDefault from '@ably/spaces';
import Ours, { type Lock, type Space } from '@parvis/spaces';
import { LockDesk } from '@parvis/spaces/locks';
import type * as Ably from 'ably';
import { describe, expect, it, onTestFinished } from 'vitest';
import { formats, startOracle, until } from '../oracle/harness.ts';

const OfficialSpaces = (OfficialDefault as unknown as { default?: typeof OfficialDefault }).default ?? OfficialDefault;
const oracle = await startOracle();
let count = 0;

interface Person {
  readonly client: Ably.Realtime;
  readonly space: Space;
  readonly desk: LockDesk;
  readonly told: string[];
}

/** A member of ours who notes each lock event as `event who id code`. */
async function enter(clientId: string, name: string, format: 'json' | 'msgpack' = 'json'): Promise<Person> {
  const client = oracle.realtime(format, { clientId });
  const space = (await new Ours(client).get(name)) as unknown as Space;
  const told: string[] = [];
  for (const event of ['granted', 'denied', 'released', 'lost', 'expired'] as const) {
    space.locks.subscribe(event, ({ id, member, reason }) => {
      told.push(`${event} ${member.clientId} ${id} ${reason?.code ?? ''}`.trim());
    });
  }
  const desk = new LockDesk(space);
  onTestFinished(() => desk.dispose());
  await space.enter({ name: clientId });
  return { client, space, desk, told };
}

const room = () => `served-${++count}`;
const holder = (lock: Lock | undefined) => lock?.member.clientId;
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: { code: number }) => error.code,
  );

describe.each(formats)('%s', (format) => {
  it('[SL1] the space knows that the server decides, and hands the fence of each grant to all', async () => {
    const name = room();
    const [ada, bob] = await Promise.all([enter('ada', name, format), enter('bob', name, format)]);
    expect([ada.space.locks.guarantee, bob.space.locks.guarantee]).toEqual(['server', 'server']);
    const first = await ada.desk.acquire('card');
    expect(first).toMatchObject({ status: 'locked', id: 'card', fence: expect.any(Number) });
    await until('bob sees', () => bob.space.locks.get('card') !== undefined);
    expect(bob.space.locks.get('card')?.fence).toBe(first.fence);
    await ada.space.locks.release('card');
    await until('free', () => !bob.space.locks.get('card'));
    const second = await bob.desk.acquire('card');
    expect(Number(second.fence)).toBeGreaterThan(Number(first.fence));
  });

  it('[SL2] a plain acquire resolves as pending and a refusal names who holds it, and asking again is possible', async () => {
    const name = room();
    const [ada, bob] = await Promise.all([enter('ada', name, format), enter('bob', name, format)]);
    await ada.desk.acquire('card');
    const denied: Lock[] = [];
    bob.space.locks.subscribe('denied', (lock) => denied.push(lock));
    expect(await bob.space.locks.acquire('card')).toMatchObject({ status: 'pending' });
    await until('denied', () => denied.length > 0);
    expect(denied[0]).toMatchObject({ reason: { code: 101003 }, by: { clientId: 'ada' } });
    await until('forgotten', () => !bob.space.locks.core.own.locks.size);
    expect(await codeOf(bob.desk.acquire('card'))).toBe(101003);
    await ada.space.locks.release('card');
    expect(await bob.desk.acquire('card')).toMatchObject({ status: 'locked' });
  });

  it('[SL3] many acquires and a location set at once all succeed', async () => {
    const name = room();
    const [ada, bob] = await Promise.all([enter('ada', name, format), enter('bob', name, format)]);
    const ids = ['s1', 's2', 's3', 's4', 's5', 's6'];
    await Promise.all([...ids.map((id) => ada.space.locks.acquire(id)), ada.space.locations.set({ at: 1 })]);
    await until('all', () => ids.every((id) => holder(bob.space.locks.get(id)) === 'ada'));
    await until('own', () => ids.every((id) => holder(ada.space.locks.get(id)) === 'ada'));
    await ada.space.locations.set({ at: 2 });
    await ada.desk.releaseAll();
    await until('none', () => ids.every((id) => !bob.space.locks.get(id)));
    expect(ada.told.filter((event) => !/^(granted|released) ada/.test(event))).toEqual([]);
  });
});

it('[SL4] who waits is granted in order, sees its place, and leaves the line by signal or timeout', async () => {
  const name = room();
  const [ada, bob, eve, dan] = await Promise.all(['ada', 'bob', 'eve', 'dan'].map((who) => enter(who, name)));
  if (!ada || !bob || !eve || !dan) throw new Error('four members');
  await ada.desk.acquire('card');
  const bobs = bob.desk.acquire('card', { wait: true });
  await until('bob waits', () => bob.desk.place('card') === 1);
  const leave = new AbortController();
  const eves = codeOf(eve.desk.acquire('card', { wait: true, signal: leave.signal }));
  await until('eve waits', () => eve.desk.place('card') === 2);
  const dans = dan.desk.acquire('card', { wait: true });
  await until('dan waits', () => dan.desk.place('card') === 3);
  leave.abort();
  expect(await eves).toBe(80017);
  await until('dan moves up', () => dan.desk.place('card') === 2);
  expect(await codeOf(eve.desk.acquire('card', { wait: true, timeout: 30 }))).toBe(50003);
  await until('eve is gone', () => ada.desk.line('card').length === 2);
  await ada.space.locks.release('card');
  expect(await bobs).toMatchObject({ status: 'locked' });
  await bob.space.leave();
  expect(await dans).toMatchObject({ status: 'locked' });
});

it('[SL5] a set of locks is had whole or not at all, in whatever order two ask', async () => {
  const name = room();
  const [ada, bob] = await Promise.all([enter('ada', name), enter('bob', name)]);
  const sets = [ada.desk.acquireAll(['a', 'b', 'c']), bob.desk.acquireAll(['c', 'b', 'a'])];
  const outcomes = await Promise.allSettled(sets);
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  const winner = outcomes[0]?.status === 'fulfilled' ? ada : bob;
  const loser = winner === ada ? bob : ada;
  expect(await winner.space.locks.getSelf()).toHaveLength(3);
  expect(await loser.space.locks.getSelf()).toHaveLength(0);
  const later = loser.desk.acquireAll(['b', 'c'], { wait: true });
  await until('waits', () => winner.desk.line('b').length === 1);
  await winner.desk.releaseAll();
  expect(await later).toHaveLength(2);
});

it('[SL6] a holder who is asked may refuse or hand over, and is told who took it before the taker has it', async () => {
  const name = room();
  const [ada, bob] = await Promise.all([enter('ada', name), enter('bob', name)]);
  await ada.desk.acquire('card');
  const first = codeOf(bob.desk.acquire('card', { ask: { ms: 60_000, note: 'please' } }));
  await until('asked', () => ada.desk.questions().length === 1);
  const [question] = ada.desk.questions();
  expect(question).toMatchObject({ by: { clientId: 'bob' }, note: 'please', lock: { id: 'card' } });
  await question?.refuse();
  expect(await first).toBe(101003);
  expect(ada.desk.questions()).toEqual([]);
  const order: string[] = [];
  ada.space.locks.subscribe('lost', ({ by, how }) => order.push(`lost to ${by?.clientId}, ${how}`));
  ada.space.locks.subscribe('granted', ({ member }) => order.push(`granted ${member.clientId}`));
  const second = bob.desk.acquire('card', { ask: { ms: 60_000 } });
  await until('asked again', () => ada.desk.questions().length === 1);
  await ada.desk.questions()[0]?.accept();
  expect(await second).toMatchObject({ status: 'locked' });
  await until('both', () => order.length === 2);
  expect(order).toEqual(['lost to bob, accepted', 'granted bob']);
  expect(holder(ada.space.locks.get('card'))).toBe('bob');
  await until('forgotten', () => !ada.space.locks.core.own.locks.size);
});

it('[SL7] force is refused to who may not', async () => {
  const name = room();
  const [ada, bob] = await Promise.all([enter('ada', name), enter('bob', name)]);
  await ada.desk.acquire('card');
  expect(await codeOf(bob.desk.acquire('card', { force: true }))).toBe(40160);
  expect(holder(bob.space.locks.get('card'))).toBe('ada');
});

it('[SL8] a lock with a ttl is kept by renewal, and expires when that ends', async () => {
  const name = room();
  const [ada, bob] = await Promise.all([enter('ada', name), enter('bob', name)]);
  const since = Date.now();
  await ada.desk.acquire('card', { ttl: 1_000 });
  const over = bob.desk.acquire('card', { wait: true });
  await until('renewed for long', () => Date.now() - since > 2_500);
  expect(holder(bob.space.locks.get('card'))).toBe('ada');
  ada.desk.dispose();
  expect(await over).toMatchObject({ status: 'locked' });
  await until('told', () => ada.told.includes('expired ada card 101005'));
});

it('[SL9] an official member sees our locks and is refused by them', async () => {
  const name = room();
  const ada = await enter('ada', name);
  const space = await new OfficialSpaces(oracle.realtime('json', { clientId: 'bob' })).get(name);
  const seen: string[] = [];
  space.locks.subscribe('update', ({ id, status, member, reason }) => {
    seen.push(`${member.clientId} ${id} ${status} ${reason?.code ?? ''}`.trim());
  });
  await space.enter();
  await ada.desk.acquire('card', { ttl: 60_000 });
  await until('seen', () => space.locks.get('card') !== undefined);
  await space.locks.acquire('card');
  await until('refused', () => seen.includes('bob card unlocked 101003'));
  await ada.space.locks.release('card');
  await until('released', () => seen.includes('ada card unlocked'));
  await space.locks.acquire('card');
  await until('granted', () => holder(ada.space.locks.get('card')) === 'bob');
});

it('[SL10] under a new connection id locks are lost, told so, and come back when the old connection has ended', async () => {
  const name = room();
  const [ada, bob] = await Promise.all([enter('ada', name), enter('bob', name)]);
  const before = await ada.desk.acquire('card', { attributes: { color: 'red' } });
  await ada.space.locations.set({ at: 1 });
  // The key goes as after too long a time without a connection, so that the same client begins anew.
  const { connectionManager } = ada.client.connection as unknown as {
    connectionManager: { connectionKey?: string; disconnectAllTransports(): void };
  };
  ada.client.connection.once('disconnected', () => {
    delete connectionManager.connectionKey;
  });
  connectionManager.disconnectAllTransports();
  await until('another id', () => {
    const { id } = ada.client.connection;
    return id !== undefined && id !== before.member.connectionId;
  });
  await until('lost', () => ada.told.includes('lost ada card 80008'));
  await until('back', () => ada.told.filter((event) => event === 'granted ada card').length === 2, 18_000);
  expect(ada.space.locks.get('card')).toMatchObject({
    member: { connectionId: ada.client.connection.id, location: { at: 1 } },
    attributes: { color: 'red' },
  });
  expect(Number(ada.space.locks.get('card')?.fence)).toBeGreaterThan(Number(before.fence));
  await until('bob sees', () => bob.space.locks.get('card')?.member.connectionId === ada.client.connection.id);
  expect((await bob.space.members.getAll()).filter(({ clientId }) => clientId === 'ada')).toHaveLength(1);
}, 40_000);
