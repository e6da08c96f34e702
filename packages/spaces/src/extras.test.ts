import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  activityOf,
  ConnectionWatch,
  Ephemeral,
  hide,
  LocationIndex,
  leaveOnPageHide,
  select,
  shareActivity,
  Traffic,
  UserList,
} from './extras.ts';
import { FakeService } from './fakeService.test-support.ts';
import { codeOf, member, trace, visitor } from './world.test-support.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

/** A page or window: an EventTarget with what the extras read. */
class FakePage extends EventTarget {
  visibilityState = 'visible';
  listening = 0;
  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    this.listening += 1;
    super.addEventListener(...args);
  }
  override removeEventListener(...args: Parameters<EventTarget['removeEventListener']>): void {
    this.listening -= 1;
    super.removeEventListener(...args);
  }
  happen(name: string, more: object = {}): void {
    this.dispatchEvent(Object.assign(new Event(name), more));
  }
}

const namesOf = (events: [string, unknown][]) => events.map(([name]) => name);

test('[SF11] three tabs and a refresh are one user that does not leave', async () => {
  const service = new FakeService();
  const watcher = await visitor(service, 'bob', { offlineTimeout: 1000 });
  const users = new UserList(watcher.space);
  const events = trace(users);
  const tabs = [await member(service, 'ann'), await member(service, 'ann'), await member(service, 'ann')];
  expect(users.snapshot).toMatchObject([{ clientId: 'ann', isConnected: true }]);
  expect(users.snapshot[0]?.members).toHaveLength(3);
  await tabs[0]?.space.leave();
  await member(service, 'ann');
  expect(users.snapshot[0]?.members).toHaveLength(4);
  const before = users.snapshot[0];
  await vi.advanceTimersByTimeAsync(1000);
  expect(users.snapshot[0]?.members).toHaveLength(3);
  expect(users.snapshot[0]).not.toBe(before);
  expect(namesOf(events).filter((name) => name !== 'update')).toEqual(['enter']);
});

test('[SF11] a user whose last connection is removed leaves, and another stays the same object', async () => {
  const service = new FakeService();
  const bob = await member(service, 'bob', { offlineTimeout: 1000 });
  const ann = await member(service, 'ann');
  const users = new UserList(bob.space);
  const [first] = users.snapshot;
  const events = trace(users);
  await ann.space.leave();
  await service.settled();
  expect(users.snapshot[1]).toMatchObject({ clientId: 'ann', isConnected: false });
  await vi.advanceTimersByTimeAsync(1000);
  expect(namesOf(events)).toEqual(['update', 'leave']);
  expect(users.snapshot).toEqual([first]);
  expect(users.snapshot[0]).toBe(first);
});

test('[SF10] quiet and visibility give the four activities, and peers see them', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const page = new FakePage();
  const stop = shareActivity(ann.space, { document: page, idleAfterMs: 1000, awayAfterMs: 5000 });
  const seen = async () => {
    await service.settled();
    const [other] = await bob.space.members.getOthers();
    return other && activityOf(other);
  };
  expect(await seen()).toBe('active');
  await vi.advanceTimersByTimeAsync(999);
  page.happen('keydown');
  await vi.advanceTimersByTimeAsync(999);
  expect(await seen()).toBe('active');
  await vi.advanceTimersByTimeAsync(1);
  expect(await seen()).toBe('idle');
  await vi.advanceTimersByTimeAsync(4000);
  expect(await seen()).toBe('away');
  page.visibilityState = 'hidden';
  page.happen('visibilitychange');
  expect(await seen()).toBe('hidden');
  page.visibilityState = 'visible';
  page.happen('visibilitychange');
  page.happen('pointermove');
  expect(await seen()).toBe('active');
  const { length } = service.sent;
  page.happen('pointermove');
  await vi.advanceTimersByTimeAsync(500);
  expect(service.sent).toHaveLength(length);
  expect(bob.space.members.snapshot[0]?.profileData).toMatchObject({ name: 'ann' });
  stop();
  expect(page.listening).toBe(0);
});

test('[SF10] an activity that the app has overwritten with its profile is told again', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const page = new FakePage();
  page.visibilityState = 'hidden';
  shareActivity(ann.space, { document: page });
  await service.settled();
  await ann.space.updateProfileData({ name: 'Anna' });
  await service.settled();
  const self = ann.space.members.self;
  expect(self && activityOf(self)).toBe('hidden');
  expect(self?.profileData).toMatchObject({ name: 'Anna' });
});

test('[SF13] a listener of one part does not run for others', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const seen: unknown[] = [];
  const stop = select(
    bob.space,
    ({ members }) => members.find(({ clientId }) => clientId === 'ann')?.location,
    (location) => seen.push(location),
  );
  await bob.space.locations.set('there');
  await bob.space.updateProfileData({ name: 'Bob' });
  await service.settled();
  expect(seen).toEqual([]);
  await ann.space.locations.set('here');
  await service.settled();
  stop();
  await ann.space.locations.set('gone');
  await service.settled();
  expect(seen).toEqual(['here']);
});

