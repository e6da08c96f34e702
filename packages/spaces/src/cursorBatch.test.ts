import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fault } from './fakeParts.test-support.ts';
import { FakeService } from './fakeService.test-support.ts';
import { member, trace } from './world.test-support.ts';

const CHANNEL = 'room::$cursors';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

const at = (x: number) => ({ position: { x, y: 0 } });

interface Published {
  readonly name: string;
  readonly connectionId?: string | undefined;
  readonly data: { cursor?: { position: { x: number } }; offset: number; parvis?: { at?: number; points?: unknown } }[];
}
const published = (service: FakeService) => [...service.channel(CHANNEL).history].reverse() as Published[];
const lastOf = (service: FakeService, id: string) =>
  published(service)
    .findLast(({ connectionId }) => connectionId === id)
    ?.data.at(-1)?.cursor?.position.x;

async function crowd(count: number) {
  const service = new FakeService();
  const people = [];
  for (let i = 0; i < count; i++) people.push(await member(service, `p${i}`));
  // Whoever asks for positions is in the cursors presence.
  for (const { space } of people) await space.cursors.getAll();
  await service.settled();
  return { service, people };
}

async function two() {
  const { service, people } = await crowd(2);
  const [ann, bob] = people;
  if (!ann || !bob) throw new Error('nobody came');
  return { service, ann, bob };
}

test('[CR1] what is set before the channel is ready is sent once it is, the last value of it', async () => {
  const service = new FakeService();
  const bob = await member(service, 'bob');
  const seen = trace(bob.space.cursors);
  bob.space.cursors.subscribe(() => {});
  const ann = await member(service, 'ann');
  for (let x = 1; x <= 5; x++) void ann.space.cursors.set(at(x));
  await service.settled();
  await vi.advanceTimersByTimeAsync(100);
  expect(seen.map(([, update]) => update)).toMatchObject([{ connectionId: ann.id, position: { x: 5, y: 0 } }]);
});

test('[CR2] 50 senders at 1,000 Hz stay under the rate of the channel, and their last positions are exact at once', async () => {
  const { service, people } = await crowd(50);
  const began = published(service).length;
  for (let ms = 0; ms < 400; ms++) {
    for (const [i, { space }] of people.entries()) void space.cursors.set(at(ms * 100 + i));
    await vi.advanceTimersByTimeAsync(1);
    if (ms % 20 === 0) await service.settled();
  }
  await service.settled();
  await vi.advanceTimersByTimeAsync(100);
  await service.settled();
  for (const [i, { id }] of people.entries()) expect(lastOf(service, id)).toBe(399 * 100 + i);
  const count = published(service).length - began;
  // One at once and then 20 a second each.
  expect(count).toBeLessThanOrEqual(50 * (1 + 500 / 50));
  expect(count).toBeGreaterThan(50 * 7);
  for (const { data } of published(service)) expect(data.length).toBeLessThanOrEqual(64);
});

test('[CR2] the rate does not drift, however late timers run', async () => {
  const { service, ann } = await two();
  for (let ms = 0; ms < 2_000; ms += 17) {
    void ann.space.cursors.set(at(ms));
    await vi.advanceTimersByTimeAsync(17);
  }
  await service.settled();
  expect(published(service).length).toBeGreaterThanOrEqual(40);
});

test('[CR3] a service that is slow to take batches is not given more, and gets the last position', async () => {
  const { service, ann } = await two();
  service.isAutomatic = false;
  const uplink = ann.client.uplink;
  const waiting = uplink.length;
  for (let ms = 0; ms < 2_000; ms += 10) {
    void ann.space.cursors.set(at(ms));
    await vi.advanceTimersByTimeAsync(10);
  }
  expect(uplink.length - waiting).toBeLessThanOrEqual(8);
  service.isAutomatic = true;
  service.wake();
  await service.settled();
  await vi.advanceTimersByTimeAsync(100);
  await service.settled();
  expect(lastOf(service, ann.id)).toBe(1_990);
});

