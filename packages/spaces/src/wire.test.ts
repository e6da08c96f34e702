import fc from 'fast-check';
import { expect, test } from 'vitest';
import { composeExtras, parseCursors, parseMember } from './wire.ts';

const raw = { action: 'present', clientId: 'ann', connectionId: 'c1', timestamp: 5, id: 'c1:1:0' };

test('[SP4] a member message is parsed with both its parts', () => {
  const data = {
    profileUpdate: { id: 'p', current: { name: 'Ann' } },
    locationUpdate: { id: 'l', current: 'here', previous: 'there' },
  };
  const lock = { id: 'x', status: 'locked', timestamp: 3, member: { big: true }, reason: {}, fence: 7, attributes: {} };
  expect(parseMember({ ...raw, data, extras: { locks: [lock], parvis: { former: ['c0'] } } })).toEqual({
    key: 'c1:ann',
    action: 'present',
    clientId: 'ann',
    connectionId: 'c1',
    id: 'c1:1:0',
    timestamp: 5,
    profile: { id: 'p', current: { name: 'Ann' } },
    location: { id: 'l', current: 'here', previous: 'there' },
    locks: [{ id: 'x', status: 'locked', timestamp: 3, fence: 7, attributes: {} }],
    former: ['c0:ann'],
  });
});

test('[SP4] a foreign member reads as one with nothing to say', () => {
  for (const data of [undefined, null, 'text', 7, [], {}, { profileUpdate: null, locationUpdate: 'x' }]) {
    expect(parseMember({ ...raw, data })).toMatchObject({
      profile: { id: null, current: null },
      location: { id: null, current: null, previous: null },
      locks: undefined,
      former: [],
    });
  }
});

test('[SP4] lock entries that make no sense are left out', () => {
  const good = { id: 'x', status: 'pending', timestamp: 3 };
  const bad = [null, 'x', {}, { ...good, id: 1 }, { ...good, status: 'mine' }, { ...good, timestamp: Number.NaN }];
  const locks = [...bad, { ...good, attributes: 'a' }, good];
  expect(parseMember({ ...raw, extras: { locks } })?.locks).toEqual([good]);
});

test('[SP4] at most four former connections are taken', () => {
  const former = ['c1', 1, 'a', 'b', 'c', 'd', 'e'];
  const parsed = parseMember({ ...raw, extras: { parvis: { former } } });
  expect(parsed?.former).toEqual(['b:ann', 'c:ann', 'd:ann', 'e:ann']);
});

test('[SP4] no message of any shape makes parsing throw', () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), fc.string(), (data, extras, action) => {
      parseMember({ ...raw, data, extras, action });
      parseMember({ ...raw, data, extras });
      parseCursors(data);
    }),
  );
});

test('[SP4] extras are left out when there is nothing to say', () => {
  const lock = { id: 'x', status: 'pending', timestamp: 3 } as const;
  expect(composeExtras([], [])).toBeUndefined();
  expect(composeExtras([lock], [])).toEqual({ locks: [lock] });
  expect(composeExtras([], ['c0'])).toEqual({ parvis: { former: ['c0'] } });
});

test('[SP4] cursor points without a position are left out', () => {
  const point = { cursor: { position: { x: 1, y: 2 } }, offset: 0 };
  expect(parseCursors([null, {}, { cursor: { position: { x: '1', y: 2 } } }, point])).toEqual([point]);
  expect(parseCursors('x')).toEqual([]);
});
