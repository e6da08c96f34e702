import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CursorPlayback, type PlaybackOptions, type PlayedCursor } from './cursorPlayback.ts';
import { FakeService } from './fakeService.test-support.ts';
import type { FrameSource } from './frames.ts';
import { member } from './world.test-support.ts';

const CHANNEL = 'room::$cursors';

/** Frames that come when told; counts how many were asked for. */
class FakeFrames implements FrameSource {
  time = 1_000;
  asked = 0;
  waiting: ((time: number) => void) | undefined;
  request(callback: (time: number) => void): number {
    expect(this.waiting).toBeUndefined();
    this.waiting = callback;
    this.asked += 1;
    return this.asked;
  }
  cancel(): void {
    this.waiting = undefined;
  }
  now(): number {
    return this.time;
  }
  /** Lets `ms` pass in frames of 16. */
  pass(ms: number): void {
    for (const end = this.time + ms; this.time < end; ) {
      this.time += 16;
      const { waiting } = this;
      this.waiting = undefined;
      waiting?.(this.time);
    }
  }
}

async function watcher(options: PlaybackOptions = {}) {
  const service = new FakeService();
  const bob = await member(service, 'bob');
  const frames = new FakeFrames();
  const playback = new CursorPlayback(bob.space, { frames, ...options });
  const seen: (readonly PlayedCursor[])[] = [];
  playback.subscribe((cursors) => seen.push(cursors));
  await service.settled();
  const send = (connectionId: string, xs: number[], name = 'cursorUpdate') => {
    const points = xs.map((x, i) => ({ cursor: { position: { x, y: 0 }, data: { x } }, offset: i * 10 }));
    const [first, ...rest] = points;
    const data = [{ ...first, parvis: { at: frames.time } }, ...rest];
    const isKeyed = name !== 'cursorUpdate';
    const wire = isKeyed ? [{ offset: 0, parvis: { points: data } }] : data;
    service.publish(CHANNEL, { name, clientId: connectionId, connectionId, data: wire });
    return service.settled();
  };
  return { service, bob, frames, playback, seen, send };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
});

afterEach(() => {
  vi.useRealTimers();
});

