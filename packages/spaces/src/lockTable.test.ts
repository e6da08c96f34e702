import { expect, test } from 'vitest';
import { type LockChange, LockTable } from './lockTable.ts';
import type { LockEntry } from './wire.ts';

const pending = (timestamp: number, id = 'x'): LockEntry => ({ id, status: 'pending', timestamp });
const locked = (timestamp: number, id = 'x'): LockEntry => ({ id, status: 'locked', timestamp });
const told = (changes: LockChange[]) =>
  changes.map(({ request, status, reason }) => `${request.key} ${status}${reason ? ` ${reason.code}` : ''}`);

function table() {
  const locks = new LockTable();
  locks.resume('');
  return {
    locks,
    say: (key: string, ...entries: LockEntry[]) => told(locks.replace(key, key, entries)),
  };
}

const cases: [string, number, string, number, string[]][] = [
  ['an earlier request takes the lock over', 5, 'b', 3, ['a unlocked 101004', 'b locked']],
  ['a later request is refused', 3, 'b', 5, ['b unlocked 101003']],
  ['of two at one time the smaller connection id wins', 3, 'A', 3, ['a unlocked 101004', 'A locked']],
  ['of two at one time the larger connection id is refused', 3, 'b', 3, ['b unlocked 101003']],
];

test.each(cases)('[SP2] %s', (_, first, other, second, changes) => {
  for (const entry of [pending, locked]) {
    const { locks, say } = table();
    expect(say('a', entry(first))).toEqual(['a locked']);
    expect(say(other, entry(second))).toEqual(changes);
    expect(locks.held()).toHaveLength(1);
  }
});

test('[SP3] pending sent again does not undo a grant', () => {
  const { locks, say } = table();
  say('a', pending(1));
  expect(say('a', locked(1))).toEqual([]);
  expect(say('a', pending(1), pending(2, 'y'))).toEqual(['a locked']);
  expect(locks.holder('x')?.key).toBe('a');
});

test('[SP3] a lock that a message leaves out is released', () => {
  const { locks, say } = table();
  say('a', locked(1), locked(1, 'y'));
  expect(say('a', locked(1, 'y'))).toEqual(['a unlocked']);
  expect(locks.held().map(({ entry }) => entry.id)).toEqual(['y']);
  expect(say('a')).toEqual(['a unlocked']);
});

test('[SP3] a release that nobody needs is silent', () => {
  const { say } = table();
  expect(say('a', { id: 'x', status: 'unlocked', timestamp: 1 })).toEqual([]);
});

test('[SP3] a refused request stays refused until its member asks anew', () => {
  const { locks, say } = table();
  say('a', pending(1));
  say('b', pending(2));
  expect(say('a')).toEqual(['a unlocked']);
  expect(say('b', pending(2))).toEqual([]);
  expect(locks.holder('x')).toBeUndefined();
  expect(say('b', pending(3))).toEqual(['b locked']);
});

test('[SP3] a member that says locked holds the lock as soon as nobody goes before it', () => {
  const { locks, say } = table();
  say('a', pending(1));
  say('b', pending(2));
  say('a');
  expect(say('b', locked(2))).toEqual(['b locked']);
  expect(locks.isRefused('b', 'x', 2)).toBe(false);
  expect(say('a', locked(1))).toEqual(['b unlocked 101004', 'a locked']);
  expect(say('b', locked(2))).toEqual([]);
  expect(say('a')).toEqual(['a unlocked', 'b locked']);
});

test('[SP3] nothing is decided while paused, and all of it by the whole set afterwards', () => {
  const { locks, say } = table();
  say('a', locked(1));
  locks.isPaused = true;
  // Missed: a released, b acquired.
  expect(say('b', pending(5))).toEqual([]);
  expect(locks.holder('x')?.key).toBe('a');
  expect(say('a')).toEqual([]);
  expect(told(locks.resume('c'))).toEqual(['a unlocked', 'b locked']);
});

test('[SP3] a resync that changes nothing tells nothing', () => {
  const { locks, say } = table();
  say('a', locked(1));
  say('b', pending(2));
  locks.isPaused = true;
  say('b', pending(2));
  say('a', locked(1));
  expect(told(locks.resume('c'))).toEqual([]);
});

test('[SP3] our own refusal is told at the end of a pause, those of others are not', () => {
  const { locks, say } = table();
  locks.isPaused = true;
  say('b', pending(2));
  say('c', pending(3));
  say('a', locked(1));
  expect(told(locks.resume('c'))).toEqual(['a locked', 'c unlocked 101003']);
  expect(locks.isRefused('c', 'x', 3)).toBe(true);
});

test('[SP3] locks go with a member that changes its key', () => {
  const { locks, say } = table();
  say('a', locked(1));
  expect(locks.rekey('a', 'z', 'z', [locked(1)])).toEqual([]);
  expect(locks.holder('x')).toMatchObject({ key: 'z', connectionId: 'z' });
  expect(say('z', locked(1))).toEqual([]);
  expect(say('a')).toEqual([]);
});

test('[SP3] what a shadow of a member won is won for nothing', () => {
  const { locks, say } = table();
  say('a', locked(1));
  expect(say('b', pending(2))).toEqual(['b unlocked 101003']);
  expect(told(locks.rekey('a', 'z', 'z', []))).toEqual(['a unlocked', 'b locked']);
});

test('[SP3] nothing is kept of locks that came and went', () => {
  const { locks, say } = table();
  for (let i = 0; i < 200; i++) {
    say('a', pending(i, `lock-${i}`));
    say('a');
  }
  expect(locks.size).toBe(0);
});
