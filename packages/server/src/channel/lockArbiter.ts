import { compareSerials, errors, memberKey, PresenceAction, type PresenceMessage } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import type { ChannelRef, Draft, Engine, Entry, Row } from '../engine/engine.ts';
import type { PresencePayload } from './entryView.ts';
import { noLocks } from './lock.ts';
import { LockBook } from './lockBook.ts';
import {
  counterTable,
  type LockLease,
  type LockRow,
  lockTable,
  type QuestionRow,
  questionTable,
  ttlOwner,
} from './lockRows.ts';
import { answer, expire, promote, type ServedTurn, unanswered } from './lockServed.ts';
import { type LockScene, LockTurn } from './lockTurn.ts';
import { type LockCommand, lockCommandOf } from './lockWish.ts';
import type { Member, PresenceOrigin } from './presence.ts';

/** What the arbiter needs of its channel. */
export interface ArbiterParts {
  readonly ref: ChannelRef;
  readonly engine: Engine;
  readonly clock: Clock;
  member(key: string): Member | undefined;
  /** Appends what is made of the present state; made again when that has changed meanwhile. */
  append(make: () => Draft | undefined): Promise<unknown>;
  /** Runs after all presence that came before, and reports what fails. */
  later(task: () => Promise<void>): void;
  report(failure: unknown): void;
}

/** ms that a node waits for the feed to tell what another was faster with, before it looks again. */
const FEED_PATIENCE_MS = 2_000;

/** Decides who holds a lock, for a channel of a space: in the order of the engine, whatever clients' clocks say. */
export class LockArbiter {
  readonly book = new LockBook();
  readonly #parts: ArbiterParts;
  #counter: LockScene['counter'] = { value: 0, serial: null };
  #heard = '';
  /** Serial of what this node has appended, or knows another to have. */
  #awaited = '';
  #waiting: (() => void) | undefined;
  #promoting = false;

  constructor(parts: ArbiterParts) {
    this.#parts = parts;
  }

  /** Serial of the entry that last changed who holds or waits for a lock; '' if there was none. */
  get changedAt(): string {
    return this.#counter.serial ?? '';
  }

  /** Starts over from the rows of a channel. Members are known already. */
  load(position: string, rows: readonly Row[]): void {
    this.#heard = position;
    this.#awaited = '';
    this.#waiting?.();
    const row = rows.find(({ table }) => table === counterTable);
    this.#counter = row === undefined ? { value: 0, serial: null } : { value: row.value as number, serial: row.serial };
    this.#endOverdue(rows);
    this.#promoteLater();
  }

  /** Takes an entry whose events the members have taken already. */
  entry(entry: Entry): void {
    this.#heard = entry.serial;
    const { counter } = entry.payload as PresencePayload;
    if (counter !== undefined) this.#counter = { value: counter, serial: entry.serial };
    this.#waiting?.();
    this.#promoteLater();
  }