test("[SF17] who observes sees all and is in nobody's list", async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const eve = await visitor(service, 'eve');
  const members = trace(eve.space.members);
  await ann.space.locations.set('here');
  await ann.space.locks.acquire('card');
  await service.settled();
  expect(await eve.space.members.getAll()).toMatchObject([{ clientId: 'ann', location: 'here' }]);
  expect(eve.space.locks.get('card')?.member.clientId).toBe('ann');
  expect(members.length).toBeGreaterThan(0);
  expect((await ann.space.members.getAll()).map(({ clientId }) => clientId)).toEqual(['ann']);
  expect(service.present('room::$space')).toEqual([ann.id]);
  expect(await codeOf(eve.space.cursors.set({ position: { x: 1, y: 1 } }))).toBe(101001);
  expect(service.channel('room::$cursors').history).toEqual([]);
});

test('[SF17] who hides goes on seeing, and comes back as before', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  await ann.space.locations.set('here');
  const show = await hide(ann.space);
  await service.settled();
  expect(service.present('room::$space')).toEqual([bob.id]);
  await bob.space.locations.set('there');
  await service.settled();
  expect(ann.space.locations.snapshot.get(bob.id)).toBe('there');
  await show();
  await service.settled();
  expect(await bob.space.members.getOthers()).toMatchObject([{ profileData: { name: 'ann' }, location: 'here' }]);
});

test('[SF18] a page that goes leaves at once, whatever is on its way, and comes back from the cache as before', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const window = new FakePage();
  const stop = leaveOnPageHide(ann.space, window);
  await ann.space.locks.acquire('card');
  await ann.space.locations.set('before');
  await service.settled();
  service.isAutomatic = false;
  const { length } = service.sent;
  const pending = ann.space.locations.set('here');
  await Promise.resolve();
  await Promise.resolve();
  window.happen('pagehide', { persisted: true });
  // Nothing is acknowledged, and still both have left the client.
  expect(ann.client.uplink.length).toBeGreaterThan(0);
  service.isAutomatic = true;
  service.wake();
  await pending;
  await service.settled();
  expect(service.sent.slice(length).at(-1)?.kind).toBe('leave');
  expect(bob.space.members.snapshot.map(({ isConnected }) => isConnected)).toEqual([true, false]);
  expect(bob.space.locks.get('card')).toBeUndefined();
  window.happen('pageshow', { persisted: true });
  await service.settled();
  expect(await bob.space.members.getOthers()).toMatchObject([
    { connectionId: ann.id, isConnected: true, profileData: { name: 'ann' }, location: 'here' },
  ]);
  stop();
  expect(window.listening).toBe(0);
});

test('[SF18] a page that is shown for the first time enters nothing', async () => {
  const service = new FakeService();
  const { space } = await visitor(service, 'ann');
  const window = new FakePage();
  leaveOnPageHide(space, window);
  window.happen('pagehide', { persisted: true });
  window.happen('pageshow', { persisted: true });
  await service.settled();
  expect(service.sent).toEqual([]);
});

test('[SF19] after dispose no timer, listener or attached channel is left, of the extras neither', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const page = new FakePage();
  const listening = ann.client.connection.listeners.length;
  new UserList(ann.space);
  new LocationIndex(ann.space);
  new Traffic(ann.space);
  new ConnectionWatch(ann.space);
  shareActivity(ann.space, { document: page });
  leaveOnPageHide(ann.space, page);
  const events = new Ephemeral(ann.space);
  events.subscribe(() => {});
  ann.space.cursors.subscribe(() => {});
  await ann.space.cursors.set({ position: { x: 1, y: 1 } });
  await bob.space.leave();
  await service.settled();
  expect(ann.client.connection.listeners.length).toBeGreaterThan(listening);
  await bob.space.dispose();
  await ann.space.dispose();
  await service.settled();
  expect(vi.getTimerCount()).toBe(0);
  expect(page.listening).toBe(0);
  expect(ann.client.connection.listeners).toEqual([]);
  for (const name of ['room::$space', 'room::$cursors', 'room::$events']) {
    const channel = ann.client.channels.get(name);
    expect([name, channel.state, channel.listeners.length]).toEqual([name, 'detached', 0]);
    expect([channel.presenceListeners.length, channel.messageListeners.length]).toEqual([0, 0]);
  }
});

test('[SF19] a space ends with the last of those who got it', async () => {
  const service = new FakeService();
  const { spaces, space } = await member(service, 'ann');
  await spaces.get('room');
  await spaces.release('room');
  expect(space.isDisposed).toBe(false);
  await spaces.release('room');
  expect(space.isDisposed).toBe(true);
  const again = await spaces.get('room');
  await again.dispose();
  expect(await spaces.get('room')).not.toBe(again);
});

