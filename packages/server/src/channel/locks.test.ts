import { Action, PresenceAction, type PresenceMessage } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { Harness, type TestClient } from '../../test/harness.ts';

const { ENTER, UPDATE, LEAVE, PRESENT } = PresenceAction;
const room = 'room::$space';
const data = JSON.stringify({
  profileUpdate: { id: 'p1', current: { name: 'x' } },
  locationUpdate: { id: null, current: null, previous: null },
});
const json = { data, encoding: 'json' } as const;

type Entry = { id: string; status: string; timestamp: number; fence?: number; reason?: { code: number } };

const eventsOf = (client: TestClient): PresenceMessage[] =>
  client.all(Action.PRESENCE).flatMap((frame) => frame.presence ?? []);
const locksIn = (event: PresenceMessage | undefined) => event?.extras?.locks as Entry[] | undefined;
const lastOf = (client: TestClient, clientId: string) =>
  eventsOf(client).findLast((event) => event.clientId === clientId);
const nacks = (client: TestClient) => client.all(Action.NACK).map(({ error }) => error?.code);

async function people(harness: Harness, ...names: string[]): Promise<TestClient[]> {
  const clients = names.map((clientId) => harness.connect({ clientId }));
  for (const client of clients) client.attach(room);
  await harness.settle();
  for (const client of clients) client.presence(room, { action: ENTER, ...json });
  await harness.settle();
  for (const client of clients) client.clear();
  return clients;
}

function update(client: TestClient, extras: Record<string, unknown>): void {
  client.presence(room, { action: UPDATE, ...json, extras });
}

const pending = (id: string, timestamp = 1) => ({ id, status: 'pending', timestamp });
const locked = (id: string, timestamp = 1) => ({ id, status: 'locked', timestamp });
const request = (id: string, more: Record<string, unknown> = {}, timestamp = 1) => ({ id, timestamp, ...more });

async function syncOf(harness: Harness): Promise<PresenceMessage[]> {
  const late = harness.connect({ clientId: 'late' });
  late.attach(room);
  await harness.settle();
  return late.all(Action.SYNC).flatMap((frame) => frame.presence ?? []);
}

