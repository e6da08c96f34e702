import type { LockBook } from './lockBook.ts';
import type { QuestionRow } from './lockRows.ts';
import type { LockScene } from './lockTurn.ts';
import { LockTurn } from './lockTurn.ts';
import type { LockCommand } from './lockWish.ts';

/** A change of locks that the service makes by itself, and the id that makes it happen once, whichever nodes try. */
export interface ServedTurn {
  readonly turn: LockTurn;
  readonly id: string;
}

/** Gives a lock, or all of a group, to who waits for it and comes first; undefined while nobody can be given any. */
export function promote(scene: LockScene): ServedTurn | undefined {
  const ready = scene.book.ready();
  const [first] = ready?.locks ?? [];
  if (ready === undefined || first === undefined || scene.member(ready.key) === undefined) return undefined;
  const turn = new LockTurn(scene);
  for (const { at: _at, group: _group, ask: _ask, ...request } of ready.locks) turn.grant(ready.key, request);
  return { turn, id: `locks-grant-${first.at}` };
}

/** What the holder of a lock says to one who has asked for it; undefined if it holds it no longer, or nobody asks any more. */
export function answer(
  scene: LockScene,
  holder: string,
  said: Extract<LockCommand, { act: 'answer' }>,
): ServedTurn | undefined {
  if (scene.book.holder(said.id)?.key !== holder) return undefined;
  const asked = scene.book
    .of(said.key)
    .waiting.find(({ id, timestamp }) => id === said.id && timestamp === said.timestamp);
  if (asked?.ask === undefined) return undefined;
  const question = { id: said.id, key: said.key, at: asked.at };
  return said.accept ? handOver(scene, question, 'accepted') : deny(scene, question, 'refused');
}

/** The time for an answer is over: the policy of the holder decides. */
export function unanswered(scene: LockScene, question: QuestionRow): ServedTurn | undefined {
  const holder = scene.book.holder(question.id);
  return holder?.lock.policy === 'yield' ? handOver(scene, question, 'yielded') : deny(scene, question, 'unanswered');
}

/** A lock that was not renewed in time is no longer held; undefined if it is not that lock any more. */
export function expire(scene: LockScene, id: string, fence: number): ServedTurn | undefined {
  const holder = scene.book.holder(id);
  if (holder?.lock.fence !== fence || scene.member(holder.key) === undefined) return undefined;
  const turn = new LockTurn(scene);
  const { key, lock } = holder;
  const { held, waiting, refused } = turn.of(key);
  const { timestamp } = lock;
  turn.set(key, {
    held: held.filter((each) => each !== lock),
    waiting,
    refused: [...refused, { id, timestamp, reason: 'expired' }],
  });
  const { answers, outcomes } = turn.told(key);
  answers.set(id, { status: 'unlocked', timestamp, reason: 'expired' });
  outcomes.push({ id, timestamp, outcome: 'expired', reason: turn.reason('expired') });
  return { turn, id: `locks-expire-${fence}` };
}

function handOver(scene: LockScene, { id, key, at }: QuestionRow, how: string): ServedTurn | undefined {
  const holder = scene.book.holder(id);
  const asked = askedBy(scene.book, { id, key, at });
  if (holder === undefined || asked === undefined) return undefined;
  // Who has lapsed leaves, and then the queue moves on.
  if (scene.member(holder.key) === undefined || scene.member(key) === undefined) return undefined;
  const turn = new LockTurn(scene);
  const { at: _at, ask: _ask, group: _group, ...request } = asked;
  turn.take(holder, key, how);
  turn.grant(key, request);
  return { turn, id: `locks-hand-${at}` };
}

function deny(scene: LockScene, { id, key, at }: QuestionRow, how: string): ServedTurn | undefined {
  const asked = askedBy(scene.book, { id, key, at });
  if (asked === undefined || scene.member(key) === undefined) return undefined;
  const turn = new LockTurn(scene);
  const { held, waiting, refused } = turn.of(key);
  const { timestamp } = asked;
  turn.set(key, {
    held,
    waiting: waiting.filter((each) => each !== asked),
    refused: [...refused, { id, timestamp, reason: 'held' }],
  });
  turn.told(key).outcomes.push({ id, timestamp, outcome: 'denied', reason: turn.reason('held'), how });
  return { turn, id: `locks-deny-${at}` };
}

function askedBy(book: LockBook, { id, key, at }: QuestionRow) {
  return book.of(key).waiting.find((lock) => lock.id === id && lock.at === at && lock.ask !== undefined);
}
