import { PresenceAction, type PresenceMessage, utf8Length } from '@parvis/protocol';
import {
  type HeldLock,
  type Locking,
  type LockReason,
  maxLockData,
  noLocks,
  type RefusedLock,
  type WaitingLock,
} from './lock.ts';
import type { Holding } from './lockBook.ts';
import { type Judged, type LockTurn, nameOf } from './lockTurn.ts';
import { type LockClaim, type LockRequest, type LockWish, lockWishOf } from './lockWish.ts';

/** Locks that one member holds or waits for, that are held in one space, and requests that wait for one lock. */
export const lockBounds = { ofMember: 100, ofSpace: 1_000, waiting: 200 } as const;

/**
 * Judges what a member's enter or update says of locks, and answers with the message as all others get it and as it is
 * stored. Throws 40000 for what cannot be read. An enter begins with nothing: what the member held before is released.
 */
export function judgeLocks(turn: LockTurn, key: string, event: PresenceMessage, mayForce: boolean): Judged {
  const wish = lockWishOf(event);
  const before = turn.of(key);
  if (before === noLocks && wish.claims.length + wish.requests.length === 0) return turn.render(key, event);
  new MemberLocks(turn, key, mayForce).judge(wish, event.action === PresenceAction.ENTER);
  return turn.render(key, event);
}

/** The locks of one member while one of its messages is judged. */
class MemberLocks {
  readonly #turn: LockTurn;
  readonly #key: string;
  readonly #mayForce: boolean;
  /** Requests that have come to an end, and are still sent. */
  readonly #refused: RefusedLock[] = [];
  /** Ids of locks that the message wants to go on holding, or waiting for. */
  readonly #wanted = new Set<string>();

  constructor(turn: LockTurn, key: string, mayForce: boolean) {
    this.#turn = turn;
    this.#key = key;
    this.#mayForce = mayForce;
  }

  judge({ claims, requests }: LockWish, afresh: boolean): void {
    const before = this.#locking;
    if (afresh) for (const { id } of [...before.held, ...before.waiting]) this.#giveUp(id);
    const ended = afresh ? [] : before.refused;
    for (const claim of claims) this.#claim(claim, ended);
    for (const group of grouped(requests)) this.#request(group, ended);
    for (const { id } of [...before.held, ...before.waiting]) if (!this.#wanted.has(id)) this.#giveUp(id);
    this.#put({ refused: this.#refused });
  }

  get #locking(): Locking {
    return this.#turn.of(this.#key);
  }

