import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeService } from './fakeService.test-support.ts';
import { Follow, type FollowOptions, type Viewport } from './follow.ts';
import { circleOf } from './followView.ts';
import { member } from './world.test-support.ts';

const CHANNEL = 'room::$cursors';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

const view = (x: number): Viewport => ({ x, y: 2 * x, width: 800, height: 600, zoom: 1.5 });

async function person(service: FakeService, clientId: string, options: Partial<FollowOptions> = {}) {
  const { space, id } = await member(service, clientId);
  const shown: [Viewport, string][] = [];
  const follow = new Follow(space, { show: (viewport, leader) => shown.push([viewport, leader]), ...options });
  await service.settled();
  return { space, id, follow, shown };
}

async function room() {
  const service = new FakeService();
  const [ann, bob, cem] = [await person(service, 'ann'), await person(service, 'bob'), await person(service, 'cem')];
  const pass = async (ms: number) => {
    await service.settled();
    await vi.advanceTimersByTimeAsync(ms);
    await service.settled();
  };
  await pass(200);
  return { service, ann, bob, cem, pass };
}

test('[CR14] who follows is shown what the leader sees, within 200 ms', async () => {
  const { ann, bob, cem, pass } = await room();
  ann.follow.see(view(1));
  await pass(200);
  expect(bob.follow.follow(ann.id)).toBe(true);
  expect(bob.shown).toEqual([[view(1), ann.id]]);
  for (let x = 2; x <= 100; x++) ann.follow.see(view(x));
  await pass(200);
  expect(bob.shown.at(-1)).toEqual([view(100), ann.id]);
  expect(cem.shown).toEqual([]);
  expect(ann.follow.state.followers).toEqual([bob.id]);
  expect(bob.follow.state).toEqual({ leader: ann.id, ended: undefined, followers: [], isInSpotlight: false });
  bob.follow.stop();
  await pass(200);
  expect(bob.follow.state).toMatchObject({ leader: undefined, ended: 'stopped' });
  expect(ann.follow.state.followers).toEqual([]);
});

test('[CR15] own input ends it, and what the page does by itself does not', async () => {
  const { ann, bob, pass } = await room();
  const page = new EventTarget();
  const undo = bob.follow.watch(page);
  bob.follow.follow(ann.id);
  ann.follow.see(view(1));
  await pass(200);
  bob.follow.see(view(1));
  page.dispatchEvent(new Event('scroll'));
  await pass(200);
  expect(bob.follow.state.leader).toBe(ann.id);
  page.dispatchEvent(new Event('wheel'));
  expect(bob.follow.state).toMatchObject({ leader: undefined, ended: 'input' });
  ann.follow.see(view(2));
  await pass(200);
  expect(bob.shown).toEqual([[view(1), ann.id]]);
  undo();
  bob.follow.follow(ann.id);
  page.dispatchEvent(new Event('wheel'));
  expect(bob.follow.state.leader).toBe(ann.id);
});

test('[CR15] the leader leaving ends it', async () => {
  const { ann, bob, pass } = await room();
  bob.follow.follow(ann.id);
  await pass(200);
  await ann.space.leave();
  await pass(200);
  expect(bob.follow.state).toMatchObject({ leader: undefined, ended: 'left' });
});

test('[CR16] nobody follows themselves, over others neither', async () => {
  const { ann, bob, cem, pass } = await room();
  expect(ann.follow.follow(ann.id)).toBe(false);
  bob.follow.follow(ann.id);
  cem.follow.follow(bob.id);
  await pass(200);
  expect(ann.follow.follow(cem.id)).toBe(false);
  expect(ann.follow.follow(bob.id)).toBe(false);
  expect(ann.follow.state.leader).toBeUndefined();
});

