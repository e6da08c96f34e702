import { PresenceAction, type PresenceMessage } from '@parvis/protocol';
import type { ChannelRef, Draft, Expectation, RowChange } from '../engine/engine.ts';
import type { PresencePayload } from './entryView.ts';
import {
  type HeldLock,
  type LockAnswer,
  type Locking,
  type LockOutcome,
  liveExtras,
  reasonOf,
  type StoredPresence,
  storedExtras,
} from './lock.ts';
import type { Holding, LockBook, Place } from './lockBook.ts';
import { connectionOwner, counterKey, counterTable, type LockLease, LockRowChanges } from './lockRows.ts';
import { presenceTable } from './presenceTable.ts';
import { withoutNews } from './spaceData.ts';

/** What the locks of a channel are judged by. */
export interface LockScene {
  readonly ref: ChannelRef;
  readonly book: LockBook;
  /** ms since the epoch. */
  readonly now: number;
  /** The counter of fences and places as far as this node has heard, and the serial of its row. */
  readonly counter: { readonly value: number; readonly serial: string | null };
  /** A member as it is stored, and the serial of its row. */
  member(key: string): { readonly message: PresenceMessage; readonly serial: string } | undefined;
}

/** What one member is told. */
export interface Told {
  readonly answers: Map<string, LockAnswer>;
  readonly outcomes: LockOutcome[];
}

/** A message as it is sent to all, and as it is stored. */
export interface Judged {
  readonly told: PresenceMessage;
  readonly stored: StoredPresence;
}

/** The message of a member that the service has made. */
export interface Served extends Judged {
  readonly key: string;
}

/**
 * One atomic change of the locks of a channel, on its way: what it makes of members, who is told what, and the rows it
 * needs. Whatever it decides holds for the state that it looked at: its entry is refused if another came first.
 */
export class LockTurn {
  readonly scene: LockScene;
  readonly #after = new Map<string, Locking>();
  readonly #told = new Map<string, Told>();
  #last: number;
  #consulted = false;

  constructor(scene: LockScene) {
    this.scene = scene;
    this.#last = scene.counter.value;
  }

  /** A fence, or a place in a queue: greater than all before it, whatever became of the counter. */
  next(): number {
    this.#last = Math.max(this.#last + 1, this.scene.now * 1_000);
    return this.#last;
  }

  of(key: string): Locking {
    return this.#after.get(key) ?? this.scene.book.of(key);
  }

  holder(id: string): Holding | undefined {
    this.#consulted = true;
    for (const [key, { held }] of this.#after) {
      const lock = held.find((each) => each.id === id);
      if (lock !== undefined) return { key, lock };
    }
    const holding = this.scene.book.holder(id);
    return holding === undefined || this.#after.has(holding.key) ? undefined : holding;
  }

