import { PresenceAction, type PresenceMessage, type ProtocolMessage } from '@parvis/protocol';

interface Held {
  readonly key: string;
  readonly fence: number;
}

interface LockEntry {
  readonly id: string;
  readonly status: string;
  readonly fence?: number;
}

/** Reads what a room was told, in the order of the engine, and notes whatever breaks a promise about locks. */
export class LockHistory {
  readonly violations: string[] = [];
  readonly holders = new Map<string, Held>();
  /** Members who were told of twice at one moment: official members may take the two the wrong way round. */
  readonly hurried = new Set<string>();
  readonly #lastTold = new Map<string, number>();
  readonly #fences = new Map<string, number>();
  #isServed: boolean;

  constructor(isServed: boolean) {
    this.#isServed = isServed;
  }

  read(message: ProtocolMessage): void {
    const events = message.presence ?? [];
    for (const { connectionId, clientId } of events) {
      const key = `${connectionId}:${clientId}`;
      if (this.#lastTold.get(key) === Date.now()) this.hurried.add(key);
      this.#lastTold.set(key, Date.now());
    }
    for (const event of events) this.#event(event);
  }

  #event({ action, connectionId, clientId, extras }: PresenceMessage): void {
    const key = `${connectionId}:${clientId}`;
    const locks = (extras as { locks?: LockEntry[] } | undefined)?.locks;
    if (action === PresenceAction.LEAVE || (this.#isServed && !locks)) {
      for (const [id, held] of [...this.holders]) if (held.key === key) this.holders.delete(id);
      return;
    }
    for (const entry of locks ?? []) this.#entry(key, entry);
  }

  #entry(key: string, { id, status, fence = 0 }: LockEntry): void {
    const held = this.holders.get(id);
    if (status === 'unlocked' && held?.key === key) this.holders.delete(id);
    if (status === 'pending' && this.#isServed) this.violations.push(`undecided: ${id} of ${key}`);
    if (status !== 'locked') return;
    if (held && held.key !== key) this.violations.push(`two holders: ${id} has ${held.key} and ${key}`);
    const isNew = held?.key !== key || held.fence !== fence;
    if (this.#isServed && isNew && fence <= (this.#fences.get(id) ?? 0)) {
      this.violations.push(`fence: ${id} went from ${this.#fences.get(id)} to ${fence}`);
    }
    this.#fences.set(id, Math.max(fence, this.#fences.get(id) ?? 0));
    this.holders.set(id, { key, fence });
  }
}
