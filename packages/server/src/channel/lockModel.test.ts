import { Action, PresenceAction, type PresenceMessage, type ProtocolMessage } from '@parvis/protocol';
import { type SeededRandom, seededRandom } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import { Harness, type TestClient } from '../../test/harness.ts';
import type { Engine, Sink } from '../engine/engine.ts';

const { ENTER, UPDATE, LEAVE } = PresenceAction;
const room = 'room::$space';
const ids = ['a', 'b', 'c'] as const;

/** The same engine, whose feed reaches this node late: some turns after the append is through. */
function lagging(engine: Engine, random: SeededRandom): Engine {
  const sinks = new Map<Sink, Sink>();
  const late = (sink: Sink): Sink => {
    const line: (() => void)[] = [];
    let running = false;
    const run = async () => {
      running = true;
      for (let next = line.shift(); next !== undefined; next = line.shift()) {
        for (let turns = random.below(4); turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
        next();
      }
      running = false;
    };
    const push = (news: () => void) => {
      line.push(news);
      if (!running) void run();
    };
    return { entry: (entry) => push(() => sink.entry(entry)), lapsed: (rows) => push(() => sink.lapsed(rows)) };
  };
  return {
    leaseMs: engine.leaseMs,
    join(channel, sink) {
      const own = late(sink);
      sinks.set(sink, own);
      return engine.join(channel, own);
    },
    part: (channel, sink) => engine.part(channel, sinks.get(sink) ?? sink),
    append: (channel, draft) => engine.append(channel, draft),
    read: (channel, range) => engine.read(channel, range),
    rows: (channel, table, query) => engine.rows(channel, table, query),
    lease: (owner, ms) => engine.lease(owner, ms),
    ready: () => engine.ready(),
    close: async () => {},
  };
}

interface LockEntry {
  readonly id: string;
  readonly status: string;
  readonly timestamp: number;
  readonly fence?: number;
}

interface Waiting {
  readonly id: string;
  readonly at: number;
}

interface Known {
  held: Map<string, number>;
  waiting: readonly Waiting[];
}

/** Folds what everybody is told, and fails where it breaks a promise. */
class Watcher {
  readonly members = new Map<string, Known>();
  readonly newest = new Map<string, number>();
  grants = 0;
  queued = 0;

  frame({ presence = [] }: ProtocolMessage): void {
    const taken = new Set(presence.flatMap(({ extras }) => outcomesIn(extras)).map(({ id }) => id));
    for (const event of presence) this.#event(event, taken);
  }

  #event(event: PresenceMessage, taken: ReadonlySet<string>): void {
    const key = `${event.connectionId}:${event.clientId}`;
    if (event.action === LEAVE) {
      this.members.delete(key);
      return;
    }
    const known = this.members.get(key) ?? { held: new Map<string, number>(), waiting: [] };
    this.members.set(key, known);
    const entries = (event.extras?.locks ?? []) as LockEntry[];
    if (event.extras?.locks === undefined) expect([...known.held.keys()]).toEqual([]);
    for (const entry of entries) {
      expect(['locked', 'unlocked']).toContain(entry.status);
      if (entry.status === 'unlocked') known.held.delete(entry.id);
      else this.#granted(key, known, entry, taken);
    }
    known.waiting = ((event.extras?.parvis as { waiting?: Waiting[] } | undefined)?.waiting ?? []).map(
      ({ id, at }) => ({
        id,
        at,
      }),
    );
  }

  #granted(key: string, known: Known, { id, fence = 0 }: LockEntry, taken: ReadonlySet<string>): void {
    for (const [other, { held }] of this.members) if (other !== key) expect(held.has(id)).toBe(false);
    if (known.held.get(id) === fence) return;
    expect(fence).toBeGreaterThan(this.newest.get(id) ?? 0);
    this.newest.set(id, fence);
    known.held.set(id, fence);
    this.grants += 1;
    const own = known.waiting.find((place) => place.id === id);
    if (own !== undefined) this.queued += 1;
    if (taken.has(id)) return;
    for (const { waiting } of this.members.values()) {
      for (const place of waiting) if (place.id === id) expect(place.at).toBeGreaterThanOrEqual(own?.at ?? Infinity);
    }
  }
}

function outcomesIn(extras: PresenceMessage['extras']): { id: string; outcome: string }[] {
  const { outcomes = [] } = (extras?.parvis ?? {}) as { outcomes?: { id: string; outcome: string }[] };
  return outcomes.filter(({ outcome }) => outcome === 'lost');
}

/** A client that says of locks whatever comes to its mind, much of it nonsense. */
class Actor {
  readonly #random: SeededRandom;
  readonly #client: TestClient;
  readonly #connectionId: string;
  #last: Record<string, unknown> = {};
  #time = 0;

  constructor(client: TestClient, random: SeededRandom) {
    this.#client = client;
    this.#connectionId = client.connectionId;
    this.#random = random;
  }

  get owner(): string {
    return `app/${this.#connectionId}`;
  }

  act(others: readonly Actor[]): void {
    const random = this.#random;
    const what = random.below(20);
    if (what === 0) this.#client.presence(room, { action: LEAVE });
    else if (what === 1) this.#client.presence(room, { action: ENTER, data: 'afresh' });
    else if (what === 2) this.#client.presence(room, { action: ENTER, id: 'again:1:0', data: 'again' });
    else if (what === 3) this.#client.presence(room, { action: UPDATE, extras: this.#last });
    else if (what === 4) this.#answer(random.pick([others[0] ?? this, ...others]));
    else this.#say();
  }