  /** Who waits for a lock, in order. */
  queue(id: string): Place[] {
    this.#consulted = true;
    const places = this.scene.book.queue(id).filter(({ key }) => !this.#after.has(key));
    for (const [key, { waiting }] of this.#after) {
      for (const lock of waiting) if (lock.id === id) places.push({ key, lock });
    }
    return places.sort((a, b) => a.lock.at - b.lock.at);
  }

  set(key: string, locking: Locking): void {
    this.#after.set(key, locking);
  }

  /** What a member is told beside what it is told already. */
  told(key: string): Told {
    const told = this.#told.get(key) ?? { answers: new Map(), outcomes: [] };
    this.#told.set(key, told);
    return told;
  }

  /** Takes a lock from its holder, who is told by whom and how. */
  take({ key, lock }: Holding, by: string, how: string): void {
    const { held, waiting, refused } = this.of(key);
    const { id, timestamp } = lock;
    const left = held.filter((each) => each.id !== id);
    this.set(key, { held: left, waiting, refused: [...refused, { id, timestamp, reason: 'taken' }] });
    const { answers, outcomes } = this.told(key);
    answers.set(id, { status: 'unlocked', timestamp, reason: 'taken' });
    outcomes.push({ id, timestamp, outcome: 'lost', reason: this.reason('taken'), by: nameOf(by), how });
  }

  /** Gives a member a lock, in the place of what it has waited for, if it did. */
  grant(key: string, request: Omit<HeldLock, 'fence'>): void {
    const { held, waiting, refused } = this.of(key);
    const lock: HeldLock = { ...request, fence: this.next() };
    const others = waiting.filter(({ id }) => id !== lock.id);
    this.set(key, { held: [...held.filter(({ id }) => id !== lock.id), lock], waiting: others, refused });
    this.told(key).answers.set(lock.id, { status: 'locked', held: lock });
  }

  reason(reason: Parameters<typeof reasonOf>[0]): unknown {
    return reasonOf(reason, this.scene.ref.name);
  }

  /** A message of a member, as everybody gets it and as it is stored, with all that the turn has to tell it so far. */
  render(key: string, event: PresenceMessage): Judged {
    const locking = this.of(key);
    const told = this.#told.get(key) ?? { answers: new Map(), outcomes: [] };
    this.#told.delete(key);
    const { extras, locking: _, ...bare } = event as StoredPresence;
    const [live, kept] = [liveExtras(extras, locking, told, this.scene.ref.name), storedExtras(extras, locking)];
    const isPlain = locking.held.length + locking.waiting.length + locking.refused.length === 0;
    return {
      told: live === undefined ? bare : { ...bare, extras: live },
      stored: { ...bare, ...(kept === undefined ? {} : { extras: kept }), ...(isPlain ? {} : { locking }) },
    };
  }

  /** Updates of all members that are told something they did not ask for. */
  served(idBase: string, current: (key: string) => PresenceMessage | undefined): Served[] {
    const found: Served[] = [];
    for (const key of [...this.#told.keys()]) {
      const message = current(key);
      if (message === undefined) continue;
      const event = { ...withoutNews(message), action: PresenceAction.UPDATE, id: `${idBase}:${found.length}` };
      found.push({ key, ...this.render(key, event) });
    }
    return found;
  }

  /** Rows that change beside those of the presence set, and what must not have changed meanwhile. */
  footing(): { rows: RowChange[]; expect: Expectation[]; leases: readonly LockLease[]; counter: number | undefined } {
    const { ref, book, now, counter } = this.scene;
    const changes = new LockRowChanges(ref, now);
    for (const [key, after] of this.#after) changes.drop(key, book.of(key), after);
    for (const [key, after] of this.#after) changes.add(key, book.of(key), after);
    const { rows, leases } = changes;
    const isChanged = rows.length > 0;
    if (isChanged) rows.push({ table: counterTable, key: counterKey, value: this.#last });
    const expect =
      isChanged || this.#consulted ? [{ table: counterTable, key: counterKey, serial: counter.serial }] : [];
    return { rows, expect, leases, counter: isChanged ? this.#last : undefined };
  }

  /** The whole turn as an entry of its own, made by the service. `leases` are to be set with it. */
  draft(id: string): { draft: Draft; leases: readonly LockLease[] } {
    const { ref } = this.scene;
    const served = this.served(id, (key) => this.scene.member(key)?.message);
    const { rows, expect, leases, counter } = this.footing();
    for (const { key, stored } of served) {
      rows.push({ table: presenceTable, key, value: stored, owner: connectionOwner(ref, key) });
      expect.push({ table: presenceTable, key, serial: this.scene.member(key)?.serial ?? null });
    }
    const presence = served.map(({ told }) => told);
    const connectionId = onlyConnectionOf(presence);
    const payload: PresencePayload = {
      idBase: id,
      ...(connectionId === undefined ? {} : { connectionId }),
      presence,
      stored: served.map(({ stored }) => stored),
      ...(counter === undefined ? {} : { counter }),
    };
    return { draft: { kind: 'presence', id, payload, rows, expect }, leases };
  }
}

/** The connection that all these events belong to, if it is one. */
export function onlyConnectionOf([first, ...others]: readonly PresenceMessage[]): string | undefined {
  const { connectionId } = first ?? {};
  return others.every((event) => event.connectionId === connectionId) ? connectionId : undefined;
}

/** A member as others are told of it. */
export function nameOf(key: string): { connectionId: string; clientId: string } {
  const colon = key.indexOf(':');
  return { connectionId: key.slice(0, colon), clientId: key.slice(colon + 1) };
}
