import { Action, Mode } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { Harness, otherKey } from '../../test/harness.ts';
import { createLocalEngine, createMemoryStore, type Engine } from '../engine/index.ts';

async function connected(harness: Harness, query: Record<string, string> = {}) {
  const client = harness.connect(query);
  await harness.settle();
  return client;
}

async function entriesOf(harness: Harness, app = 'app') {
  const page = await harness.node.stats.read(app, {
    end: '2025-12',
    unit: 'month',
    direction: 'forwards',
    limit: 10,
  });
  return page.items[0]?.entries ?? {};
}

describe('what is counted', () => {
  it('[SA13] messages count once for whoever published them and once for each who got them', async () => {
    const harness = new Harness();
    const publisher = await connected(harness);
    const subscribers = [await connected(harness), await connected(harness)];
    const deaf = await connected(harness);
    for (const client of subscribers) client.attach('room');
    deaf.attach('room', { flags: Mode.PUBLISH });
    await harness.settle();
    publisher.publish('room', { data: 'four' }, { data: 'é' });
    publisher.publish('nobody', { data: new Uint8Array(3) });
    await harness.settle();
    expect(await entriesOf(harness)).toMatchObject({
      'messages.inbound.realtime.messages.count': 3,
      'messages.inbound.realtime.messages.data': 9,
      'messages.outbound.realtime.messages.count': 4,
      'messages.outbound.realtime.messages.data': 12,
      'messages.all.all.count': 7,
    });
  });

  it('[SA13] what a connection does not want back is not counted as sent, nor is a frame that is sent again', async () => {
    const harness = new Harness();
    const silent = await connected(harness, { echo: 'false' });
    const other = await connected(harness, { echo: 'false' });
    for (const client of [silent, other]) client.attach('room');
    await harness.settle();
    silent.publish('room', { data: 'four' });
    silent.msgSerial = 0;
    silent.publish('room', { data: 'four' });
    await harness.settle();
    expect(silent.all(Action.MESSAGE)).toEqual([]);
    expect(other.all(Action.MESSAGE)).toHaveLength(1);
    expect(await entriesOf(harness)).toMatchObject({
      'messages.inbound.realtime.messages.count': 1,
      'messages.outbound.realtime.messages.count': 1,
    });
  });

  it('[SA14] presence, connections and channels are counted, those of another app apart', async () => {
    const harness = new Harness();
    const [one, two] = [await connected(harness, { clientId: 'a' }), await connected(harness, { clientId: 'b' })];
    for (const client of [one, two]) client.attach('room');
    await harness.settle();
    one.presence('room', { action: 2, data: 'four' });
    await harness.settle();
    two.cut();
    await connected(harness, { clientId: 'b', resume: two.connectionKey });
    one.attach('another');
    await harness.settle();
    expect(await entriesOf(harness)).toMatchObject({
      'messages.inbound.realtime.presence.count': 1,
      'messages.inbound.realtime.presence.data': 4,
      'messages.outbound.realtime.presence.count': 2,
      'connections.all.peak': 2,
      'connections.all.opened': 2,
      'channels.peak': 2,
      'channels.opened': 2,
    });
    await connected(harness, { key: otherKey });
    expect(await entriesOf(harness, 'other')).toEqual({ 'connections.all.opened': 1, 'connections.all.peak': 1 });
  });

  it('[SA14] those that stay count in every minute they are there, and openings in the one they come', async () => {
    const harness = new Harness();
    await connected(harness);
    harness.clock.advance(120_000);
    await harness.settle();
    const read = { end: '2025-12', unit: 'minute', direction: 'forwards', limit: 10 } as const;
    const { items } = await harness.node.stats.read('app', read);
    expect(items.map(({ intervalId, entries }) => [intervalId, entries])).toEqual([
      ['2025-01-01:00:00', { 'connections.all.opened': 1, 'connections.all.peak': 1 }],
      ['2025-01-01:00:01', { 'connections.all.peak': 1 }],
      ['2025-01-01:00:02', { 'connections.all.peak': 1 }],
    ]);
    expect(items.map(({ inProgress }) => inProgress)).toEqual([undefined, undefined, '2025-01-01:00:02']);
  });

  it('[SA15] a node that stops leaves what it has counted, and another one sums it up with its own', async () => {
    const kept: Engine[] = [];
    const first = new Harness({
      engine(clock) {
        const engine = createLocalEngine({ store: createMemoryStore(), clock });
        kept.push(engine);
        return { ...engineOf(engine), close: async () => {} };
      },
    });
    const client = await connected(first);
    client.publish('room', { data: 'four' });
    await first.settle();
    await first.node.stop();
    const [engine] = kept;
    if (engine === undefined) throw new Error('no engine');
    const rows = await engine.rows({ app: 'app', name: '[parvis]stats', retentionMs: 0 }, 'minutes');
    expect(rows.rows).toMatchObject([
      { key: '2025-01-01:00:00 test', value: { 'inbound.realtime.messages.count': 1, 'connections.all.peak': 1 } },
    ]);
    await engine.append(
      { app: 'app', name: '[parvis]stats', retentionMs: 0 },
      {
        kind: 'message',
        payload: null,
        ephemeral: true,
        rows: [{ table: 'minutes', key: '2025-01-01:00:00 else', value: { 'connections.all.peak': 2 } }],
      },
    );
    const second = new Harness({ engine: () => engine });
    expect(await entriesOf(second)).toMatchObject({
      'messages.inbound.realtime.messages.count': 1,
      'connections.all.peak': 3,
    });
  });

  it('[SA15] what cannot be written is reported, and counted on', async () => {
    let broken = true;
    const lines: unknown[] = [];
    const log = { info() {}, warn() {}, debug() {}, error: (fields: unknown) => void lines.push(fields) };
    const harness = new Harness({
      log: log as never,
      engine(clock) {
        const engine = createLocalEngine({ store: createMemoryStore(), clock });
        const append: Engine['append'] = (ref, draft) =>
          broken && ref.name === '[parvis]stats' ? Promise.reject(new Error('disk')) : engine.append(ref, draft);
        return { ...engineOf(engine), append };
      },
    });
    await connected(harness);
    harness.clock.advance(60_000);
    await harness.settle();
    expect(lines).toMatchObject([{ app: 'app' }]);
    broken = false;
    expect(await entriesOf(harness)).toMatchObject({ 'connections.all.peak': 1 });
  });
});

/** Its methods, free of it. */
function engineOf(engine: Engine): Engine {
  return {
    leaseMs: engine.leaseMs,
    join: (...args) => engine.join(...args),
    part: (...args) => engine.part(...args),
    append: (...args) => engine.append(...args),
    read: (...args) => engine.read(...args),
    rows: (...args) => engine.rows(...args),
    lease: (...args) => engine.lease(...args),
    ready: () => engine.ready(),
    close: () => engine.close(),
  };
}
