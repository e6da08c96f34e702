import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { ConnectionWatch, LocationIndex, Traffic, UserList } from './extras.ts';
import { FakeService } from './fakeService.test-support.ts';
import type { Space } from './space.ts';
import type { SpaceMember } from './types.ts';
import { member } from './world.test-support.ts';

const folder = fileURLToPath(new URL('.', import.meta.url));

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {});
});

afterEach(() => {
  vi.restoreAllMocks();
  Reflect.deleteProperty(globalThis, 'space');
});

async function board(): Promise<{ service: FakeService; space: Space }> {
  const service = new FakeService();
  const { space } = await member(service, 'ann');
  await space.locations.set({ card: 'a' });
  await service.settled();
  // An example goes on where the one before ended: with a space.
  Object.assign(globalThis, { space });
  return { service, space: space as unknown as Space };
}

/** Runs the example that holds this text as a module of its own and returns what it exports. */
async function run<Exports>(text: string): Promise<Exports> {
  const readme = await readFile(join(folder, '../README.md'), 'utf8');
  const examples = [...readme.matchAll(/```ts run\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  const code = examples.find((example) => example.includes(text)) ?? '';
  expect(code).not.toBe('');
  const place = await mkdtemp(join(folder, '../.example-'));
  try {
    await writeFile(join(place, 'example.ts'), code);
    return (await import(join(place, 'example.ts'))) as Exports;
  } finally {
    await rm(place, { recursive: true });
  }
}

test('[SF42] patches keep the other fields', async () => {
  const { service } = await board();
  const { self, places } = await run<{ self: SpaceMember; places: () => Iterable<unknown> }>('patchProfileData');
  expect(self).toMatchObject({ profileData: { name: 'ann', mood: 'fine' }, location: { card: 'b' } });
  await service.settled();
  expect([...places()]).toEqual([{ card: 'b' }]);
});

test('[SF42] users and what they are doing', async () => {
  const { service } = await board();
  const { users } = await run<{ users: UserList }>('new UserList');
  expect(users.snapshot).toMatchObject([{ clientId: 'ann', isConnected: true }]);
  const { activities, stop } = await run<{ activities: string[]; stop: () => void }>('shareActivity');
  expect(activities).toEqual(['active']);
  await service.settled();
  stop();
});

test('[SF42] hiding and coming back', async () => {
  const { service, space } = await board();
  const { hidden } = await run<{ hidden: unknown }>('leaveOnPageHide');
  expect(hidden).toBeNull();
  await service.settled();
  expect(space.members.self).toMatchObject({ profileData: { name: 'ann' }, location: { card: 'a' } });
});

test('[SF42] places, events, connection and traffic', async () => {
  const { service } = await board();
  const { index } = await run<{ index: LocationIndex }>('new LocationIndex');
  expect([index.count(['board']), index.count(['board', 'a'])]).toEqual([1, 1]);
  await run('new Ephemeral');
  const { watch, traffic } = await run<{ watch: ConnectionWatch; traffic: Traffic }>('new Traffic');
  await service.settled();
  expect(watch.status).toBe('connected');
  expect(traffic.sent.messages).toBe(1);
  expect(index.count(['board', 'c'])).toBe(1);
});
