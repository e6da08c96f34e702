import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FakeService } from './fakeService.test-support.ts';
import { member, visitor } from './world.test-support.ts';

const NAMES = ['ann', 'bob', 'eve'] as const;
const LOCKS = ['a', 'b'];
const step = fc.record({
  who: fc.nat(NAMES.length - 1),
  what: fc.constantFrom('acquire', 'release', 'location', 'move', 'move', 'move', 'cut', 'lapse', 'leave'),
  lock: fc.constantFrom(...LOCKS),
  pick: fc.nat(99),
});

test('[SP27] any order, loss and resync of messages ends with the same single holder on every client', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60 }), async (steps) => {
      const service = new FakeService();
      const people = await Promise.all(NAMES.map((name) => member(service, name)));
      const done: Promise<unknown>[] = [];
      service.isAutomatic = false;
      for (const { who, what, lock, pick } of steps) {
        const { space, client } = people[who] as (typeof people)[number];
        const { id } = client.connection;
        if (what === 'acquire') done.push(space.locks.acquire(lock).catch(() => {}));
        if (what === 'release') done.push(space.locks.release(lock).catch(() => {}));
        if (what === 'location') done.push(space.locations.set(pick).catch(() => {}));
        if (what === 'leave')
          done.push(
            space.leave().catch(() => {}),
            space.enter().catch(() => {}),
          );
        if (what === 'move') for (let i = 0; i < 4; i++) service.step((n) => (pick + i) % Math.max(n, 1));
        if (what === 'cut' || what === 'lapse') {
          client.cut();
          if (what === 'lapse' && id) service.lapse(id);
          client.reconnect({ keepId: pick % 2 === 0 });
        }
        if (pick % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      service.isAutomatic = true;
      service.wake();
      await Promise.all(done);
      await service.settled();
      const newcomer = await visitor(service, 'zoe');
      const views = await Promise.all(
        [...people, newcomer].map(async ({ space }) => {
          const locks = await space.locks.getAll();
          return locks.map(({ id, member: { connectionId } }) => `${id} ${connectionId}`).sort();
        }),
      );
      for (const view of views) expect(view).toEqual(views[0]);
      for (const { space, client } of people) {
        const own = (await space.locks.getSelf()).map(({ id }) => id).sort();
        const shown = (views[0] ?? []).filter((entry) => entry.endsWith(` ${client.connection.id}`));
        expect(shown.map((entry) => entry.split(' ')[0])).toEqual(own);
        // What a client holds or asks for is what the others know of: nothing is stuck.
        for (const id of LOCKS) {
          const isFree = !views[0]?.some((entry) => entry.startsWith(`${id} `));
          if (isFree) expect(await space.locks.acquire(id).then(() => space.locks.release(id))).toBeUndefined();
        }
        await service.settled();
      }
    }),
    { numRuns: Number(process.env.RUNS ?? 300), timeout: 2000 },
  );
});