describe('locks decided by the service', () => {
  it('[LK1] an enter with an id keeps locks, extras and data of a member that is there, and tells nobody', async () => {
    const harness = new Harness();
    const [ada, bob] = (await people(harness, 'ada', 'bob')) as [TestClient, TestClient];
    update(ada, { locks: [pending('a')] });
    await harness.settle();
    ada.clear();
    bob.clear();
    ada.presence(room, { action: ENTER, id: 'whatever', ...json });
    await harness.settle();
    expect(ada.all(Action.ACK)).toHaveLength(1);
    expect(eventsOf(bob)).toEqual([]);
    const shown = (await syncOf(harness)).find(({ clientId }) => clientId === 'ada');
    expect(locksIn(shown)).toMatchObject([{ id: 'a', status: 'locked' }]);
  });

  it('[LK1] an enter with an id of a member that has lapsed enters with an id of its own, and without locks', async () => {
    const harness = new Harness();
    const [ada, bob] = (await people(harness, 'ada', 'bob')) as [TestClient, TestClient];
    update(ada, { locks: [pending('a')] });
    await harness.settle();
    const owner = `app/${eventsOf(bob)[0]?.connectionId}`;
    await harness.engine.lease(owner, 0);
    await harness.engine.lease(owner, Number.POSITIVE_INFINITY);
    await harness.settle();
    bob.clear();
    ada.presence(room, { action: ENTER, id: 'old:1:0', ...json, extras: { locks: [locked('a')] } });
    await harness.settle();
    const [entered] = eventsOf(bob);
    expect(entered).toMatchObject({ action: ENTER, clientId: 'ada' });
    expect(entered?.id).toMatch(/:\d+:0$/);
    expect(entered?.id).not.toBe('old:1:0');
    expect(locksIn(entered)).toBeUndefined();
  });

  it('[LK2] a free lock is locked, one that is held is refused with 101003', async () => {
    const harness = new Harness();
    const [ada, bob] = (await people(harness, 'ada', 'bob')) as [TestClient, TestClient];
    update(ada, { locks: [pending('a', 9_000_000)] });
    await harness.settle();
    update(bob, { locks: [pending('a', 1)] });
    await harness.settle();
    expect(locksIn(lastOf(bob, 'ada'))).toEqual([
      { id: 'a', status: 'locked', timestamp: 9_000_000, fence: expect.any(Number) },
    ]);
    expect(locksIn(lastOf(ada, 'bob'))).toMatchObject([{ id: 'a', status: 'unlocked', reason: { code: 101003 } }]);
  });

  it('[LK2] what the holder sends again stays its own, with the same fence; a lock that is said to be held is not believed', async () => {
    const { harness, ada, bob } = await two();
    update(ada, { locks: [pending('a')] });
    await harness.settle();
    const [first] = locksIn(lastOf(bob, 'ada')) ?? [];
    update(ada, { locks: [pending('a')] });
    update(bob, { locks: [locked('a'), locked('b')] });
    await harness.settle();
    expect(locksIn(lastOf(bob, 'ada'))).toEqual([first]);
    const answers = locksIn(lastOf(ada, 'bob'));
    expect(answers).toMatchObject([
      { id: 'a', status: 'unlocked', reason: { code: 101003 } },
      { id: 'b', status: 'unlocked' },
    ]);
    expect(answers?.[1]?.reason).toBeUndefined();
  });

  it('[LK2] a refused request stays refused until a message comes without it, and a later one is judged anew', async () => {
    const { harness, ada, bob } = await two();
    update(ada, { locks: [pending('a')] });
    update(bob, { locks: [pending('a', 5)] });
    update(ada, { locks: [] });
    update(bob, { locks: [pending('a', 5)] });
    await harness.settle();
    expect(locksIn(lastOf(ada, 'bob'))).toMatchObject([{ id: 'a', status: 'unlocked', reason: { code: 101003 } }]);
    update(bob, { locks: [pending('a', 6)] });
    await harness.settle();
    expect(locksIn(lastOf(ada, 'bob'))).toMatchObject([{ id: 'a', status: 'locked', timestamp: 6 }]);
  });

  it('[LK3] each entry that asks or releases is answered, and none of what clients say of members and fences is passed on', async () => {
    const { harness, ada, bob } = await two();
    update(ada, {
      locks: [
        { ...pending('a'), fence: 1, member: { clientId: 'eve' } },
        { id: 'none', status: 'unlocked', timestamp: 1 },
      ],
    });
    await harness.settle();
    expect(locksIn(lastOf(bob, 'ada'))).toEqual([
      { id: 'a', status: 'locked', timestamp: 1, fence: harness.clock.now() * 1_000 },
      { id: 'none', status: 'unlocked', timestamp: 1 },
    ]);
  });

  it('[LK4] a lock is released by its holder, by an update without it, by leaving, and by entering anew', async () => {
    const { harness, ada, bob } = await two();
    const take = async () => {
      update(ada, { locks: [pending('a')] });
      await harness.settle();
      expect(locksIn(lastOf(bob, 'ada'))).toMatchObject([{ id: 'a', status: 'locked' }]);
    };
    const unlocked = [{ id: 'a', status: 'unlocked', timestamp: 1 }];
    await take();
    update(ada, { locks: [{ id: 'a', status: 'unlocked', timestamp: 1 }] });
    await harness.settle();
    expect(locksIn(lastOf(bob, 'ada'))).toEqual(unlocked);
    await take();
    ada.presence(room, { action: UPDATE, ...json });
    await harness.settle();
    expect(locksIn(lastOf(bob, 'ada'))).toEqual(unlocked);
    await take();
    ada.presence(room, { action: ENTER, ...json });
    await harness.settle();
    expect(lastOf(bob, 'ada')).toMatchObject({ action: ENTER, extras: { locks: unlocked } });
    await take();
    ada.presence(room, { action: LEAVE });
    await harness.settle();
    expect(lastOf(bob, 'ada')).toMatchObject({ action: LEAVE, data });
    expect(lastOf(bob, 'ada')?.extras).toBeUndefined();
    update(bob, { locks: [pending('a')] });
    await harness.settle();
    expect(locksIn(lastOf(bob, 'bob'))).toMatchObject([{ id: 'a', status: 'locked' }]);
  });

  it('[LK4] nobody releases what another holds', async () => {
    const { harness, ada, bob } = await two();
    update(ada, { locks: [pending('a')] });
    update(bob, { locks: [{ id: 'a', status: 'unlocked', timestamp: 1 }] });
    await harness.settle();
    const shown = (await syncOf(harness)).find(({ clientId }) => clientId === 'ada');
    expect(locksIn(shown)).toMatchObject([{ id: 'a', status: 'locked' }]);
  });

  it('[LK5] live messages say of locks what changes, stored ones all that is held and nothing else', async () => {
    const { harness, ada, bob } = await two();
    update(ada, { locks: [pending('a'), pending('b')], note: 1 });
    update(ada, { locks: [locked('a'), locked('b')], note: 2 });
    update(ada, { locks: [locked('b')], note: 3 });
    update(bob, { locks: [pending('b')] });
    update(bob, { locks: [] });
    await harness.settle();
    const live = eventsOf(bob).map(({ clientId, extras }) => [
      clientId,
      (extras?.locks as Entry[] | undefined)?.map(({ id, status }) => `${id} ${status}`),
    ]);
    expect(live).toEqual([
      ['ada', ['a locked', 'b locked']],
      ['ada', []],
      ['ada', ['a unlocked']],
      ['bob', ['b unlocked']],
      ['bob', undefined],
    ]);
    const stored = await syncOf(harness);
    expect(stored.find(({ clientId }) => clientId === 'bob')?.extras).toBeUndefined();
    expect(stored.find(({ clientId }) => clientId === 'ada')?.extras).toEqual({
      note: 3,
      locks: [{ id: 'b', status: 'locked', timestamp: 1, fence: expect.any(Number) }],
    });
    expect(JSON.stringify(stored)).not.toContain('locking');
  });

  it("[LK6] a grant from the queue is an update by the service: its id is no connection's, and its data says nothing new", async () => {
    const { harness, ada, bob } = await two();
    update(ada, { locks: [pending('a')] });
    update(bob, { parvis: { requests: [request('a', { wait: true }, 7)] } });
    await harness.settle();
    expect(lastOf(ada, 'bob')?.extras).toEqual({
      parvis: { waiting: [{ id: 'a', timestamp: 7, at: expect.any(Number) }] },
    });
    const { timestamp: before = 0 } = bob.all(Action.PRESENCE).at(-1) ?? {};
    update(ada, { locks: [] });
    await harness.settle();
    const granted = lastOf(ada, 'bob');
    expect(granted?.action).toBe(UPDATE);
    expect(granted?.id?.startsWith(granted.connectionId ?? '')).toBe(false);
    expect(JSON.parse(String(granted?.data))).toEqual({
      profileUpdate: { id: null, current: { name: 'x' } },
      locationUpdate: { id: null, current: null, previous: null },
    });
    expect(granted?.extras).toEqual({
      locks: [{ id: 'a', status: 'locked', timestamp: 7, fence: expect.any(Number) }],
    });
    expect(bob.all(Action.PRESENCE).at(-1)?.timestamp).toBeGreaterThanOrEqual(before);
  });

  it('[LK7] a client of spaces that may have missed releases is sent each member twice, at first without locks', async () => {
    const { harness, ada, bob } = await two();
    update(ada, { locks: [pending('a')] });
    await harness.settle();
    const position = bob.all(Action.PRESENCE).at(-1)?.channelSerial ?? '';
    const syncFor = async (more: object) => {
      const client = harness.connect({ clientId: 'cat' });
      client.attach(room, more);
      await harness.settle();
      return client
        .all(Action.SYNC)
        .flatMap(({ presence = [] }) => presence.filter(({ clientId }) => clientId === 'ada'));
    };
    const params = { agent: 'spaces/0.5.2' };
    expect(await syncFor({ params })).toHaveLength(1);
    expect(await syncFor({ params, channelSerial: position })).toHaveLength(1);
    expect(await syncFor({ channelSerial: 'another:epoch' })).toHaveLength(1);
    expect(await syncFor({ params: { ...params, locks: 'server' }, channelSerial: 'another:epoch' })).toHaveLength(1);
    const [bare, whole] = await syncFor({ params, channelSerial: 'another:epoch' });
    expect(bare).toMatchObject({ action: PRESENT, timestamp: whole?.timestamp, data: whole?.data });
    expect(bare?.extras).toBeUndefined();
    expect(bare?.id?.startsWith(whole?.connectionId ?? '')).toBe(false);
    expect(locksIn(whole)).toMatchObject([{ id: 'a', status: 'locked' }]);
    update(ada, { locks: [] });
    await harness.settle();
    expect(await syncFor({ params, channelSerial: position })).toHaveLength(2);
  });

  it('[LK8] a client that asks is told that the service decides, where it does', async () => {
    const harness = new Harness();
    const client = harness.connect({ clientId: 'ada' });
    client.attach(room, { params: { agent: 'spaces/1', locks: 'server' } });
    await harness.settle();
    expect(client.one(Action.ATTACHED).params).toEqual({ locks: 'server' });
    client.clear();
    client.attach('room', { params: { locks: 'server' } });
    client.attach('other::$space');
    await harness.settle();
    expect(client.all(Action.ATTACHED).map(({ params }) => params)).toEqual([undefined, undefined]);
  });
});