test('[CR16] of those who begin to follow each other at the same time one gives way', async () => {
  const { ann, bob, cem, pass } = await room();
  ann.follow.follow(bob.id);
  bob.follow.follow(cem.id);
  cem.follow.follow(ann.id);
  await pass(500);
  expect([ann, bob, cem].map(({ follow }) => follow.state.leader)).toEqual([undefined, cem.id, ann.id]);
  expect(ann.follow.state.ended).toBe('circle');
});

test('[CR16] a circle is found from those who are in it alone', () => {
  const leaders = new Map([
    ['a', 'b'],
    ['b', 'c'],
    ['c', 'b'],
    ['d', 'e'],
  ]);
  const circle = (start: string) => circleOf(start, (id) => leaders.get(id));
  expect(['a', 'b', 'c', 'd', 'e'].map(circle)).toEqual([[], ['b', 'c'], ['c', 'b'], [], []]);
});

test('[CR17] in the spotlight one is followed by all, newcomers too, and by who looked elsewhere no more', async () => {
  const { service, ann, bob, cem, pass } = await room();
  ann.follow.see(view(3));
  ann.follow.spotlight();
  await pass(200);
  expect([bob, cem].map(({ follow }) => follow.state.leader)).toEqual([ann.id, ann.id]);
  expect(bob.shown).toEqual([[view(3), ann.id]]);
  cem.follow.input();
  ann.follow.see(view(4));
  await pass(200);
  expect(cem.follow.state.leader).toBeUndefined();
  const dan = await person(service, 'dan');
  await pass(200);
  expect(dan.follow.state.leader).toBe(ann.id);
  expect(dan.shown.at(-1)).toEqual([view(4), ann.id]);
  ann.follow.spotlight(false);
  await pass(200);
  expect([bob, dan].map(({ follow }) => follow.state.leader)).toEqual([undefined, undefined]);
});

test('[CR17] a later spotlight replaces the one before, for its owner too', async () => {
  const { ann, bob, cem, pass } = await room();
  ann.follow.spotlight();
  await pass(200);
  bob.follow.spotlight();
  await pass(200);
  expect([ann, bob, cem].map(({ follow }) => follow.state.leader)).toEqual([bob.id, undefined, bob.id]);
  expect([ann, bob].map(({ follow }) => follow.state.isInSpotlight)).toEqual([false, true]);
});

test('[CR18] who gathers is followed by those who are here and accept it', async () => {
  const { service, ann, bob, pass } = await room();
  const eve = await person(service, 'eve', { accept: () => false });
  await pass(200);
  ann.follow.gather();
  await pass(200);
  expect([bob, eve].map(({ follow }) => follow.state.leader)).toEqual([ann.id, undefined]);
  bob.follow.input();
  await pass(3_000);
  ann.follow.see(view(9));
  const dan = await person(service, 'dan');
  await pass(200);
  expect([bob, dan].map(({ follow }) => follow.state.leader)).toEqual([undefined, undefined]);
  ann.follow.gather();
  await pass(200);
  expect([bob, dan].map(({ follow }) => follow.state.leader)).toEqual([ann.id, ann.id]);
});

test('[CR14] views of any shape are survived, and after dispose nothing is left', async () => {
  const { service, ann, bob, pass } = await room();
  const data = (more: unknown) => [
    { offset: 0, parvis: { points: [{ cursor: { position: { x: 1, y: 1 }, data: more } }] } },
  ];
  for (const more of [null, 7, [], { leader: 5, spotlight: {}, gather: [] }, { width: 'x', height: 1 }]) {
    service.publish(CHANNEL, { name: 'cursorUpdate:parvis:view', clientId: 'x', connectionId: 'x', data: data(more) });
  }
  await pass(200);
  expect(bob.follow.state.leader).toBeUndefined();
  bob.follow.follow(ann.id);
  ann.follow.gather();
  await pass(100);
  for (const { follow } of [ann, bob]) follow.dispose();
  await pass(200);
  expect(bob.follow.state.leader).toBeUndefined();
  expect(bob.space.cursors.channel?.messageListeners).toEqual([]);
});
