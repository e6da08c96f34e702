import OfficialDefault, { type CursorUpdate, type Lock, type Space, type SpaceMember } from '@ably/spaces';
import Ours from '@parvis/spaces';
import { describe, expect, it } from 'vitest';
import { formats, startOracle, until } from '../oracle/harness.ts';

const OfficialSpaces = (OfficialDefault as unknown as { default?: typeof OfficialDefault }).default ?? OfficialDefault;
const oracle = await startOracle();
let count = 0;

type Sdk = 'official' | 'ours';

/** Who shares a room: what the one side does, the other must see, whichever SDK either of them runs. */
const rooms: [Sdk, Sdk][] = [
  ['official', 'official'],
  ['ours', 'ours'],
  ['official', 'ours'],
  ['ours', 'official'],
];
const cases = rooms.flatMap(([left, right]) => formats.map((format) => ({ left, right, format })));

describe.each(cases)('$left acts, $right watches, $format', ({ left, right, format }) => {
  const spaceOf = (sdk: Sdk, clientId: string, name: string, options = {}): Promise<Space> => {
    const client = oracle.realtime(format, { clientId });
    if (sdk === 'official') return new OfficialSpaces(client).get(name, options);
    // The two have the same shape; one type lets the test read as an application of either does.
    return new Ours(client).get(name, options) as unknown as Promise<Space>;
  };

  it('[OS1] members enter, update their profile, leave and are removed', async () => {
    const name = `members-${++count}`;
    const ada = await spaceOf(left, 'ada', name);
    const bob = await spaceOf(right, 'bob', name, { offlineTimeout: 200 });
    const seen: [string, SpaceMember][] = [];
    for (const event of ['enter', 'leave', 'remove', 'updateProfile'] as const) {
      bob.members.subscribe(event, (member) => seen.push([event, member]));
    }
    await bob.enter();
    await ada.enter({ name: 'Ada' });
    await until('ada', () => seen.some(([event, { clientId }]) => event === 'enter' && clientId === 'ada'));
    expect((await bob.members.getOthers()).map(({ clientId, profileData }) => [clientId, profileData])).toEqual([
      ['ada', { name: 'Ada' }],
    ]);
    await ada.updateProfileData((profile) => ({ ...profile, name: 'Ada L.' }));
    await ada.leave();
    await until('removal', () => seen.some(([event]) => event === 'remove'));
    expect(seen.filter(([, { clientId }]) => clientId === 'ada').map(([event]) => event)).toEqual([
      'enter',
      'updateProfile',
      'updateProfile',
      'leave',
      'remove',
    ]);
    expect(await bob.members.getOthers()).toEqual([]);
  });

  it('[OS2] locations are seen with what they were before', async () => {
    const name = `locations-${++count}`;
    const [ada, bob] = await Promise.all([spaceOf(left, 'ada', name), spaceOf(right, 'bob', name)]);
    const seen: unknown[] = [];
    bob.locations.subscribe('update', ({ currentLocation, previousLocation }) =>
      seen.push([previousLocation, currentLocation]),
    );
    await bob.enter();
    await ada.enter();
    await ada.locations.set({ cell: 1 });
    await until('one', () => seen.length === 1);
    await ada.locations.set({ cell: 2 });
    await until('two', () => seen.length === 2);
    expect(seen).toEqual([
      [null, { cell: 1 }],
      [{ cell: 1 }, { cell: 2 }],
    ]);
  });

  it('[OS3] cursors arrive in order, and history gives the last position', async () => {
    const name = `cursors-${++count}`;
    const [ada, bob] = await Promise.all([spaceOf(left, 'ada', name), spaceOf(right, 'bob', name)]);
    const seen: CursorUpdate[] = [];
    bob.cursors.subscribe('update', (update) => {
      if (update.clientId === 'ada') seen.push(update);
    });
    await Promise.all([ada.enter(), bob.enter()]);
    await ada.cursors.set({ position: { x: 0, y: 0 } });
    const channel = ada.cursors.channel;
    await until('both on the cursors channel', () => channel?.state === 'attached');
    let sent = 0;
    await until('positions', () => {
      if (seen.length < 4) ada.cursors.set({ position: { x: ++sent, y: 1 }, data: { n: sent } });
      return seen.length >= 4;
    });
    await until('the last position', () => seen.at(-1)?.position.x === sent);
    expect(seen.map(({ position }) => position.x)).toEqual(
      seen.map(({ position }) => position.x).toSorted((a, b) => a - b),
    );
    const others = await bob.cursors.getOthers();
    expect(Object.values(others).map((update) => update?.clientId)).toEqual(['ada']);
  });

  it('[OS4] a lock is held by one, refused to the other, and free again when released', async () => {
    const name = `locks-${++count}`;
    const [ada, bob] = await Promise.all([spaceOf(left, 'ada', name), spaceOf(right, 'bob', name)]);
    const seen: Lock[] = [];
    bob.locks.subscribe('update', (lock) => seen.push(lock));
    await Promise.all([ada.enter(), bob.enter()]);
    const request = await ada.locks.acquire('cell', { attributes: { color: 'red' } });
    expect(request.status).toBe('pending');
    await until('locked', () => bob.locks.get('cell')?.status === 'locked');
    expect(bob.locks.get('cell')?.member.clientId).toBe('ada');
    await bob.locks.acquire('cell');
    await until('refusal', () => seen.some(({ status, member }) => status === 'unlocked' && member.clientId === 'bob'));
    expect(seen.find(({ member }) => member.clientId === 'bob')?.reason?.code).toBe(101003);
    await ada.locks.release('cell');
    await until('release', () => bob.locks.get('cell') === undefined);
  });
});
