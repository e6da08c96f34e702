import { createDurableStore, createFakeClock, type FakeClock, failingStore } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import type { App } from '../access/app.ts';
import { appFromKeys, createApps } from '../access/apps.ts';
import type { Principal } from '../access/principal.ts';
import type { Revocation } from '../access/revocations.ts';
import { createLocalEngine, createMemoryStore, type Engine } from '../engine/index.ts';
import { RevocationFeed } from './revocationFeed.ts';

const app = appFromKeys([
  { key: 'app.key:secret-of-more-than-sixteen-bytes', revocableTokens: true },
  { key: 'app.plain:secret-of-more-than-sixteen-bytes' },
]);
const other = appFromKeys([{ key: 'other.key:secret-of-more-than-sixteen-bytes', revocableTokens: true }]);

/** The feed of one node, and all that it was told of. */
function nodeOf(engine: Engine, clock: FakeClock, apps = createApps([app, other])) {
  const failures: unknown[] = [];
  const feed = new RevocationFeed({ engine, apps, clock, report: (failure) => failures.push(failure) });
  const told: [string, string[]][] = [];
  feed.onChange(({ id }, revocations) => told.push([id, revocations.map(({ target }) => target)]));
  return { feed, told, failures, apps };
}

const engineOf = (clock: FakeClock) => createLocalEngine({ store: createMemoryStore(), clock });

function bearer(clock: FakeClock, of: App = app, more: Partial<Principal> = {}): Principal {
  const [key] = of.keys.values();
  if (key === undefined) throw new Error('the app has no key');
  return {
    app: of,
    key,
    clientId: 'ann',
    capability: key.capability,
    method: 'token',
    issuedAt: clock.now() - 1,
    ...more,
  };
}

const annOf = (clock: FakeClock, more: Partial<Revocation> = {}): Revocation => ({
  keyName: 'app.key',
  target: 'clientId:ann',
  issuedBefore: clock.now(),
  appliesAt: clock.now(),
  ...more,
});

