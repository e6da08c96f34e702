import OfficialDefault, { type Space as OfficialSpace } from '@ably/spaces';
import Ours, { type Space } from '@parvis/spaces';
import { Follow, type Viewport } from '@parvis/spaces/follow';
import { CursorPlayback } from '@parvis/spaces/playback';
import { describe, expect, it, onTestFinished } from 'vitest';
import { formats, startOracle, until } from '../oracle/harness.ts';

const OfficialSpaces = (OfficialDefault as unknown as { default?: typeof OfficialDefault }).default ?? OfficialDefault;
const oracle = await startOracle();
let count = 0;

describe.each(formats)('cursors of official and own members, %s', (format) => {
  const official = (name: string): Promise<OfficialSpace> =>
    new OfficialSpaces(oracle.realtime(format, { clientId: 'official' })).get(name);
  const ours = (name: string, clientId = 'ours'): Promise<Space> =>
    new Ours(oracle.realtime(format, { clientId })).get(name) as unknown as Promise<Space>;

  it('[CR19] an official member sees the default cursor alone, live and in its getters', async () => {
    const name = `keyed-${++count}`;
    const [ada, bob] = await Promise.all([official(name), ours(name)]);
    const seen: number[] = [];
    ada.cursors.subscribe('update', ({ clientId, position }) => clientId === 'ours' && seen.push(position.x));
    await Promise.all([ada.enter(), bob.enter()]);
    await bob.cursors.set({ position: { x: 1, y: 0 } });
    await until('the first', () => seen.includes(1));
    await bob.cursors.set({ position: { x: 50, y: 0 }, key: 'caret' });
    await bob.cursors.set({ position: { x: 70, y: 0 }, key: 'tool' });
    await bob.cursors.set({ position: { x: 2, y: 0 } });
    await until('the second', () => seen.includes(2));
    await bob.cursors.set({ position: { x: 51, y: 0 }, key: 'caret' });
    const others = async () => Object.values(await ada.cursors.getOthers()).map((update) => update?.position.x);
    await expect.poll(others, { timeout: 5_000 }).toEqual([2]);
    expect(seen).toEqual([1, 2]);
  });

  it('[CR19] a playback shows the cursors of both, and each key apart', async () => {
    const name = `played-${++count}`;
    const [ada, bob, eve] = await Promise.all([official(name), ours(name), ours(name, 'eve')]);
    const playback = new CursorPlayback(eve, { keys: ['caret'] });
    onTestFinished(() => playback.dispose());
    await Promise.all([ada.enter(), bob.enter(), eve.enter()]);
    // The official one sends nothing until it knows of others, and waits for none of what it sends: its echo tells.
    let [sets, echo] = [0, 0];
    ada.cursors.subscribe('update', ({ clientId, position }) => {
      if (clientId === 'official') echo = position.y;
    });
    await until('on the cursors channel', () => ada.cursors.channel?.state === 'attached');
    const shown = () =>
      playback.cursors.map(({ clientId, key, position }) => [clientId, key, position.x, position.y]).toSorted();
    await until('the official cursor', () => {
      const isShown = playback.cursors.some(({ clientId }) => clientId === 'official');
      if (!isShown) void ada.cursors.set({ position: { x: 10, y: ++sets } });
      return isShown;
    });
    await until('the echo', () => echo === sets);
    await bob.cursors.set({ position: { x: 20, y: 21 } });
    await bob.cursors.set({ position: { x: 30, y: 31 }, key: 'caret' });
    const expected = [
      ['official', undefined, 10, sets],
      ['ours', undefined, 20, 21],
      ['ours', 'caret', 30, 31],
    ].toSorted();
    await until('each where it is', () => JSON.stringify(shown()) === JSON.stringify(expected));
  });

  it('[CR14] views travel over the real service, beside an official member', async () => {
    const name = `followed-${++count}`;
    const [ada, bob, eve] = await Promise.all([official(name), ours(name), ours(name, 'eve')]);
    const updates: unknown[] = [];
    ada.cursors.subscribe('update', (update) => updates.push(update));
    await Promise.all([ada.enter(), bob.enter(), eve.enter()]);
    const shown: Viewport[] = [];
    const leader = new Follow(bob, { show: () => {} });
    const follower = new Follow(eve, { show: (viewport) => shown.push(viewport) });
    onTestFinished(() => {
      leader.dispose();
      follower.dispose();
    });
    leader.see({ x: 1, y: 2, width: 300, height: 400 });
    leader.spotlight();
    await until('following', () => shown.length > 0 && leader.state.followers.length === 1);
    leader.see({ x: 5, y: 6, width: 300, height: 400 });
    await until('the last view', () => shown.at(-1)?.x === 5);
    await bob.leave();
    await until('the end', () => follower.state.ended === 'left');
    expect(updates).toEqual([]);
  });
});