test('[SF21] what is ephemeral reaches those who are there, and is not stored', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob');
  const from = new Ephemeral<{ reaction: string; typing: boolean }>(ann.space);
  const to = new Ephemeral<{ reaction: string; typing: boolean }>(bob.space);
  const seen = trace(to);
  const typing: unknown[] = [];
  const reactions: unknown[] = [];
  to.subscribe('typing', ({ data }) => typing.push(data));
  to.subscribe('reaction', ({ data }) => reactions.push(data));
  await service.settled();
  await from.send('reaction', 'yes');
  await from.send('typing', true);
  await service.settled();
  expect(seen).toEqual([
    ['reaction', { clientId: 'ann', connectionId: ann.id, data: 'yes' }],
    ['typing', { clientId: 'ann', connectionId: ann.id, data: true }],
  ]);
  expect([typing, reactions]).toEqual([[true], ['yes']]);
  expect(service.channel('room::$events').history).toEqual([]);
});

test('[SF21] ephemeral events are for members, and as many as the rate allows', async () => {
  const service = new FakeService();
  const eve = await visitor(service, 'eve');
  expect(await codeOf(new Ephemeral(eve.space).send('reaction', 1))).toBe(101001);
  const ann = await member(service, 'ann');
  const events = new Ephemeral(ann.space, { ratePerSecond: 2, burst: 3 });
  for (let i = 0; i < 3; i++) await events.send('reaction', i);
  expect(await codeOf(events.send('reaction', 3))).toBe(42911);
  await vi.advanceTimersByTimeAsync(500);
  await events.send('reaction', 4);
  expect(await codeOf(events.send('reaction', 5))).toBe(42911);
  await events.dispose();
  expect(await codeOf(events.send('reaction', 6))).toBe(90001);
});

test('[SF23] a loss is told when it has lasted, and its end only then', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const watch = new ConnectionWatch(ann.space, { delayMs: 5000 });
  const events = trace(watch);
  expect(watch.status).toBe('connected');
  ann.client.cut();
  await vi.advanceTimersByTimeAsync(3000);
  expect(watch.status).toBe('waiting');
  ann.client.resume();
  await service.settled();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(events).toEqual([]);
  ann.client.cut();
  await vi.advanceTimersByTimeAsync(8000);
  expect(namesOf(events)).toEqual(['lost']);
  ann.client.reconnect();
  await service.settled();
  expect(namesOf(events)).toEqual(['lost', 'restored']);
  expect(watch.status).toBe('connected');
});

test('[SF36] members are found by place, and coming and going are told of that place alone', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  const bob = await member(service, 'bob', { offlineTimeout: 1000 });
  const index = new LocationIndex(bob.space);
  const deck = trace(index.place(['deck']));
  const slide = trace(index.place(['deck', 'one']));
  await ann.space.locations.set('deck/one');
  await service.settled();
  expect(index.at(['deck']).map(({ clientId }) => clientId)).toEqual(['ann']);
  await ann.space.locations.set('deck/two');
  await service.settled();
  expect([index.count(['deck']), index.count(['deck', 'one']), index.count(['deck', 'two'])]).toEqual([1, 0, 1]);
  await bob.space.locations.set('elsewhere');
  await service.settled();
  expect([namesOf(deck), namesOf(slide)]).toEqual([['enter'], ['enter', 'leave']]);
  await ann.space.leave();
  await service.settled();
  await vi.advanceTimersByTimeAsync(1000);
  expect(namesOf(deck)).toEqual(['enter', 'leave']);
  expect(index.at(['deck'])).toEqual([]);
});

test('[SF36] any location has a place where the app says which', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  await ann.space.locations.set({ slide: 3, cell: 'a' });
  const pathOf = (location: unknown) => {
    const { slide, cell } = location as { slide: number; cell: string };
    return [String(slide), cell];
  };
  await service.settled();
  const index = new LocationIndex(ann.space, { pathOf });
  expect([index.count(['3']), index.count(['3', 'a']), index.count(['a'])]).toEqual([1, 1, 0]);
});

test('[SF40] ten locks and a profile of 1 kB move in less than 2 kB, and what is counted is what the service took', async () => {
  const service = new FakeService();
  const ann = await member(service, 'ann');
  await ann.space.updateProfileData({ bio: 'x'.repeat(1000) });
  for (let i = 0; i < 10; i++) await ann.space.locks.acquire(`lock ${i}`);
  await service.settled();
  const warned: number[] = [];
  const traffic = new Traffic(ann.space, { maxMessageSize: 2000, warn: (bytes) => warned.push(bytes) });
  const before = service.sent.length;
  await ann.space.locations.set({ slide: 1 });
  await service.settled();
  expect(traffic.sent.messages).toBe(service.sent.length - before);
  const { data, extras, clientId } = service.sent[service.sent.length - 1] ?? {};
  const bytes = JSON.stringify(data).length + JSON.stringify(extras).length + String(clientId).length;
  expect(traffic.sent).toEqual({ messages: 1, bytes });
  expect(traffic.received).toEqual(traffic.sent);
  expect(bytes).toBeLessThan(2000);
  expect(warned).toEqual([bytes]);
});