describe('waiting for a lock', () => {
  it('[LK9] those who wait get the lock in the order in which they came; who stops asking is passed over', async () => {
    const harness = new Harness();
    const [ada, bob, cat, dan] = await people(harness, 'ada', 'bob', 'cat', 'dan');
    if (!ada || !bob || !cat || !dan) throw new Error('nobody came');
    update(ada, { locks: [pending('a')] });
    for (const client of [bob, cat, dan]) update(client, { parvis: { requests: [request('a', { wait: true })] } });
    update(cat, {});
    await harness.settle();
    update(ada, { locks: [pending('a', 2)] });
    update(ada, {});
    await harness.settle();
    expect(holders(await syncOf(harness))).toEqual({ a: 'bob' });
    update(ada, { locks: [pending('a', 3)] });
    await harness.settle();
    expect(locksIn(lastOf(ada, 'ada'))).toMatchObject([{ id: 'a', status: 'unlocked', reason: { code: 101003 } }]);
    bob.presence(room, { action: LEAVE });
    await harness.settle();
    expect(holders(await syncOf(harness))).toEqual({ a: 'dan' });
  });

  it('[LK10] who waits gets the lock when its holder lapses, 15 s after its network broke', async () => {
    const { harness, ada, bob } = await two();
    update(ada, { locks: [pending('a')] });
    update(bob, { parvis: { requests: [request('a', { wait: true })] } });
    await harness.settle();
    ada.cut();
    harness.clock.advance(14_000);
    await harness.settle();
    expect(holders(await syncOf(harness))).toEqual({ a: 'ada' });
    harness.clock.advance(1_001);
    await harness.settle();
    expect(holders(await syncOf(harness))).toEqual({ a: 'bob' });
  });

  it('[LK10] nobody is seen to get the lock of who has lapsed before it is told to have left', async () => {
    const { harness, ada, bob } = await two();
    update(ada, { locks: [pending('a')] });
    update(bob, {});
    await harness.settle();
    const idOf = (clientId: string) => lastOf(bob, clientId)?.connectionId ?? '';
    const app = harness.apps.get('app');
    if (app === undefined) throw new Error('app is gone');
    const channel = await harness.node.channels.open(app, room);
    const [holder, other] = [idOf('ada'), idOf('bob')];
    const origin = { connectionId: other, clientId: 'bob', idBase: `${other}:99`, owner: `app/${other}` };
    bob.clear();
    const asked = channel.submitPresence(origin, [{ action: UPDATE, extras: { locks: [pending('a')] } }]);
    await Promise.all([harness.engine.lease(`app/${holder}`, 0), asked]);
    await harness.settle();
    expect(eventsOf(bob).map((event) => [event.clientId, event.action, locksIn(event)?.[0]?.status])).toEqual([
      ['bob', UPDATE, 'unlocked'],
      ['ada', LEAVE, undefined],
    ]);
  });

  it('[LK11] requests of a group are granted together or not at all', async () => {
    const { harness, ada, bob } = await two();
    update(ada, { locks: [pending('b')] });
    update(bob, { parvis: { requests: [request('a', { group: 'g' }), request('b', { group: 'g' })] } });
    await harness.settle();
    const outcomes = (lastOf(ada, 'bob')?.extras?.parvis as { outcomes?: unknown } | undefined)?.outcomes;
    expect(outcomes).toMatchObject([
      { id: 'a', outcome: 'denied', reason: { code: 101003 } },
      { id: 'b', outcome: 'denied', reason: { code: 101003 }, by: { clientId: 'ada' } },
    ]);
    expect(holders(await syncOf(harness))).toEqual({ b: 'ada' });
    const wait = { group: 'g', wait: true };
    update(bob, { parvis: { requests: [request('a', wait, 2), request('b', wait, 2)] } });
    await harness.settle();
    expect(holders(await syncOf(harness))).toEqual({ b: 'ada' });
    update(ada, {});
    await harness.settle();
    expect(holders(await syncOf(harness))).toEqual({ a: 'bob', b: 'bob' });
  });

  it('[LK12] a lock with a ttl is over unless it is renewed, and its holder is told', async () => {
    const { harness, ada, bob } = await two();
    update(ada, { parvis: { requests: [request('a', { ttl: 5_000 })] } });
    await harness.settle();
    harness.clock.advance(4_000);
    update(ada, { parvis: { act: 'renew', ids: ['a', 'other'] } });
    await harness.settle();
    harness.clock.advance(4_000);
    await harness.settle();
    expect(holders(await syncOf(harness))).toEqual({ a: 'ada' });
    bob.clear();
    harness.clock.advance(1_001);
    await harness.settle();
    expect(lastOf(bob, 'ada')?.extras).toMatchObject({
      locks: [{ id: 'a', status: 'unlocked', reason: { code: 101005 } }],
      parvis: { outcomes: [{ id: 'a', outcome: 'expired', reason: { code: 101005 } }] },
    });
    expect(holders(await syncOf(harness))).toEqual({});
    expect(nacks(ada)).toEqual([]);
  });

  it('[LK13] a question is answered by the holder: yes hands the lock over, and the loser is told before the winner', async () => {
    const { harness, ada, bob } = await two();
    update(ada, { locks: [pending('a')] });
    update(bob, { parvis: { requests: [request('a', { ask: { ms: 5_000, note: 'please' } }, 3)] } });
    await harness.settle();
    const asked = lastOf(ada, 'bob');
    expect(asked?.extras?.parvis).toMatchObject({
      waiting: [{ id: 'a', ask: { until: harness.clock.now() + 5_000, note: 'please' } }],
    });
    ada.clear();
    const { connectionId, clientId } = asked ?? {};
    update(ada, { parvis: { act: 'answer', id: 'a', timestamp: 3, connectionId, clientId, accept: true } });
    await harness.settle();
    const [frame] = ada.all(Action.PRESENCE);
    expect(frame?.presence).toMatchObject([
      {
        clientId: 'ada',
        extras: {
          locks: [{ id: 'a', status: 'unlocked', reason: { code: 101004 } }],
          parvis: { outcomes: [{ outcome: 'lost', how: 'accepted', by: { clientId: 'bob' } }] },
        },
      },
      { clientId: 'bob', extras: { locks: [{ id: 'a', status: 'locked', timestamp: 3 }] } },
    ]);
    update(ada, { locks: [locked('a')] });
    await harness.settle();
    expect(locksIn(lastOf(bob, 'ada'))).toMatchObject([{ id: 'a', status: 'unlocked', reason: { code: 101004 } }]);
  });

  it('[LK13] no answer in time, or no, is a refusal, unless the holder said that silence is a yes', async () => {
    const { harness, ada, bob } = await two();
    const ask = (id: string, timestamp: number) => request(id, { ask: { ms: 1_000 } }, timestamp);
    update(ada, {
      parvis: {
        requests: [
          request('keep'),
          request('yield', { policy: 'yield' }),
          request('open', { policy: 'open' }),
          request('no'),
        ],
      },
    });
    await harness.settle();
    const held = [locked('keep'), locked('yield'), locked('no'), locked('open')];
    update(bob, { parvis: { requests: [ask('keep', 2), ask('yield', 3), ask('open', 4), ask('no', 5)] } });
    await harness.settle();
    const { connectionId, clientId } = lastOf(ada, 'bob') ?? {};
    expect(holders(await syncOf(harness))).toEqual({ keep: 'ada', yield: 'ada', open: 'bob', no: 'ada' });
    update(ada, { parvis: { act: 'answer', id: 'no', timestamp: 5, connectionId, clientId, accept: false } });
    await harness.settle();
    expect(lastOf(ada, 'bob')?.extras?.parvis).toMatchObject({
      outcomes: [{ id: 'no', outcome: 'denied', how: 'refused' }],
    });
    harness.clock.advance(1_001);
    await harness.settle();
    expect(holders(await syncOf(harness))).toEqual({ keep: 'ada', yield: 'bob', open: 'bob', no: 'ada' });
    update(ada, { locks: held });
    await harness.settle();
    expect(holders(await syncOf(harness))).toEqual({ keep: 'ada', yield: 'bob', open: 'bob', no: 'ada' });
  });

  it('[LK14] a lock is taken by force by whom the key or the token lets do so, and by nobody else', async () => {
    const strong = 'app.strong:strong-secret-strong-secret-strong';
    const harness = new Harness({ keys: [{ key: strong, locks: { 'room:*': ['force'] } }] });
    const [ada, bob] = await people(harness, 'ada', 'bob');
    const boss = harness.connect({ clientId: 'boss', key: strong });
    boss.attach(room);
    await harness.settle();
    boss.presence(room, { action: ENTER, ...json });
    if (!ada || !bob) throw new Error('nobody came');
    update(ada, { locks: [pending('a')] });
    update(bob, { parvis: { requests: [request('a', { force: true })] } });
    await harness.settle();
    expect(lastOf(ada, 'bob')?.extras?.parvis).toMatchObject({
      outcomes: [{ id: 'a', outcome: 'denied', reason: { code: 40160 } }],
    });
    update(boss, { parvis: { requests: [request('a', { force: true })] } });
    await harness.settle();
    expect(ada.all(Action.PRESENCE).at(-1)?.presence).toMatchObject([
      {
        clientId: 'ada',
        extras: { parvis: { outcomes: [{ outcome: 'lost', how: 'forced', by: { clientId: 'boss' } }] } },
      },
      { clientId: 'boss', extras: { locks: [{ id: 'a', status: 'locked' }] } },
    ]);
  });
});

