import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeService } from './fakeService.test-support.ts';
import { member } from './world.test-support.ts';

const step = fc.record({
  kind: fc.constantFrom(
    'location',
    'profile',
    'patch',
    'place',
    'acquire',
    'release',
    'move',
    'move',
    'tick',
    'tick',
    'outage',
  ),
  lock: fc.constantFrom('a', 'b', 'c'),
  value: fc.nat(99),
});

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Model {
  location: unknown;
  profile: Record<string, unknown>;
  locks: Set<string>;
}

/** What a client should end with, whatever the network does meanwhile. */
function advance(model: Model, step: Step): void {
  if (step.kind === 'location') model.location = step.value;
  if (step.kind === 'profile') model.profile = { ...model.profile, [`key${step.value % 3}`]: step.value };
  if (step.kind === 'patch') model.profile = { ...model.profile, [`key${step.value % 5}`]: step.value };
  if (step.kind === 'place') {
    model.location = { ...(typeof model.location === 'object' ? model.location : {}), [step.lock]: step.value };
  }
  if (step.kind === 'acquire') model.locks.add(step.lock);
  if (step.kind === 'release') model.locks.delete(step.lock);
}

/** Nobody waits longer than this for what was lost. */
const PATIENCE_MS = 10_000;
const MAX_WAITS = 50;

// Time moves where a run moves it and nowhere else: the seed that a failure prints (SEED, SEED_PATH) gives the same run.
const { RUNS = '1000', SEED, SEED_PATH } = process.env;
const PARAMETERS = {
  numRuns: Number(RUNS),
  ...(SEED && { seed: Number(SEED) }),
  ...(SEED_PATH && { path: SEED_PATH }),
};
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Resolves with the outcome once the network is at rest and all the time has passed that somebody may wait. */
async function answered(service: FakeService, outcome: Promise<unknown>): Promise<void> {
  let isAnswered = false;
  const end = () => {
    isAnswered = true;
  };
  outcome.then(end, end);
  await service.settled();
  for (let waits = 0; !isAnswered; waits++) {
    if (waits === MAX_WAITS) throw new Error('an operation is never answered');
    vi.advanceTimersByTime(PATIENCE_MS);
    await service.settled();
  }
  await outcome;
}

test('[SF5] any interleaving of own operations without waiting ends as the sequential model does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      vi.setSystemTime(1_700_000_000_000);
      const service = new FakeService();
      const { client, space } = await member(service, 'ann');
      const bob = await member(service, 'bob');
      const model: Model = { location: null, profile: { name: 'ann' }, locks: new Set() };
      const done: Promise<unknown>[] = [];
      service.isAutomatic = false;
      for (const one of steps) {
        advance(model, one);
        if (one.kind === 'location') done.push(space.locations.set(one.value));
        else if (one.kind === 'profile') {
          done.push(space.updateProfileData((was) => ({ ...was, [`key${one.value % 3}`]: one.value })));
        } else if (one.kind === 'patch') done.push(space.patchProfileData({ [`key${one.value % 5}`]: one.value }));
        else if (one.kind === 'place') done.push(space.locations.patch({ [one.lock]: one.value }));
        else if (one.kind === 'acquire') done.push(space.locks.acquire(one.lock).catch(() => {}));
        else if (one.kind === 'release') done.push(space.locks.release(one.lock));
        else if (one.kind === 'move') service.step((n) => one.value % Math.max(n, 1));
        else if (one.kind === 'tick') await Promise.resolve();
        else {
          client.cut();
          if (one.value % 3 === 0) client.resume();
          else client.reconnect({ keepId: one.value % 3 === 1 });
        }
      }
      service.isAutomatic = true;
      service.wake();
      await answered(service, Promise.all(done));
      const self = { profileData: model.profile, location: model.location };
      const locks = [...model.locks].sort();
      for (const view of [space, bob.space]) {
        const members = await view.members.getAll();
        expect(members.filter(({ clientId, isConnected }) => clientId === 'ann' && isConnected)).toMatchObject([self]);
        const held = (await view.locks.getAll()).filter((one) => one.member.clientId === 'ann');
        expect(held.map(({ id }) => id).sort()).toEqual(locks);
      }
    }),
    PARAMETERS,
  );
}, 60_000);
