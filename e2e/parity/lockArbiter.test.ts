import OfficialDefault, { type Lock, type Space } from '@ably/spaces';
import * as Ably from 'ably';
import { describe, expect, it } from 'vitest';
import { CutProxy } from '../oracle/cutProxy.ts';
import { formats, inState, startOracle, until } from '../oracle/harness.ts';

const OfficialSpaces = (OfficialDefault as unknown as { default?: typeof OfficialDefault }).default ?? OfficialDefault;
const oracle = await startOracle({ limits: { presenceGraceMs: 400, connectionStateTtlMs: 500 } });
let count = 0;

/** One official client in a space, with all that it is told of locks. */
interface Somebody {
  readonly client: Ably.Realtime;
  readonly space: Space;
  readonly told: Lock[];
  /** What it was told, in short. */
  readonly lines: () => string[];
  readonly channel: Ably.RealtimeChannel;
}

type Entry = { id: string; status: string; timestamp: number; fence?: number; reason?: { code: number } };

const entriesIn = (message?: Ably.PresenceMessage) => message?.extras?.locks as Entry[] | undefined;

describe.each(formats)('official clients of spaces and the arbiter, %s', (format) => {
  const join = async (name: string, clientId: string, options: Partial<Ably.ClientOptions> = {}): Promise<Somebody> => {
    const client = oracle.realtime(format, { clientId, ...options });
    const space = await new OfficialSpaces(client).get(name);
    const told: Lock[] = [];
    space.locks.subscribe('update', (lock) => told.push(lock));
    await space.enter({ name: clientId });
    const lines = () =>
      told.map(({ id, member, status, reason }) =>
        [member.clientId, id, status, reason?.code].filter((part) => part !== undefined).join(' '),
      );
    const channel = client.channels.get(`${name}::$space`, { params: { agent: 'spaces/0.5.2' } });
    return { client, space, told, lines, channel };
  };

  const pair = async (): Promise<[Somebody, Somebody, string]> => {
    const name = `locks-${++count}`;
    const ada = await join(name, 'ada');
    const bob = await join(name, 'bob');
    return [ada, bob, name];
  };

  const holds = (who: Somebody, id: string, clientId: string | undefined) =>
    until(`${id} of ${clientId}`, () => who.space.locks.get(id)?.member.clientId === clientId);

  it('[LK1] the automatic re-entry of the client keeps its locks, and nobody hears of it', async () => {
    const [ada, bob] = await pair();
    await ada.space.locks.acquire('a');
    await Promise.all([holds(bob, 'a', 'ada'), holds(ada, 'a', 'ada')]);
    const heard: Ably.PresenceMessage[] = [];
    await bob.channel.presence.subscribe((message) => heard.push(message));
    heard.length = 0;
    // What the client does by itself after an attach that lost continuity (spec RTP17i).
    (ada.channel.presence as unknown as { _ensureMyMembersPresent(): void })._ensureMyMembersPresent();
    await bob.space.locations.set('afterwards');
    await until('a later message', () => heard.some(({ clientId }) => clientId === 'bob'));
    expect(heard.filter(({ clientId }) => clientId === 'ada')).toEqual([]);
    expect(ada.space.locks.get('a')?.status).toBe('locked');
    expect(bob.space.locks.get('a')?.member.clientId).toBe('ada');
  });

  it('[LK2] of all that ask at once one gets the lock, everybody sees the same, and clocks decide nothing', async () => {
    const name = `locks-${++count}`;
    const all = await Promise.all(['ada', 'bob', 'cat', 'dan'].map((clientId) => join(name, clientId)));
    const now = Date.now;
    try {
      let call = 0;
      Date.now = () => now() - (call++ % 2) * 600_000;
      await Promise.all(all.map(({ space }) => space.locks.acquire('a')));
    } finally {
      Date.now = now;
    }
    await until('everybody knows of four outcomes', () => all.every(({ told }) => told.length >= 4));
    const holders = new Set(all.map(({ space }) => space.locks.get('a')?.member.clientId));
    expect(holders.size).toBe(1);
    expect([...holders][0]).toBeDefined();
    const refused = all[0]?.told.filter(({ status }) => status === 'unlocked') ?? [];
    expect(refused.map(({ reason }) => reason?.code)).toEqual([101003, 101003, 101003]);
  });

  it('[LK3] a request that was refused can be made again: no answer is left out', async () => {
    const [ada, bob] = await pair();
    await ada.space.locks.acquire('a');
    await holds(bob, 'a', 'ada');
    await bob.space.locks.acquire('a');
    await until('the refusal', () => bob.lines().includes('bob a unlocked 101003'));
    await ada.space.locks.release('a');
    await holds(bob, 'a', undefined);
    await bob.space.locks.acquire('a');
    await Promise.all([holds(ada, 'a', 'bob'), holds(bob, 'a', 'bob')]);
  });

  it('[LK3] six locks and a location at once: all of them are held', async () => {
    const [ada, bob] = await pair();
    const ids = ['s1', 's2', 's3', 's4', 's5', 's6'];
    await Promise.all([...ids.map((id) => ada.space.locks.acquire(id)), ada.space.locations.set('here')]);
    for (const somebody of [ada, bob]) for (const id of ids) await holds(somebody, id, 'ada');
    expect((await bob.space.locks.getAll()).map(({ id }) => id).sort()).toEqual(ids);
  });

  it('[LK4] a lock goes by release, by leaving and by a broken network, and the next one gets it', async () => {
    const [ada, bob] = await pair();
    await ada.space.locks.acquire('a');
    await holds(bob, 'a', 'ada');
    await ada.space.locks.release('a');
    await until('the release', () => bob.lines().at(-1) === 'ada a unlocked');
    await ada.space.locks.acquire('a');
    await holds(bob, 'a', 'ada');
    await ada.space.leave();
    await holds(bob, 'a', undefined);
    const cat = await join(bob.space.name, 'cat');
    await cat.space.locks.acquire('a');
    await holds(bob, 'a', 'cat');
    const { connectionManager } = cat.client.connection as unknown as {
      connectionManager: { activeProtocol: { transport: { disconnect(): void } } };
    };
    cat.client.connection.on('disconnected', () => cat.client.close());
    connectionManager.activeProtocol.transport.disconnect();
    await holds(bob, 'a', undefined);
    await bob.space.locks.acquire('a');
    await holds(bob, 'a', 'bob');
  });

  it('[LK5] a location of the holder brings no lock back that was released meanwhile', async () => {
    const [ada, bob] = await pair();
    await ada.space.locks.acquire('a');
    await ada.space.locks.acquire('b');
    await holds(bob, 'b', 'ada');
    const moves = [1, 2, 3].map((cell) => ada.space.locations.set({ cell }));
    await Promise.all([...moves, ada.space.locks.release('a')]);
    await until('the release', () => bob.lines().includes('ada a unlocked'));
    await ada.space.locations.set({ cell: 4 });
    await holds(bob, 'b', 'ada');
    expect(bob.space.locks.get('a')).toBeUndefined();
    const late = await join(bob.space.name, 'late');
    const stored = (await late.channel.presence.get()).find(({ clientId }) => clientId === 'ada');
    expect(entriesIn(stored)).toEqual([
      { id: 'b', status: 'locked', timestamp: expect.any(Number), fence: expect.any(Number) },
    ]);
  });

  it('[LK6] an official client that lost its lock by force is told by the service, with who took it left to ours', async () => {
    const name = `locks-${++count}`;
    const ada = await join(name, 'ada');
    const jwt = oracle.jwt({
      'x-ably-clientId': 'boss',
      'x-ably-capability': '{"*":["*"]}',
      'x-parvis-locks': '{"*":["force"]}',
    });
    const boss = oracle.realtime(format, { token: jwt });
    const channel = boss.channels.get(`${name}::$space`);
    await channel.attach();
    await ada.space.locks.acquire('a');
    await holds(ada, 'a', 'ada');
    const first = (ada.space.locks.get('a') as unknown as Entry).fence ?? 0;
    const state = {
      profileUpdate: { id: null, current: null },
      locationUpdate: { id: null, current: null, previous: null },
    };
    const extras = { parvis: { requests: [{ id: 'a', timestamp: 1, force: true }] } };
    await channel.presence.enter(Ably.Realtime.PresenceMessage.fromValues({ data: state, extras }) as never);
    await holds(ada, 'a', 'boss');
    expect(ada.lines()).toEqual(['ada a locked', 'ada a unlocked 101004', 'boss a locked']);
    expect((ada.space.locks.get('a') as unknown as Entry).fence).toBeGreaterThan(first);
    expect((await ada.space.members.getSelf())?.profileData).toEqual({ name: 'ada' });
    await ada.space.locks.acquire('a');
    await until('the refusal', () => ada.lines().at(-1) === 'ada a unlocked 101003');
  });

  it.each(['resumes', 'begins anew'] as const)(
    '[LK7] a release that a client did not hear of is made good when it is back and %s',
    async (how) => {
      const name = `locks-${++count}`;
      const proxy = await CutProxy.to(oracle.server.port);
      try {
        const ada = await join(name, 'ada');
        const times = { port: proxy.port, disconnectedRetryTimeout: 50, suspendedRetryTimeout: 50 };
        const bob = await join(name, 'bob', times);
        await ada.space.locks.acquire('a');
        await ada.space.locks.acquire('b');
        await Promise.all([holds(bob, 'b', 'ada'), holds(bob, 'a', 'ada')]);
        const { id } = bob.client.connection;
        const isGone = async () => (await ada.channel.presence.get()).every(({ clientId }) => clientId !== 'bob');
        proxy.refusing = true;
        proxy.cut();
        await inState(bob.client.connection, 'disconnected');
        await ada.space.locks.release('a');
        await holds(ada, 'a', undefined);
        if (how === 'begins anew') await expect.poll(isGone, { timeout: 5_000 }).toBe(true);
        if (how === 'begins anew') await inState(bob.client.connection, 'suspended');
        proxy.refusing = false;
        await until('what was missed', () => bob.space.locks.get('a') === undefined);
        await holds(bob, 'b', 'ada');
        expect(bob.client.connection.id === id).toBe(how === 'resumes');
        bob.client.close();
      } finally {
        await proxy.close();
      }
    },
  );

  it('[LK8] what travels for our clients throws nothing at official ones, which see nothing but a fence', async () => {
    const [ada, bob] = await pair();
    await ada.space.locks.acquire('a');
    await holds(bob, 'a', 'ada');
    const cat = oracle.realtime(format, { clientId: 'cat' });
    const channel = cat.channels.get(`${ada.space.name}::$space`, { params: { agent: 'spaces/9', locks: 'server' } });
    await channel.attach();
    expect(channel.params.locks).toBe('server');
    const state = {
      profileUpdate: { id: 'p', current: { name: 'cat' } },
      locationUpdate: { id: null, current: null, previous: null },
    };
    const extras = { parvis: { requests: [{ id: 'a', timestamp: 1, ask: { ms: 60_000 } }] } };
    await channel.presence.enter(Ably.Realtime.PresenceMessage.fromValues({ data: state, extras }) as never);
    await until('cat', () => bob.space.locks.get('a')?.member.clientId === 'ada');
    expect(bob.lines()).toEqual(['ada a locked']);
    await ada.space.locks.release('a');
    await Promise.all([holds(ada, 'a', 'cat'), holds(bob, 'a', 'cat')]);
    expect(bob.lines()).toEqual(['ada a locked', 'ada a unlocked', 'cat a locked']);
    expect(Object.keys(bob.space.locks.get('a') ?? {}).sort()).toEqual([
      'fence',
      'id',
      'member',
      'status',
      'timestamp',
    ]);
  });
});
