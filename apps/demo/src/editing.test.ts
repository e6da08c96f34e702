import type { Lock } from '@parvis/spaces';
import { ErrorInfo } from '@parvis/spaces';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { accept, boardOf, written } from './boardState.ts';
import { cardOf, Editing, lockOf } from './editing.ts';

/** A space whose service is the test: it says what becomes of the requests. */
class FakeSpace {
  readonly connectionId = 'me';
  readonly asked: string[] = [];
  readonly released: string[] = [];
  refusal: Error | undefined;
  #listener: (lock: Lock) => void = () => {};
  #held: Lock | undefined;

  readonly locks = {
    subscribe: (_: 'update', listener: (lock: Lock) => void) => {
      this.#listener = listener;
    },
    acquire: async (id: string) => {
      this.asked.push(id);
      if (this.refusal) throw this.refusal;
    },
    release: async (id: string) => void this.released.push(id),
    get: () => this.#held,
  };

  tell(card: string, status: Lock['status'], connectionId = 'me', reason?: ErrorInfo): void {
    const member = { clientId: connectionId, connectionId, isConnected: true, profileData: null, location: null };
    const lastEvent = { name: 'present', timestamp: 0 } as const;
    const lock: Lock = {
      id: lockOf(card),
      status,
      timestamp: 0,
      member: { ...member, lastEvent },
      ...(reason && { reason }),
    };
    if (status === 'locked') this.#held = lock;
    this.#listener(lock);
  }
}

class FakeFeed {
  texts = boardOf([
    ['a', 'old'],
    ['b', 'other'],
  ]);
  readonly writes: string[] = [];

  async write(card: string, text: string): Promise<void> {
    this.writes.push(`${card}: ${text}`);
    this.texts = accept(this.texts, written(this.texts, card, text, 'me'));
  }
}

describe('editing', () => {
  let space: FakeSpace;
  let feed: FakeFeed;
  let editing: Editing;
  let refusals: string[];
  let failures: unknown[];

  beforeEach(() => {
    vi.useFakeTimers();
    space = new FakeSpace();
    feed = new FakeFeed();
    refusals = [];
    failures = [];
    editing = new Editing(space, feed, {
      changed: () => {},
      refused: (card, holder) => refusals.push(`${card} ${holder}`),
      failed: (error) => failures.push(error),
    });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function editA(): void {
    void editing.begin('a');
    space.tell('a', 'locked');
  }

  test('[DM11] a card is edited when its lock is granted, and not before', () => {
    void editing.begin('a');
    editing.type('too early');
    expect(editing.work).toEqual({ card: 'a', phase: 'asking' });
    space.tell('a', 'locked', 'somebody');
    space.tell('b', 'locked');
    expect(editing.work?.phase).toBe('asking');
    space.tell('a', 'locked');
    expect(editing.work).toEqual({ card: 'a', phase: 'editing' });
    vi.advanceTimersByTime(1_000);
    expect(feed.writes).toEqual([]);
  });

  test('[DM11] what is typed goes out a few times a second, and all of it when it is saved', () => {
    editA();
    for (const text of ['n', 'ne', 'new']) editing.type(text);
    vi.advanceTimersByTime(200);
    editing.type('newer');
    editing.end('save');
    vi.advanceTimersByTime(1_000);
    expect(feed.writes).toEqual(['a: new', 'a: newer']);
    expect(space.released).toEqual([lockOf('a')]);
    expect(editing.work).toBeNull();
  });

  test('[DM11] cancelling brings the old text back, and writes nothing if none went out', () => {
    editA();
    editing.type('new');
    editing.end('cancel');
    expect(feed.writes).toEqual([]);
    editA();
    editing.type('new');
    vi.advanceTimersByTime(200);
    editing.end('cancel');
    expect(feed.writes).toEqual(['a: new', 'a: old']);
  });

  test('[DM11] the next card ends the work on the one before', () => {
    editA();
    editing.type('new');
    void editing.begin('b');
    expect(feed.writes).toEqual(['a: new']);
    expect(space.released).toEqual([lockOf('a')]);
    expect(space.asked).toEqual([lockOf('a'), lockOf('b')]);
    // The echo of the release is of the card before.
    space.tell('a', 'unlocked');
    expect(editing.work?.card).toBe('b');
  });

  test('[DM12] who is refused is told who holds the card', () => {
    void editing.begin('a');
    space.tell('a', 'locked', 'somebody');
    space.tell('a', 'unlocked', 'me', new ErrorInfo('held', 101003, 400));
    expect(refusals).toEqual(['a somebody']);
    expect(editing.work).toBeNull();
  });

  test('[DM12] the late echo of a release does not refuse a new request', () => {
    void editing.begin('a');
    space.tell('a', 'unlocked');
    expect(editing.work?.phase).toBe('asking');
  });

  test('[DM12] a lock that is lost ends the work, and what was not sent yet is dropped', () => {
    editA();
    editing.type('new');
    space.tell('a', 'unlocked');
    vi.advanceTimersByTime(1_000);
    expect(feed.writes).toEqual([]);
    expect(refusals).toHaveLength(1);
    editing.end('save');
    expect(space.released).toEqual([]);
  });

  test('[DM12] a request that cannot be sent fails and leaves no work behind', async () => {
    space.refusal = new Error('not in the space');
    await editing.begin('a');
    expect(failures).toEqual([space.refusal]);
    expect(editing.work).toBeNull();
  });

  test('[DM12] locks of other things are no cards', () => {
    expect(cardOf(lockOf('a'))).toBe('a');
    expect(cardOf('slide/a')).toBeNull();
  });
});