  quiet(): void {
    this.#client.presence(room, { action: UPDATE, extras: { locks: [] } });
  }

  #answer(asker: Actor): void {
    const [clientId, connectionId] = ['', asker.#connectionId];
    for (const id of ids) {
      const timestamp = asker.#time;
      const answer = { act: 'answer', id, timestamp, connectionId, clientId: clientId || asker.name, accept: true };
      this.#client.presence(room, { action: UPDATE, extras: { parvis: answer } });
    }
  }

  name = '';

  #say(): void {
    const random = this.#random;
    const locks: unknown[] = [];
    const requests: unknown[] = [];
    this.#time += 1;
    const isGroup = random.below(4) === 0;
    for (const id of ids) {
      const timestamp = this.#time - random.below(2);
      const more = isGroup
        ? { group: 'g', wait: random.below(4) > 0 }
        : random.pick<object>([
            { wait: true },
            { wait: true },
            {},
            { ask: { ms: 1_000 } },
            { force: true },
            { ttl: 1_000, wait: true },
          ]);
      const choice = random.below(7);
      if (choice < 2) requests.push({ id, timestamp, ...more });
      else if (choice < 6)
        locks.push({ id, timestamp, status: random.pick(['pending', 'locked', 'locked', 'unlocked']) });
    }
    this.#last = { locks, parvis: { requests } };
    this.#client.presence(room, { action: UPDATE, extras: this.#last });
  }
}

/** Who holds what by a sync of this node, with fences. */
async function syncOf(harness: Harness): Promise<unknown[]> {
  const late = harness.connect({ clientId: 'late' });
  late.attach(room);
  await harness.settle();
  return late
    .all(Action.SYNC)
    .flatMap(({ presence = [] }) => presence)
    .map(({ clientId, connectionId, extras }) => [connectionId, clientId, extras])
    .sort();
}

async function run(seed: number): Promise<Watcher> {
  const random = seededRandom('locks', seed);
  const strong = 'app.strong:strong-secret-strong-secret-strong';
  const keys = [{ key: strong, locks: { '*': ['force'] } }];
  const first = new Harness({ keys });
  const nodes = [first, ...[1, 2].map(() => new Harness({ keys, engine: () => lagging(first.engine, random) }))];
  const seer = first.connect({ clientId: 'seer' });
  seer.attach(room);
  const actors: Actor[] = [];
  for (const [index, harness] of [...nodes, ...nodes].entries()) {
    const name = `m${index}`;
    const client = harness.connect({ clientId: name, ...(index === 0 ? { key: strong } : {}) });
    client.attach(room);
    await harness.settle();
    client.presence(room, { action: ENTER, data: 'here' });
    const actor = new Actor(client, random);
    actor.name = name;
    actors.push(actor);
  }
  const lapses: string[] = [];
  for (let step = 0; step < 120; step++) {
    const actor = actors[random.below(actors.length)];
    actor?.act(actors);
    if (random.below(25) === 0) for (const { clock } of nodes) clock.advance(600);
    if (actor !== undefined && random.below(25) === 0) {
      lapses.push(actor.owner);
      await first.engine.lease(actor.owner, 0);
    }
    if (random.below(3) === 0) await new Promise((resolve) => setImmediate(resolve));
    if (random.below(6) === 0) {
      for (const owner of lapses.splice(0)) await first.engine.lease(owner, Number.POSITIVE_INFINITY);
    }
  }
  for (let turn = 0; turn < 400; turn++) await new Promise((resolve) => setImmediate(resolve));
  const watcher = new Watcher();
  for (const frame of seer.all(Action.PRESENCE)) watcher.frame(frame);
  const [one, ...rest] = await Promise.all(nodes.map(syncOf));
  for (const other of rest) expect(other).toEqual(one);
  const held = new Map<string, unknown>();
  for (const [key, { held: own }] of watcher.members) for (const [id, fence] of own) held.set(id, { key, fence });
  const { rows } = await first.engine.rows({ app: 'app', name: room, retentionMs: 120_000 }, 'locks', {});
  expect(
    new Map(
      rows.map(({ key, value }) => [
        key,
        { key: (value as { key: string }).key, fence: (value as { fence: number }).fence },
      ]),
    ),
  ).toEqual(held);
  for (const actor of actors) actor.quiet();
  // A question of who is gone is over with its time at the latest.
  for (const { clock } of nodes) clock.advance(1_001);
  for (let turn = 0; turn < 400; turn++) await new Promise((resolve) => setImmediate(resolve));
  for (const table of ['locks', 'lockWaiters', 'lockQuestions']) {
    expect((await first.engine.rows({ app: 'app', name: room, retentionMs: 120_000 }, table, {})).rows).toEqual([]);
  }
  return watcher;
}

describe('locks of clients that say anything', () => {
  it('[LK17] one holder at most, growing fences, queues in order, and the same picture on three nodes in the end', async () => {
    const base = seededRandom('locks of all runs').seed;
    let grants = 0;
    let queued = 0;
    for (let index = 0; index < Number(process.env.PARVIS_LOCK_RUNS ?? 12); index++) {
      const watcher = await run(base + index);
      grants += watcher.grants;
      queued += watcher.queued;
    }
    // A run in which nothing is granted would show nothing.
    expect(grants).toBeGreaterThan(50);
    expect(queued).toBeGreaterThan(10);
  });
});