  #put(change: Partial<Locking>): void {
    this.#turn.set(this.#key, { ...this.#locking, ...change });
  }

  #held(id: string): HeldLock | undefined {
    return this.#locking.held.find((lock) => lock.id === id);
  }

  #waiting(id: string): WaitingLock | undefined {
    return this.#locking.waiting.find((lock) => lock.id === id);
  }

  /** A lock as official clients name it. */
  #claim(claim: LockClaim, ended: readonly RefusedLock[]): void {
    const { id, status, timestamp } = claim;
    if (status === 'unlocked') {
      this.#wanted.delete(id);
      this.#giveUp(id);
      this.#turn.told(this.#key).answers.set(id, { status: 'unlocked', timestamp });
      return;
    }
    if (this.#held(id) !== undefined) {
      this.#keep(claim, status === 'pending');
      return;
    }
    const same = ended.find((refused) => isSame(refused, claim));
    if (same !== undefined) this.#refuse(claim, same.reason, true);
    else if (status === 'pending') this.#ask([claim], true);
    else this.#disbelieve(claim);
  }

  /** It says that it holds what it does not. */
  #disbelieve({ id, timestamp }: LockClaim): void {
    const isOthers = this.#turn.holder(id) !== undefined;
    const { answers } = this.#turn.told(this.#key);
    answers.set(id, { status: 'unlocked', timestamp, ...(isOthers ? { reason: 'held' } : {}) });
  }

  /** Requests of one group, or one of none. One that is held or waits already is repeated. */
  #request(group: readonly LockRequest[], ended: readonly RefusedLock[]): void {
    const first = ended.find((refused) => group.some((request) => isSame(request, refused)));
    if (first !== undefined) {
      for (const request of group) this.#refuse(request, first.reason, false);
      return;
    }
    const fresh = group.filter((request) => !this.#repeats(request));
    if (fresh.length > 0) this.#ask(fresh, false);
  }

  #repeats(request: LockRequest): boolean {
    if (this.#held(request.id) !== undefined) {
      this.#keep(request, true);
      return true;
    }
    const waiting = this.#waiting(request.id);
    if (waiting === undefined || !isSame(waiting, request)) return false;
    this.#wanted.add(request.id);
    return true;
  }

  /** A request for what the member holds is that lock's, under the name of the later request. */
  #keep({ id, timestamp, attributes }: LockRequest, isAsked: boolean): void {
    const lock = this.#held(id);
    if (lock === undefined) return;
    this.#wanted.add(id);
    const isRenamed = isAsked && timestamp !== lock.timestamp;
    const isOther = attributes !== undefined && JSON.stringify(attributes) !== JSON.stringify(lock.attributes);
    const isFit = !isOther || sizeOfJson(attributes) <= maxLockData;
    const changed: HeldLock = {
      ...lock,
      ...(isRenamed ? { timestamp } : {}),
      ...(isOther && isFit ? { attributes } : {}),
    };
    const isChanged = isRenamed || (isOther && isFit);
    if (isChanged) this.#put({ held: this.#locking.held.map((each) => (each === lock ? changed : each)) });
    if (isChanged || isAsked || timestamp !== lock.timestamp) {
      this.#turn.told(this.#key).answers.set(id, { status: 'locked', held: isChanged ? changed : lock });
    }
  }

  /** New requests, all or none of which are granted. */
  #ask(requests: readonly LockRequest[], isOfficial: boolean): void {
    for (const { id } of requests) this.#giveUp(id);
    const obstacle = this.#obstacle(requests);
    if (obstacle !== undefined) {
      for (const request of requests) this.#refuse(request, obstacle, isOfficial);
      return;
    }
    const blocked = requests.filter(({ id }) => this.#isTaken(id));
    if (blocked.length === 0) for (const request of requests) this.#grant(request);
    else this.#askAgainst(requests, blocked[0], isOfficial);
  }

  #askAgainst(requests: readonly LockRequest[], blocked: LockRequest | undefined, isOfficial: boolean): void {
    const [request] = requests;
    if (request === undefined || blocked === undefined) return;
    const holder = this.#turn.holder(blocked.id);
    const mayLose = holder !== undefined && this.#turn.scene.member(holder.key) !== undefined;
    if (request.force === true && mayLose) this.#force(request, holder);
    else if (request.ask !== undefined && mayLose && holder.lock.policy === 'open')
      this.#take(request, holder, 'opened');
    else if (requests.every(({ wait, ask }) => wait === true || ask !== undefined)) this.#wait(requests);
    else for (const each of requests) this.#refuse(each, 'held', isOfficial, holder);
  }

  #force(request: LockRequest, holder: Holding): void {
    if (this.#mayForce) this.#take(request, holder, 'forced');
    else this.#refuse(request, 'noForce', false, holder);
  }

  #take(request: LockRequest, holder: Holding, how: string): void {
    this.#turn.take(holder, this.#key, how);
    this.#grant(request);
  }

  #grant(request: LockRequest): void {
    this.#wanted.add(request.id);
    this.#turn.grant(this.#key, { id: request.id, timestamp: request.timestamp, ...termsOf(request) });
  }

  #wait(requests: readonly LockRequest[]): void {
    const at = this.#turn.next();
    const added = requests.map(({ id, timestamp, ask, group, ...terms }): WaitingLock => {
      const question = ask === undefined ? undefined : { until: this.#turn.scene.now + ask.ms, ...noteOf(ask) };
      this.#wanted.add(id);
      return {
        id,
        timestamp,
        at,
        ...(group === undefined ? {} : { group }),
        ...termsOf(terms),
        ...(question === undefined ? {} : { ask: question }),
      };
    });
    this.#put({ waiting: [...this.#locking.waiting, ...added] });
  }

  /** Why requests cannot even be considered. */
  #obstacle(requests: readonly LockRequest[]): LockReason | undefined {
    const { held, waiting } = this.#locking;
    if (held.length + waiting.length + requests.length > lockBounds.ofMember) return 'tooMany';
    if (this.#turn.scene.book.size + requests.length > lockBounds.ofSpace) return 'tooMany';
    if (requests.some(({ id }) => this.#turn.queue(id).length >= lockBounds.waiting)) return 'tooMany';
    const sizes = requests.flatMap(({ attributes, ask }) => [sizeOfJson(attributes), sizeOfJson(ask?.note)]);
    return sizes.some((size) => size > maxLockData) ? 'tooLarge' : undefined;
  }

  /** Whoever came before goes before: a lock that is free is taken while others wait for it. */
  #isTaken(id: string): boolean {
    return this.#turn.holder(id) !== undefined || this.#turn.queue(id).length > 0;
  }

  #giveUp(id: string): void {
    const { held, waiting } = this.#locking;
    const lock = this.#held(id);
    if (lock !== undefined) {
      this.#turn.told(this.#key).answers.set(id, { status: 'unlocked', timestamp: lock.timestamp });
      this.#put({ held: held.filter((each) => each !== lock) });
    }
    if (this.#waiting(id) !== undefined) this.#put({ waiting: waiting.filter((each) => each.id !== id) });
  }

  #refuse({ id, timestamp }: LockRequest, reason: LockReason, isOfficial: boolean, holder?: Holding): void {
    this.#refused.push({ id, timestamp, reason });
    const { answers, outcomes } = this.#turn.told(this.#key);
    if (isOfficial) answers.set(id, { status: 'unlocked', timestamp, reason });
    const by = holder ?? this.#turn.holder(id);
    outcomes.push({
      id,
      timestamp,
      outcome: 'denied',
      reason: this.#turn.reason(reason),
      ...(by === undefined ? {} : { by: nameOf(by.key) }),
    });
  }
}

/** Requests of one group together, in the order of the first of each. */
function grouped(requests: readonly LockRequest[]): LockRequest[][] {
  const groups = new Map<string, LockRequest[]>();
  const found: LockRequest[][] = [];
  for (const request of requests) {
    const group = request.group === undefined ? undefined : groups.get(request.group);
    if (group !== undefined) {
      group.push(request);
      continue;
    }
    const own = [request];
    if (request.group !== undefined) groups.set(request.group, own);
    found.push(own);
  }
  return found;
}

function termsOf({ attributes, ttl, policy }: Omit<LockRequest, 'id' | 'timestamp'>) {
  return {
    ...(attributes === undefined ? {} : { attributes }),
    ...(ttl === undefined ? {} : { ttl }),
    ...(policy === undefined ? {} : { policy }),
  };
}

function noteOf({ note }: NonNullable<LockRequest['ask']>): { note?: unknown } {
  return note === undefined ? {} : { note };
}

function isSame(a: { id: string; timestamp: number }, b: { id: string; timestamp: number }): boolean {
  return a.id === b.id && a.timestamp === b.timestamp;
}

function sizeOfJson(value: unknown): number {
  return value === undefined ? 0 : utf8Length(JSON.stringify(value));
}
