import { issueJwt } from '@parvis/auth';
import { Action, codecs, type Format } from '@parvis/protocol';
import { delayingStore, type FakeClock, type SeededRandom, seededRandom } from '@parvis/testing';
import { createLocalEngine, createMemoryStore } from 'parvis/engine';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { handlers } from '../../packages/server/src/connection/handlers.ts';
import type { Log } from '../../packages/server/src/observe/log.ts';
import { silentMeter } from '../../packages/server/src/observe/meter.ts';
import {
  fullKey,
  Harness,
  type HarnessOptions,
  otherKey,
  readKey,
  type TestClient,
} from '../../packages/server/test/harness.ts';
import { memoryUsed, settledAt } from '../attacks/memory.ts';
import { Actor, channels, type World } from './actor.ts';
import { mutate } from './mutate.ts';
import { Watcher } from './watcher.ts';

const FRAMES = Number(process.env.PARVIS_FUZZ_FRAMES ?? 100_000);
/** Storage that takes its time lets frames overtake it; these runs are shorter. */
const SLOW_FRAMES = FRAMES / 5;
const ACTORS = 40;
/** So many of them never send a bad frame. */
const SPOTLESS = 10;
/** Frames that are on their way at once. */
const BATCH = 100;
const MB = 1024 * 1024;
/** So tight that the limits, too, are reached now and then. */
const limits = {
  maxChannelsPerConnection: 5,
  maxPresenceMembers: 3,
  maxMessagesPerPublish: 4,
  maxInboundRate: 60,
  maxProtocolRate: 50,
  maxResumeBacklog: 50,
  softBacklog: 2_000,
  hardBacklog: 50_000,
};

const strays: unknown[] = [];
const stray = (failure: unknown) => strays.push(failure);
beforeAll(() => {
  process.on('unhandledRejection', stray);
  process.on('uncaughtException', stray);
});
afterAll(() => {
  process.off('unhandledRejection', stray);
  process.off('uncaughtException', stray);
});

/** How often things happened, by number. */
class Tally {
  readonly #counts = new Map<number, number>();

  count(what: number): void {
    this.#counts.set(what, this.of(what) + 1);
  }

  of(what: number): number {
    return this.#counts.get(what) ?? 0;
  }

  text(nameOf: (what: number) => string = String): string {
    const sorted = [...this.#counts].sort(([a], [b]) => a - b);
    return sorted.map(([what, count]) => `${nameOf(what)} ${count}`).join(', ');
  }
}

class Run {
  readonly reached = { legal: new Tally(), mutated: new Tally() };
  readonly sent = { legal: 0, mutated: 0 };
  readonly refusedCodes = new Tally();
  readonly answeredCodes = new Tally();
  readonly errorLines: unknown[] = [];
  readonly harness: Harness;
  readonly good: TestClient;
  readonly watcher: Watcher;
  #goodOnes = 0;

  constructor(engine?: HarnessOptions['engine']) {
    const error = (...line: unknown[]) => this.errorLines.push(line);
    const log = { info() {}, warn() {}, debug() {}, error } as unknown as Log;
    const meter = { ...silentMeter, refused: (code: number) => this.refusedCodes.count(code) };
    this.harness = new Harness({ log, meter, limits, ...(engine === undefined ? {} : { engine }) });
    this.good = this.harness.connect({ clientId: 'good' });
    this.good.attach('good');
    this.watcher = new Watcher(this.harness, channels[0]);
  }

  /** Sends a frame, if its connection takes one, and notes which handler it comes to. */
  send(kind: 'legal' | 'mutated', actor: Actor, frame: Uint8Array, format: Format): void {
    try {
      const { action } = codecs[format].decode(frame);
      if (handlers.has(action)) this.reached[kind].count(action);
    } catch {
      // It is the server's to say what is wrong with it.
    }
    this.sent[kind] += 1;
    actor.client.sendRaw(frame);
  }