describe('what is revoked', () => {
  it('[RV4] is known on every node, once it has been learnt at once and without a promise', async () => {
    const clock = createFakeClock();
    const engine = engineOf(clock);
    const [one, two] = [nodeOf(engine, clock), nodeOf(engine, clock)];
    expect(await two.feed.isRevoked(bearer(clock))).toBe(false);
    expect(two.feed.isRevoked(bearer(clock))).toBe(false);
    await one.feed.revoke(app, [annOf(clock), annOf(clock, { target: 'revocationKey:team' })]);
    for (const { feed, told } of [one, two]) {
      expect(feed.isRevoked(bearer(clock))).toBe(true);
      expect(feed.isRevoked(bearer(clock, app, { clientId: 'bob' }))).toBe(false);
      expect(told).toEqual([['app', ['clientId:ann', 'revocationKey:team']]]);
    }
  });

  it('[RV4] is known on a node that comes later', async () => {
    const clock = createFakeClock();
    const engine = engineOf(clock);
    await nodeOf(engine, clock).feed.revoke(app, [annOf(clock)]);
    clock.advance(600_000);
    const late = nodeOf(engine, clock);
    const answer = late.feed.isRevoked(bearer(clock, app, { issuedAt: clock.now() - 700_000 }));
    expect(answer).toBeInstanceOf(Promise);
    expect(await answer).toBe(true);
  });

  it('[RV4] in one app says nothing about another with the same names', async () => {
    const clock = createFakeClock();
    const { feed } = nodeOf(engineOf(clock), clock);
    await feed.revoke(app, [annOf(clock)]);
    expect(await feed.isRevoked(bearer(clock, other))).toBe(false);
  });

  it('[RV5] survives a restart as far as its store does, and longer than rows without a lease', async () => {
    const clock = createFakeClock();
    const disk = createDurableStore();
    const before = createLocalEngine({ store: disk.open(), clock });
    await nodeOf(before, clock).feed.revoke(app, [annOf(clock)]);
    await before.close();
    const engine = createLocalEngine({ store: disk.open(), clock });
    const { feed } = nodeOf(engine, clock);
    await feed.open();
    clock.advance(1_800_000);
    const late = nodeOf(engine, clock).feed;
    expect(await late.isRevoked(bearer(clock, app, { issuedAt: clock.now() - 1_900_000 }))).toBe(true);
  });

  it('[RV5] is forgotten when the last token that it fits has expired', async () => {
    const clock = createFakeClock();
    const engine = engineOf(clock);
    const { feed } = nodeOf(engine, clock);
    await feed.revoke(app, [annOf(clock, { appliesAt: clock.now() + 30_000 })]);
    const token = bearer(clock);
    clock.advance(3_620_000);
    expect(feed.isRevoked(token)).toBe(true);
    clock.advance(11_000);
    expect(feed.isRevoked(token)).toBe(false);
    expect(await nodeOf(engine, clock).feed.isRevoked(token)).toBe(false);
  });

  it('[RV6] costs nothing for keys, and for tokens that cannot be revoked', () => {
    const clock = createFakeClock();
    const { feed } = nodeOf({} as Engine, clock);
    const plain = app.keys.get('app.plain');
    expect(feed.isRevoked(bearer(clock, app, { method: 'key' }))).toBe(false);
    expect(feed.isRevoked(bearer(clock, app, plain === undefined ? {} : { key: plain }))).toBe(false);
  });

  it('[RV6] that cannot be learnt lets nobody in, and is asked for again', async () => {
    const clock = createFakeClock();
    const engine = engineOf(clock);
    let isDown = true;
    const { feed } = nodeOf(
      { ...bound(engine), join: (ref, sink) => (isDown ? Promise.reject(new Error('down')) : engine.join(ref, sink)) },
      clock,
    );
    await expect(feed.isRevoked(bearer(clock))).rejects.toThrow('down');
    isDown = false;
    expect(await feed.isRevoked(bearer(clock))).toBe(false);
  });

  it('[RV6] that cannot be stored is told to whoever revokes', async () => {
    const clock = createFakeClock();
    const store = failingStore(createMemoryStore(), () => true);
    const { feed } = nodeOf(createLocalEngine({ store, clock }), clock);
    await expect(feed.revoke(app, [annOf(clock)])).rejects.toMatchObject({ statusCode: 503 });
    expect(await feed.isRevoked(bearer(clock))).toBe(false);
  });

  it('[RV7] has a bound for each app, and what adds nothing does not count', async () => {
    const clock = createFakeClock();
    const { feed, told } = nodeOf(engineOf(clock), clock);
    for (let round = 0; round < 200; round++) {
      const some = Array.from({ length: 100 }, (_, index) => annOf(clock, { target: `clientId:${round}-${index}` }));
      await feed.revoke(app, some);
    }
    await feed.revoke(app, [annOf(clock, { target: 'clientId:0-0' })]);
    expect(told).toHaveLength(200);
    await expect(feed.revoke(app, [annOf(clock)])).rejects.toMatchObject({ code: 42910 });
  });

  it('[RV7] goes with its app', async () => {
    const clock = createFakeClock();
    const engine = engineOf(clock);
    let parted = 0;
    const watched = {
      ...bound(engine),
      part: (...args: Parameters<Engine['part']>) => {
        parted += 1;
        return engine.part(...args);
      },
    };
    const { feed, apps } = nodeOf(watched, clock);
    await feed.open();
    feed.sweep();
    expect(parted).toBe(0);
    apps.remove('app');
    feed.sweep();
    expect(parted).toBe(1);
  });
});

/** The methods of an engine as they can be copied. */
function bound(engine: Engine): Engine {
  return {
    leaseMs: engine.leaseMs,
    join: engine.join.bind(engine),
    part: engine.part.bind(engine),
    append: engine.append.bind(engine),
    read: engine.read.bind(engine),
    rows: engine.rows.bind(engine),
    lease: engine.lease.bind(engine),
    ready: engine.ready.bind(engine),
    close: engine.close.bind(engine),
  };
}
