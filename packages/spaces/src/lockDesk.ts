import type { SpacesClient } from './client.ts';
import { InvalidArgumentError } from './errors.ts';
import { LockOutcomes } from './lockOutcomes.ts';
import { LockRenewal } from './lockRenewal.ts';
import type { LockOptions } from './locks.ts';
import { type LockWait, waitErrors, waitsFor } from './lockWaits.ts';
import type { Space } from './space.ts';
import type { Lock, SpaceTypes } from './types.ts';

/** How a lock is asked for. All but `attributes`, `timeout` and `signal` need a server that decides (`locks.guarantee`). */
export interface LockTerms<T extends SpaceTypes = SpaceTypes> extends Partial<LockOptions<T>> {
  /** Waits in line while another holds it. */
  wait?: boolean;
  /** ms to wait at most, then the request is withdrawn. */
  timeout?: number;
  /** Withdraws the request when it aborts. */
  signal?: AbortSignal;
  /** ms that the lock lasts when this client stops renewing it, 1000 to 3 600 000; renewed by itself while held. */
  ttl?: number;
  /** What an unanswered question means while this client holds the lock; `open` hands it over to whoever asks. */
  policy?: 'keep' | 'yield' | 'open';
  /** Asks the holder to hand it over, and waits for the answer, `ms` (1000 to 300 000) at most. */
  ask?: { ms: number; note?: unknown };
  /** Takes it from its holder, if this client may. */
  force?: boolean;
}

/** A question for a lock that this client holds. */
export interface LockQuestion {
  readonly lock: Lock;
  /** Who asks. */
  readonly by: { readonly clientId: string; readonly connectionId: string };
  readonly note: unknown;
  /** ms of the service's clock: after it the policy of the lock decides. */
  readonly until: number;
  accept(): Promise<void>;
  refuse(): Promise<void>;
}

/**
 * Locks that wait, last, come in sets and change hands by asking. One desk serves one space.
 *
 * @example
 * const desk = new LockDesk(space);
 * const lock = await desk.acquire('card-1', { wait: true, timeout: 5_000 });
 */
export class LockDesk<T extends SpaceTypes = SpaceTypes> {
  private readonly outcomes: LockOutcomes;
  private readonly renewal: LockRenewal;
  private groups = 0;

  constructor(private readonly space: Space<T, SpacesClient>) {
    this.outcomes = new LockOutcomes(space as unknown as Space);
    this.renewal = new LockRenewal(space.locks.core);
  }

  /**
   * Asks for a lock and resolves when it is granted, with its `fence`. Rejects with the reason of the refusal, 50003 at
   * the timeout, and 80017 when the signal aborts; nothing stays behind in the line then.
   */
  async acquire(id: string, terms: LockTerms<T> = {}): Promise<Lock<T>> {
    const [lock] = await this.ask([id], terms);
    return lock as Lock<T>;
  }

  /** Asks for several locks in one message; all are granted or none. Needs a server that decides. */
  acquireAll(ids: readonly string[], terms: Omit<LockTerms<T>, 'ask' | 'force'> = {}): Promise<Lock<T>[]> {
    const { ask: _, force: __, ...rest } = terms as LockTerms<T>;
    this.groups += 1;
    return this.ask([...new Set(ids)], rest, `${this.space.connectionId}:${this.groups}`);
  }

  /** Gives up these locks and requests, all of them if none are named, in one message. */
  async releaseAll(ids?: readonly string[]): Promise<void> {
    const { own } = this.space.locks.core;
    await Promise.all([...(ids ?? own.locks.keys())].map((id) => this.space.locks.release(id)));
  }

  /** Place of this client in the line for a lock, from 1; undefined when it does not wait. */
  place(id: string): number | undefined {
    const at = this.line(id).findIndex(({ connectionId }) => this.space.locks.core.isOwn(connectionId));
    return at < 0 ? undefined : at + 1;
  }

  /** All who wait for a lock, first come first. */
  line(id: string): LockWait[] {
    return waitsFor(this.space.locks.core, id);
  }

  /** The open questions for locks that this client holds; look again at each `update` of the space. */
  questions(): LockQuestion[] {
    const { core } = this.space.locks;
    const held = core.state.snapshot.locks.filter(({ member }) => core.isOwn(member.connectionId));
    return held.flatMap((lock) =>
      this.line(lock.id).flatMap(({ ask, id, timestamp, clientId, connectionId }) => {
        if (!ask) return [];
        const body = { act: 'answer', id, timestamp, connectionId, clientId };
        const by = { clientId, connectionId };
        const answer = (accept: boolean) => core.command({ ...body, accept });
        const { until, note } = ask;
        return { lock, by, until, note, accept: () => answer(true), refuse: () => answer(false) };
      }),
    );
  }

  /** Starts the ttl of these locks anew, beyond the renewal that runs by itself. */
  renew(ids: readonly string[]): Promise<void> {
    return this.space.locks.core.command({ act: 'renew', ids });
  }

  /** Ends listening and renewal; locks stay as they are. */
  dispose(): void {
    this.outcomes.dispose();
    this.renewal.dispose();
  }

  private async ask(ids: readonly string[], terms: LockTerms<T>, group?: string): Promise<Lock<T>[]> {
    const { attributes, timeout, signal, ...rest } = terms;
    if (!ids.every((id) => typeof id === 'string')) throw new InvalidArgumentError('LockDesk: lock ids are strings');
    if (signal?.aborted) throw waitErrors.aborted(`${ids}`);
    const { locks } = this.space;
    await locks.core.synced();
    const asked = { ...rest, ...(group && { group }) };
    const hasTerms = Object.values(asked).some((value) => value !== undefined && value !== false);
    if (hasTerms && locks.guarantee !== 'server') throw waitErrors.unserved();
    // All of a set go out in one message, so all are asked for within this turn.
    const sent = ids.map((id) => locks.request(id, attributes && { attributes }, hasTerms ? asked : undefined));
    const waits = ids.map((id) => this.outcomes.of(id, locks.core.queue.state?.locks.get(id)?.timestamp));
    const end = this.limit(ids, timeout, signal);
    try {
      await Promise.all(sent);
      const granted = await Promise.race([Promise.all(waits), end.over]);
      if (terms.ttl) this.renewal.add(granted, terms.ttl);
      return granted as Lock<T>[];
    } catch (error) {
      await Promise.allSettled(ids.map((id) => locks.release(id)));
      throw error;
    } finally {
      end.stop();
      this.outcomes.forget(waits);
    }
  }

  private limit(ids: readonly string[], timeout?: number, signal?: AbortSignal) {
    let stop = () => {};
    const over = new Promise<never>((_, reject) => {
      const abort = () => reject(waitErrors.aborted(`${ids}`));
      const timer = timeout === undefined ? undefined : setTimeout(() => reject(waitErrors.timeout(`${ids}`)), timeout);
      signal?.addEventListener('abort', abort, { once: true });
      stop = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
      };
    });
    // The race may be over before anybody looks.
    over.catch(() => {});
    return { over, stop };
  }
}
