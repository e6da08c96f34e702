import { waitErrors } from './lockWaits.ts';
import type { Space } from './space.ts';
import type { Lock } from './types.ts';

interface Awaited {
  readonly id: string;
  readonly timestamp: number;
  readonly resolve: (lock: Lock) => void;
  readonly reject: (reason: unknown) => void;
}

/** Promises for what becomes of this client's requests. */
export class LockOutcomes {
  private readonly awaited = new Map<Promise<Lock>, Awaited>();
  private readonly stop: () => void;

  constructor(private readonly space: Space) {
    this.stop = space.locks.on('update', (lock) => this.told(lock));
  }

  /** Resolves with the lock when this request is granted; rejects with the reason when it has ended. */
  of(id: string, timestamp = Number.NaN): Promise<Lock> {
    let settle: Pick<Awaited, 'resolve' | 'reject'> | undefined;
    const outcome = new Promise<Lock>((resolve, reject) => {
      settle = { resolve, reject };
    });
    outcome.catch(() => {});
    if (settle) this.awaited.set(outcome, { id, timestamp, ...settle });
    const held = this.space.locks.get(id);
    if (held) this.told(held);
    return outcome;
  }

  forget(outcomes: readonly Promise<Lock>[]): void {
    for (const outcome of outcomes) this.awaited.delete(outcome);
  }

  dispose(): void {
    this.stop();
    for (const { id, reject } of this.awaited.values()) reject(waitErrors.aborted(id));
    this.awaited.clear();
  }

  private told(lock: Lock): void {
    if (!this.space.locks.core.isOwn(lock.member.connectionId)) return;
    for (const { id, timestamp, resolve, reject } of this.awaited.values()) {
      if (id !== lock.id || timestamp !== lock.timestamp) continue;
      if (lock.status === 'locked') resolve(lock);
      else reject(lock.reason ?? waitErrors.released(id));
    }
  }
}