test('[CR3] a service that refuses the rate is asked less often, and still gets the last position', async () => {
  const { service, ann } = await two();
  let asked = 0;
  service.refuse = ({ kind }) => {
    if (kind !== 'publish') return undefined;
    asked += 1;
    return fault(42911);
  };
  for (let ms = 0; ms < 5_000; ms += 10) {
    void ann.space.cursors.set(at(ms));
    await vi.advanceTimersByTimeAsync(10);
    await service.settled();
  }
  expect(asked).toBeGreaterThan(3);
  expect(asked).toBeLessThan(15);
  service.refuse = () => undefined;
  await vi.advanceTimersByTimeAsync(5_000);
  await service.settled();
  expect(lastOf(service, ann.id)).toBe(4_990);
});

test('[CR3] a last position that was refused for the rate is sent again, if none is newer', async () => {
  const { service, ann } = await two();
  service.refuse = ({ kind }) => (kind === 'publish' ? fault(42911) : undefined);
  void ann.space.cursors.set(at(7));
  await service.settled();
  service.refuse = () => undefined;
  await vi.advanceTimersByTimeAsync(200);
  await service.settled();
  expect(lastOf(service, ann.id)).toBe(7);
});

test('[CR4] a cursor with a key has messages of its own, in which history still finds the default one', async () => {
  const { service, ann, bob } = await two();
  const seen = trace(bob.space.cursors);
  bob.space.cursors.subscribe(() => {});
  await service.settled();
  void ann.space.cursors.set({ ...at(50), key: 'caret' });
  await service.settled();
  void ann.space.cursors.set(at(1));
  void ann.space.cursors.set({ ...at(90), key: 'tool' });
  await service.settled();
  await vi.advanceTimersByTimeAsync(100);
  expect(published(service).map(({ name }) => name)).toEqual([
    'cursorUpdate:caret',
    'cursorUpdate',
    'cursorUpdate:tool',
  ]);
  expect(published(service).map(({ data }) => data.map(({ cursor }) => cursor))).toEqual([
    [undefined],
    [at(1)],
    [at(1)],
  ]);
  expect(seen.map(([, update]) => update)).toMatchObject([{ position: { x: 1 } }]);
  expect(await bob.space.cursors.getAll()).toMatchObject({ [ann.id]: { position: { x: 1 } } });
});

test('[CR4] the first point of a batch tells when it was', async () => {
  const { service, ann } = await two();
  vi.setSystemTime(5_000_000);
  void ann.space.cursors.set(at(1));
  await vi.advanceTimersByTimeAsync(30);
  void ann.space.cursors.set(at(2));
  await vi.advanceTimersByTimeAsync(10);
  void ann.space.cursors.set(at(3));
  await vi.advanceTimersByTimeAsync(10);
  await service.settled();
  expect(published(service).map(({ data }) => data.map(({ offset, parvis }) => [offset, parvis?.at]))).toEqual([
    [[0, 5_000_000]],
    [
      [0, 5_000_030],
      [10, undefined],
    ],
  ]);
});

test('[CR5] who hides sends no cursors, and the last position of each when it shows them again', async () => {
  const { service, ann } = await two();
  ann.space.cursors.hide();
  for (let x = 0; x < 50; x++) {
    void ann.space.cursors.set(at(x));
    void ann.space.cursors.set({ ...at(x), key: 'caret' });
    await vi.advanceTimersByTimeAsync(10);
  }
  await service.settled();
  expect(published(service)).toEqual([]);
  void ann.space.cursors.set({ ...at(0), key: 'parvis:view' });
  await service.settled();
  expect(published(service).map(({ name }) => name)).toEqual(['cursorUpdate:parvis:view']);
  service.channel(CHANNEL).history.length = 0;
  ann.space.cursors.hide(false);
  await service.settled();
  expect(published(service).map(({ name }) => name)).toEqual(['cursorUpdate', 'cursorUpdate:caret']);
  expect(lastOf(service, ann.id)).toBe(49);
});
