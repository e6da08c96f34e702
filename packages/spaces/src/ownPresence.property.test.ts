import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeService } from './fakeService.test-support.ts';
import { member } from './world.test-support.ts';

const step = fc.record({
  kind: fc.constantFrom('location', 'profile', 'acquire', 'release', 'move', 'move', 'tick', 'tick', 'outage'),
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
  if (step.kind === 'acquire') model.locks.add(step.lock);
  if (step.kind === 'release') model.locks.delete(step.lock);
}

test('[SP15] any interleaving of own operations without waiting ends as the sequential model does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
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
        } else if (one.kind === 'acquire') done.push(space.locks.acquire(one.lock).catch(() => {}));
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
      await Promise.all(done);
      await service.settled();
      const self = { profileData: model.profile, location: model.location };
      const locks = [...model.locks].sort();
      for (const view of [space, bob.space]) {
        const members = await view.members.getAll();
        expect(members.filter(({ clientId, isConnected }) => clientId === 'ann' && isConnected)).toMatchObject([self]);
        const held = (await view.locks.getAll()).filter((one) => one.member.clientId === 'ann');
        expect(held.map(({ id }) => id).sort()).toEqual(locks);
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 300), timeout: 2000 },
  );
});