test('[CR10] one frame callback serves all cursors, and no timer any of their positions', async () => {
  const { frames, playback, send } = await watcher();
  const timers = vi.getTimerCount();
  for (let i = 0; i < 30; i++) await send(`x${i}`, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(vi.getTimerCount()).toBe(timers);
  expect(frames.asked).toBe(1);
  frames.pass(480);
  expect(frames.asked).toBe(1 + 480 / 16);
  expect(playback.cursors.map(({ position }) => position.x)).toEqual(Array.from({ length: 30 }, () => 9));
  expect(vi.getTimerCount()).toBe(timers);
});

test('[CR10] a cursor that did not change is the same object, and nobody is told', async () => {
  const { frames, playback, seen, send } = await watcher();
  await send('x', [1]);
  await send('y', [1]);
  frames.pass(1_600);
  const [still] = playback.cursors;
  const told = seen.length;
  frames.pass(160);
  expect(seen.length).toBe(told);
  await send('y', [7]);
  frames.pass(800);
  expect(playback.cursors[0]).toBe(still);
  expect(playback.cursors[1]).toMatchObject({ connectionId: 'y', position: { x: 7, y: 0 }, data: { x: 7 } });
});

test('[CR9] a silent cursor fades and is gone, and with it the frames', async () => {
  const { frames, playback, send } = await watcher({ fadeAfter: 1_000, fade: 320 });
  await send('x', [1, 2]);
  frames.pass(960);
  expect(playback.cursors[0]?.opacity).toBe(1);
  frames.pass(160);
  const opacity = playback.cursors[0]?.opacity ?? 0;
  expect(opacity).toBeGreaterThan(0.4);
  expect(opacity).toBeLessThan(0.8);
  frames.pass(320);
  expect(playback.cursors).toEqual([]);
  expect(frames.waiting).toBeUndefined();
  await send('x', [5]);
  frames.pass(160);
  expect(playback.cursors[0]).toMatchObject({ position: { x: 5, y: 0 }, opacity: 1 });
});

test('[CR10] without fading the frames end when all is still', async () => {
  const { frames, playback, send } = await watcher({ fadeAfter: Number.POSITIVE_INFINITY });
  await send('x', [1, 2, 3]);
  frames.pass(3_200);
  expect(frames.waiting).toBeUndefined();
  expect(playback.cursors).toHaveLength(1);
  await send('x', [9]);
  frames.pass(3_200);
  expect(playback.cursors[0]?.position.x).toBe(9);
});

test('[CR11] a cursor with a key is one of its own and does not mix with the default one', async () => {
  const { service, frames, playback, send } = await watcher({ keys: ['caret'] });
  await send('x', [1]);
  await send('x', [50], 'cursorUpdate:caret');
  await send('x', [90], 'cursorUpdate:tool');
  frames.pass(480);
  expect(playback.cursors.map(({ key, position }) => [key, position.x])).toEqual([
    [undefined, 1],
    ['caret', 50],
  ]);
  for (const data of [null, [], [null], [{}], [{ parvis: { points: 3 } }], [{ parvis: { points: [{}] } }]]) {
    service.publish(CHANNEL, { name: 'cursorUpdate:caret', clientId: 'z', connectionId: 'z', data });
  }
  await service.settled();
  frames.pass(160);
  expect(playback.cursors).toHaveLength(2);
});

test('[CR12] own cursors are not played unless asked for, and others only as long as wanted', async () => {
  const { bob, frames, playback, send } = await watcher();
  await send(bob.id, [1]);
  await send('x', [2]);
  frames.pass(160);
  expect(playback.cursors.map(({ connectionId }) => connectionId)).toEqual(['x']);
  playback.show('none');
  frames.pass(160);
  await send('x', [3]);
  frames.pass(160);
  expect(playback.cursors).toEqual([]);
  playback.show('all');
  await send(bob.id, [4]);
  await send('x', [5]);
  frames.pass(480);
  expect(playback.cursors.map(({ connectionId, position }) => [connectionId, position.x])).toEqual([
    [bob.id, 4],
    ['x', 5],
  ]);
});

test('[CR10] who leaves takes the cursor along, and after dispose nothing is left', async () => {
  const { service, bob, frames, playback, seen, send } = await watcher();
  const ann = await member(service, 'ann');
  void ann.space.cursors.set({ position: { x: 3, y: 4 } });
  await service.settled();
  frames.pass(160);
  expect(playback.cursors).toMatchObject([{ connectionId: ann.id, position: { x: 3, y: 4 } }]);
  await ann.space.leave();
  await service.settled();
  frames.pass(160);
  expect(playback.cursors).toEqual([]);
  await send('x', [1]);
  const told = seen.length;
  playback.dispose();
  await send('x', [2]);
  frames.pass(160);
  expect([seen.length, frames.waiting, playback.cursors]).toEqual([told, undefined, []]);
  await service.settled();
  expect(service.present(CHANNEL)).toEqual([]);
  expect(bob.space.cursors.channel?.messageListeners).toEqual([]);
});

test('[CR10] a listener that throws is told of, and the next one still runs', async () => {
  const { frames, playback, seen, send } = await watcher();
  const error = vi.spyOn(console, 'error').mockImplementation(() => {});
  playback.subscribe(() => {
    throw new Error('no');
  });
  const after: unknown[] = [];
  playback.subscribe((cursors) => after.push(cursors));
  await send('x', [1]);
  frames.pass(32);
  expect([seen.length > 0, after.length > 0, error.mock.calls.length > 0]).toEqual([true, true, true]);
  error.mockRestore();
});

test('[CR7] a sender that does not tell its clock is played by that of the service', async () => {
  const { service, frames, playback } = await watcher();
  const data = [0, 16, 32].map((offset, i) => ({ cursor: { position: { x: i, y: 0 } }, offset }));
  for (let i = 0; i < 5; i++) {
    service.publish(CHANNEL, {
      name: 'cursorUpdate',
      clientId: 'x',
      connectionId: 'x',
      timestamp: 5e12 + i * 48,
      data,
    });
    await service.settled();
    frames.pass(48);
  }
  expect(playback.delayOf('x')).toBeGreaterThanOrEqual(32);
  expect(playback.delayOf('x')).toBeLessThan(50);
  frames.pass(480);
  expect(playback.cursors[0]?.position.x).toBe(2);
});
