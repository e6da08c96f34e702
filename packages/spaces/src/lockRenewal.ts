import type { SpaceCore } from './spaceCore.ts';
import type { Lock } from './types.ts';

/** Renews locks with a ttl for as long as this client holds them, thrice within each ttl. */
export class LockRenewal {
  private readonly timers = new Map<string, ReturnType<typeof setInterval>>();

  constructor(private readonly core: SpaceCore) {}

  add(locks: readonly Lock[], ttl: number): void {
    for (const { id, timestamp } of locks) {
      clearInterval(this.timers.get(id));
      const timer = setInterval(() => this.renew(id, timestamp), ttl / 3);
      (timer as { unref?: () => void }).unref?.();
      this.timers.set(id, timer);
    }
  }

  dispose(): void {
    for (const timer of this.timers.values()) clearInterval(timer);
    this.timers.clear();
  }

  private renew(id: string, timestamp: number): void {
    const { core } = this;
    if (core.queue.state?.locks.get(id)?.timestamp !== timestamp) {
      clearInterval(this.timers.get(id));
      this.timers.delete(id);
    } else if (core.heldLock(id) && core.client.connection.state === 'connected') {
      // A renewal that fails is made up for by the next; what matters is told as `expired`.
      core.command({ act: 'renew', ids: [id] }).catch(() => {});
    }
  }
}