  /** Everybody hears what there is; the good client is served. */
  async settle(actors: readonly Actor[]): Promise<void> {
    const data = `good ${this.#goodOnes++}`;
    this.good.publish('good', { data });
    for (let turns = 0; turns === 0 || (this.good.all(Action.ACK).length === 0 && turns < 1_000); turns++) {
      await this.harness.settle();
    }
    for (const actor of actors) {
      for (const message of actor.client.received) {
        if (message.error !== undefined) this.answeredCodes.count(message.error.code);
        actor.hear(message);
      }
      actor.client.clear();
    }
    this.watcher.hear();
    const heard = this.good.received.map(({ action, messages }) => messages?.[0]?.data ?? action);
    if (this.#goodOnes > 1) expect([...heard].sort()).toEqual([Action.ACK, data].sort());
    this.good.clear();
  }
}

async function tokensAt(now: number): Promise<[string, ...string[]]> {
  const issue = (clientId: string | undefined, capability: unknown, ttlMs: number, key = fullKey) =>
    issueJwt({ key, now, ttlMs, ...(clientId === undefined ? {} : { clientId }), capability });
  const all = { '*': ['*'] };
  return [
    'not a token',
    ...(await Promise.all([
      issue('ada', all, 86_400_000),
      issue('ada', { 'room*': ['subscribe', 'presence'] }, 86_400_000),
      issue('ada', { 'room:1': ['publish'] }, 86_400_000),
      issue('ada', all, 60_000),
      issue('ada', all, 600_000),
      issue('bob', all, 86_400_000),
      issue('*', all, 86_400_000),
      issue(undefined, all, 86_400_000),
      issue('ada', all, 86_400_000, otherKey),
    ])),
  ];
}

async function worldOf(harness: Harness, format: Format, random: SeededRandom): Promise<World> {
  const tokens = await tokensAt(harness.clock.now());
  const credentials: World['credentials'] = [
    { key: fullKey },
    { key: fullKey, clientId: 'ada' },
    { key: fullKey, clientId: 'ada' },
    { key: fullKey, clientId: 'bob' },
    { key: fullKey, clientId: '__proto__' },
    { key: otherKey, clientId: 'ada' },
    { key: readKey },
    { key: 'app.full:wrong' },
    ...tokens.map((token) => ({ access_token: token })),
  ];
  return { harness, random, format, credentials, tokens };
}

/** Lets this much time pass as a server sees it: second by second, with the work of each. */
async function pass(harness: Harness, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    harness.clock.advance(1_000);
    await harness.settle();
  }
}

const nameOf = (action: number) => Object.entries(Action).find(([, value]) => value === action)?.[0] ?? String(action);

const runs: [frames: number, format: Format, storage: 'quick' | 'slow'][] = [
  [FRAMES, 'json', 'quick'],
  [FRAMES, 'msgpack', 'quick'],
  [SLOW_FRAMES, 'json', 'slow'],
  [SLOW_FRAMES, 'msgpack', 'slow'],
];

describe.each(runs)('%i frames of %s, half of them mutated, with %s storage', (frames, format, storage) => {
  it('[FZ20] every handler is reached, no bug is hit, the good client is served, and nothing is left of the others', async () => {
    const random = seededRandom(`fuzz of ${format} frames`);
    const slow = (clock: FakeClock) =>
      createLocalEngine({ store: delayingStore(createMemoryStore(), random), clock, random: random.next });
    const run = new Run(storage === 'slow' ? slow : undefined);
    const { harness } = run;
    const world = await worldOf(harness, format, random);
    const actors = Array.from({ length: ACTORS }, (_, index) => new Actor(world, index < SPOTLESS));
    await run.settle(actors);
    const before = memoryUsed();
    let lastFrame: Uint8Array = Buffer.alloc(0);

    while (run.sent.legal + run.sent.mutated < frames) {
      for (let i = 0; i < BATCH; i++) {
        const isBadTurn = run.sent.mutated < run.sent.legal;
        const index = isBadTurn ? SPOTLESS + random.below(ACTORS - SPOTLESS) : random.below(SPOTLESS);
        const actor = actors[index] as Actor;
        if (actor.isGone) actor.connect();
        else if (random.below(60) === 0) actor.cut();
        else if (random.below(100) === 0) actor.stopOrGoOnReading();
        // One in fifty speaks too early.
        if (!actor.isConnected && (actor.isGone || random.below(50) > 0)) continue;
        const isMutated = isBadTurn && actor.isWarm;
        const legal = codecs[format].encode(actor.next());
        if (isMutated) run.send('mutated', actor, mutate(legal, lastFrame, format, random), format);
        else run.send('legal', actor, legal, format);
        lastFrame = legal;
      }
      await run.settle(actors);
      if (random.below(30) === 0) await run.watcher.agreesWithNewcomer();
      harness.clock.advance(random.below(50) === 0 ? random.below(20_000) : random.below(100));
    }

    console.log(
      [
        `${format}: ${run.sent.legal} legal and ${run.sent.mutated} mutated frames`,
        `handlers reached by legal frames: ${run.reached.legal.text(nameOf)}`,
        `handlers reached by mutated frames: ${run.reached.mutated.text(nameOf)}`,
        `codes heard by clients: ${run.answeredCodes.text()}`,
        `codes of refusals: ${run.refusedCodes.text()}`,
      ].join('\n'),
    );
    expect(Math.abs(run.sent.legal - run.sent.mutated)).toBeLessThan(frames / 20);
    for (const action of handlers.keys()) {
      expect(run.reached.legal.of(action), `legal ${nameOf(action)}`).toBeGreaterThan(0);
      // A short run may miss what a mutated frame seldom comes to be, such as DISCONNECT.
      if (storage === 'quick') expect(run.reached.mutated.of(action), `mutated ${nameOf(action)}`).toBeGreaterThan(0);
    }
    expect([run.refusedCodes.of(50000), run.answeredCodes.of(50000)]).toEqual([0, 0]);
    expect(run.errorLines).toEqual([]);
    expect(strays).toEqual([]);

    for (const [i, actor] of actors.entries()) {
      if (i % 2 === 0) actor.client.send({ action: Action.CLOSE });
      else actor.cut();
    }
    await pass(harness, 400);
    await run.watcher.agreesWithNewcomer();
    expect(run.watcher.heard).toBeGreaterThan(frames / 500);
    run.watcher.client.send({ action: Action.CLOSE });
    await pass(harness, 100);
    await run.settle([]);
    expect(harness.node.connections.size).toBe(1);
    expect(harness.node.channels.size).toBe(1);
    for (const app of ['app', 'other']) {
      for (const name of channels) {
        const { rows } = await harness.engine.rows({ app, name, retentionMs: 120_000 }, 'presence');
        expect([name, rows]).toEqual([name, []]);
      }
    }
    actors.length = 0;
    await settledAt(before + 10 * MB);
  }, 120_000);
});