  /** What this channel's locks are judged by right now, for one draft. */
  turn(): LockTurn {
    return new LockTurn(this.#scene());
  }

  /** Lets the leases of a turn begin. They come first: a row of an owner that is never leased would stay for good. */
  lease(leases: readonly LockLease[]): void {
    for (const { owner, ms } of leases) this.#parts.engine.lease(owner, ms).catch(this.#parts.report);
  }

  /** An append came to something, or was refused for a row of the counter: the next turn is judged when the feed has told of it. */
  await(serial: string): void {
    if (compareSerials(serial, this.#awaited) > 0) this.#awaited = serial;
  }

  /** Resolves when the feed has told all that this node knows to have been appended. */
  async caughtUp(): Promise<void> {
    const cancel = { run: () => {} };
    let late = false;
    while (!late && this.#awaited !== '' && compareSerials(this.#heard, this.#awaited) < 0) {
      await new Promise<void>((resolve) => {
        this.#waiting = resolve;
        cancel.run = this.#parts.clock.after(FEED_PATIENCE_MS, () => {
          late = true;
          resolve();
        });
      });
      cancel.run();
      this.#waiting = undefined;
    }
  }

  /**
   * What is left of the events of a frame when those are done that change no member: commands, and enters that repeat what
   * is there. Throws 40000, and 101001 for a command of who has not entered.
   */
  async settle(
    { connectionId, clientId: own }: PresenceOrigin,
    events: readonly PresenceMessage[],
  ): Promise<PresenceMessage[]> {
    const left: PresenceMessage[] = [];
    for (const event of events) {
      const key = memberKey({ connectionId, clientId: event.clientId ?? own ?? '' });
      const command = lockCommandOf(event);
      if (command !== undefined) await this.#command(key, command);
      else left.push(...this.#unlessReentry(key, event));
    }
    return left;
  }

  /** Rows of locks or questions whose time is over. */
  lapsed(rows: readonly Row[]): void {
    for (const { table, value } of rows) {
      if (table === questionTable) this.#serve((scene) => unanswered(scene, value as QuestionRow));
      else if (table === lockTable) this.#expire(value as LockRow);
    }
    this.#promoteLater();
  }

  #scene(): LockScene {
    const { ref, clock, member } = this.#parts;
    return { ref, book: this.book, now: clock.now(), counter: this.#counter, member };
  }

  /**
   * An enter with an id is how a client comes back that has lost continuity (spec RTP17g); it cannot say what it holds, so
   * that its member stays as it is. One that has lapsed begins anew, and its old id is none of this frame's.
   */
  #unlessReentry(key: string, event: PresenceMessage): PresenceMessage[] {
    if (event.action !== PresenceAction.ENTER || event.id === undefined) return [event];
    if (this.#parts.member(key) !== undefined) return [];
    const { id: _, extras, ...bare } = event;
    if (extras === undefined) return [bare];
    const { locks: _locks, parvis: _parvis, ...others } = extras;
    return [{ ...bare, extras: others }];
  }

  async #command(key: string, command: LockCommand): Promise<void> {
    if (this.#parts.member(key) === undefined) throw errors.notEntered();
    if (command.act === 'renew') await this.#renew(key, command.ids);
    else await this.#run((scene) => answer(scene, key, command));
  }

  async #renew(key: string, ids: readonly string[]): Promise<void> {
    const { ref, engine } = this.#parts;
    const asked = new Set(ids);
    for (const { id, ttl, fence } of this.book.of(key).held) {
      if (ttl !== undefined && asked.has(id)) await engine.lease(ttlOwner(ref, fence), ttl);
    }
  }

  /** A row of a lock lapses with its own lease, or with the connection: then its member leaves, and this has nothing to do. */
  #expire({ id, key, fence }: LockRow): void {
    const held = this.book.of(key).held.find((lock) => lock.id === id && lock.fence === fence);
    if (held?.ttl !== undefined) this.#serve((scene) => expire(scene, id, fence));
  }

  /** While nobody listened rows may have lapsed that nobody was told of. */
  #endOverdue(rows: readonly Row[]): void {
    const fences = new Set(rows.flatMap((row) => (row.table === lockTable ? [(row.value as LockRow).fence] : [])));
    const asked = new Set(rows.flatMap((row) => (row.table === questionTable ? [(row.value as QuestionRow).at] : [])));
    for (const [key, { held, waiting }] of this.book.members()) {
      for (const { id, ttl, fence } of held) {
        if (ttl !== undefined && !fences.has(fence)) this.#serve((scene) => expire(scene, id, fence));
      }
      for (const { id, at, ask } of waiting) {
        if (ask !== undefined && !asked.has(at)) this.#serve((scene) => unanswered(scene, { id, key, at }));
      }
    }
  }

  #promoteLater(): void {
    if (this.#promoting || this.book.ready() === undefined) return;
    this.#promoting = true;
    this.#parts.later(async () => {
      this.#promoting = false;
      while (this.book.ready() !== undefined) {
        if (!(await this.#run(promote))) return;
        await this.caughtUp();
      }
    });
  }

  #serve(make: (scene: LockScene) => ServedTurn | undefined): void {
    this.#parts.later(async () => void (await this.#run(make)));
  }

  async #run(make: (scene: LockScene) => ServedTurn | undefined): Promise<boolean> {
    let made = false;
    await this.#parts.append(() => {
      const served = make(this.#scene());
      made = served !== undefined;
      if (served === undefined) return undefined;
      const { draft, leases } = served.turn.draft(served.id);
      this.lease(leases);
      return draft;
    });
    return made;
  }
}

/** Whether members that leave take anything with them that others may wait for. */
export function anyLocks(members: readonly Member[]): boolean {
  return members.some(({ message }) => (message.locking ?? noLocks) !== noLocks);
}
