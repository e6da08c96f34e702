import { errors } from '@parvis/protocol';
import type { Appended, ChannelRef, Draft, Entry, Row } from './engine.ts';
import { evaluate } from './evaluate.ts';
import { ChannelDraft, type LocalChannel } from './localChannel.ts';
import type { Batch, Lapse, RowWrite, Store, Write } from './store.ts';
import { weighEntry } from './weigh.ts';

/** What the appender needs of the engine around it. */
export interface AppenderHost {
  readonly store: Store;
  /** Appends that may wait for the store before more are turned away. */
  readonly maxWaiting: number;
  /** Engine time, after everything that is due by then has been done. */
  now(): number;
  /** The channel, made if it is new. */
  channel(ref: ChannelRef, now: number): LocalChannel;
  isAlive(owner: string | undefined): boolean;
  /** Lets a committed entry take effect: rows, ids, feed. */
  apply(channel: LocalChannel, step: Step, entry: Entry): void;
}

/** One append on its way. */
export interface Step {
  readonly ref: ChannelRef;
  readonly draft: Draft;
  readonly resolve: (result: Appended) => void;
  readonly reject: (error: unknown) => void;
  channel: LocalChannel | undefined;
  result: Appended | undefined;
  rows: readonly RowWrite[];
  /** Memory the entry takes, about. */
  bytes: number;
}

/**
 * Takes appends in the order of the calls, hands them to the store batch by batch and lets them take effect when it is
 * done. Drafts wait as they came while a batch is under way and are evaluated when their turn comes, so that a batch
 * that fails leaves nothing to take back.
 */
export class Appender {
  readonly #host: AppenderHost;
  #waiting: Step[] = [];
  #lapses: Lapse[] = [];
  #busy = false;
  #underWay: Promise<void> | undefined;
  /** Whether the last commit failed. */
  failing = false;

  constructor(host: AppenderHost) {
    this.#host = host;
  }

  append(ref: ChannelRef, draft: Draft): Promise<Appended> {
    if (this.#underWay !== undefined && this.#waiting.length >= this.#host.maxWaiting) {
      return Promise.reject(errors.unavailable('storage does not keep up; try again later'));
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ref, draft, resolve, reject, channel: undefined, result: undefined, rows: [], bytes: 0 });
      if (!this.#busy) this.#run();
    });
  }

  /** Rows that are gone from memory; the store hears of them with the next batch. */
  lapse(channel: ChannelRef, rows: readonly Row[]): void {
    for (const { table, key, serial } of rows) this.#lapses.push({ channel, table, key, serial });
  }

  /** When all that waits is done, commits what the store has not heard of, or nothing, which shows whether it works. */
  async flush(): Promise<void> {
    do await this.#underWay;
    while (this.#underWay !== undefined);
    if (!this.#busy) this.#run(true);
    await this.#underWay;
  }

  #run(evenIfEmpty = false): void {
    this.#busy = true;
    let empty = evenIfEmpty;
    while (this.#waiting.length > 0 || empty) {
      const steps = this.#waiting;
      this.#waiting = [];
      const committed = this.#commit(steps, empty);
      empty = false;
      if (committed === undefined) continue;
      this.#underWay = committed.then(() => {
        this.#underWay = undefined;
        this.#run();
      });
      return;
    }
    this.#busy = false;
  }

  /** Evaluates, commits and settles; undefined if all of it is done, else a promise that never rejects. */
  #commit(steps: Step[], evenIfEmpty: boolean): Promise<void> | undefined {
    const writes = this.#evaluate(steps);
    if (writes.length === 0 && !evenIfEmpty) {
      this.#settle(steps);
      return undefined;
    }
    const lapses = this.#lapses;
    this.#lapses = [];
    const fail = (cause: unknown) => {
      this.#lapses = [...lapses, ...this.#lapses];
      this.failing = true;
      this.#refuse(steps, cause);
    };
    const done = () => {
      this.failing = false;
      this.#settle(steps);
    };
    try {
      const committed = this.#host.store.commit({ lapses, writes });
      if (committed !== undefined) return committed.then(done, fail);
    } catch (cause) {
      fail(cause);
      return undefined;
    }
    done();
    return undefined;
  }

  #evaluate(steps: Step[]): Batch['writes'] {
    const writes: Write[] = [];
    const now = this.#host.now();
    for (const step of steps) {
      try {
        const write = this.#evaluateOne(step, now, steps.length === 1);
        if (write !== undefined) writes.push(write);
      } catch (error) {
        // A draft that is not one must not hold up those behind it.
        step.reject(error);
      }
    }
    return writes;
  }

  /** What the store is to write for this step, if anything. Alone, no other step needs to see what it will do. */
  #evaluateOne(step: Step, now: number, alone: boolean): Write | undefined {
    const channel = this.#host.channel(step.ref, now);
    const { result, rows } = evaluate(channel, step.draft, now, this.#host.isAlive);
    if (result.outcome === 'appended') step.bytes = weighEntry(result.entry);
    step.result = result;
    if (result.outcome !== 'appended') return undefined;
    step.channel = channel;
    step.rows = rows;
    channel.underWay += 1;
    if (!alone) {
      channel.draft ??= new ChannelDraft();
      channel.draft.add(result.entry, rows);
    }
    if (step.draft.ephemeral !== true) return { channel: step.ref, floor: channel.floor, entry: result.entry, rows };
    return rows.length > 0 ? { channel: step.ref, floor: channel.floor, rows } : undefined;
  }

  #settle(steps: Step[]): void {
    this.#release(steps);
    for (const step of steps) {
      const { channel, result } = step;
      if (result === undefined) continue;
      if (channel !== undefined && result.outcome === 'appended') this.#host.apply(channel, step, result.entry);
      step.resolve(result);
    }
  }

  #refuse(steps: Step[], cause: unknown): void {
    this.#release(steps);
    const error = errors.unavailable('entry could not be stored; try again', cause);
    for (const step of steps) step.reject(error);
  }

  #release(steps: Step[]): void {
    for (const { channel } of steps) {
      if (channel === undefined) continue;
      channel.underWay -= 1;
      channel.draft = undefined;
    }
  }
}