describe('bounds of locks', () => {
  it('[LK15] what cannot be read is refused with 40000, and a command of who is not there with 101001', async () => {
    const { harness, ada, bob } = await two();
    const bad: Record<string, unknown>[] = [
      { locks: 'a' },
      { locks: [1] },
      { locks: [{ ...pending('a'), status: 'mine' }] },
      { locks: [{ ...pending(''), id: '' }] },
      { locks: [{ ...pending('a'), id: 'x'.repeat(257) }] },
      { locks: [{ ...pending('a'), timestamp: 'now' }] },
      { locks: Array.from({ length: 201 }, (_, index) => pending(`l${index}`)) },
      { parvis: 1 },
      { parvis: { act: 'fly' } },
      { parvis: { act: 'answer', id: 'a', timestamp: 1, accept: true } },
      { parvis: { requests: [request('a', { ttl: 1 })] } },
      { parvis: { requests: [request('a', { policy: 'none' })] } },
      { parvis: { requests: [request('a', { ask: { ms: 1e9 } })] } },
      { parvis: { requests: [request('a', { group: 'g', force: true })] } },
    ];
    for (const extras of bad) update(ada, extras);
    await harness.settle();
    expect(nacks(ada)).toEqual(bad.map(() => 40000));
    expect(eventsOf(bob)).toEqual([]);
    ada.presence(room, { action: LEAVE });
    update(ada, { parvis: { act: 'renew', ids: [] } });
    await harness.settle();
    expect(nacks(ada).at(-1)).toBe(101001);
  });

  it('[LK16] a member has a hundred locks, and attributes of 4 kB; what is over is refused by itself', async () => {
    const { harness, ada, bob } = await two();
    update(ada, { locks: Array.from({ length: 101 }, (_, index) => pending(`l${index}`)) });
    update(bob, { locks: [{ ...pending('big'), attributes: { text: 'x'.repeat(5_000) } }, pending('small')] });
    await harness.settle();
    const answers = locksIn(lastOf(bob, 'ada')) ?? [];
    expect(answers.filter(({ status }) => status === 'locked')).toHaveLength(100);
    expect(answers.at(-1)).toMatchObject({ id: 'l100', status: 'unlocked', reason: { code: 101006 } });
    expect(locksIn(lastOf(ada, 'bob'))).toMatchObject([
      { id: 'big', status: 'unlocked', reason: { code: 40009 } },
      { id: 'small', status: 'locked' },
    ]);
  });
});

function holders(members: readonly PresenceMessage[]): Record<string, string | undefined> {
  return Object.fromEntries(
    members.flatMap((member) => (locksIn(member) ?? []).map(({ id }) => [id, member.clientId] as const)),
  );
}

async function two() {
  const harness = new Harness();
  const [ada, bob] = await people(harness, 'ada', 'bob');
  if (ada === undefined || bob === undefined) throw new Error('nobody came');
  return { harness, ada, bob };
}
