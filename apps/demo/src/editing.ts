import type { Lock } from '@parvis/spaces';
import type { BoardState } from './boardState.ts';

/** The card that oneself works on. */
export interface Work {
  readonly card: string;
  /** `asking` until the lock is granted. */
  readonly phase: 'asking' | 'editing';
}

/** What editing needs of a space: its locks, and who oneself is. */
export interface EditingSpace {
  readonly connectionId: string | undefined;
  readonly locks: {
    subscribe(event: 'update', listener: (lock: Lock) => void): unknown;
    acquire(id: string): Promise<unknown>;
    release(id: string): Promise<void>;
    get(id: string): Lock | undefined;
  };
}

/** Where the texts are. */
export interface EditingFeed {
  readonly texts: BoardState;
  write(card: string, text: string, by: string): Promise<void>;
}

/** What editing tells of. */
export interface EditingEvents {
  changed(): void;
  refused(card: string, holderConnectionId: string | undefined): void;
  failed(error: unknown): void;
}

const prefix = 'card/';
/** ms between two publishes of a text that is being typed. */
const typingMs = 150;

/** The id of the lock of a card. */
export function lockOf(card: string): string {
  return prefix + card;
}

/** The card whose lock this is; null for other locks. */
export function cardOf(lock: string): string | null {
  return lock.startsWith(prefix) ? lock.slice(prefix.length) : null;
}

/** Edits one card at a time: asks for its lock, publishes what is typed, and lets go of it. */
export class Editing {
  #work: Work | null = null;
  #before = '';
  #typed: string | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly space: EditingSpace,
    private readonly feed: EditingFeed,
    private readonly events: EditingEvents,
  ) {
    space.locks.subscribe('update', (lock) => this.#onLock(lock));
  }

  get work(): Work | null {
    return this.#work;
  }

  /** Asks for the card. The answer comes through `changed` or `refused`. */
  async begin(card: string): Promise<void> {
    if (this.#work?.card === card) return;
    if (this.#work) this.end('save');
    this.#become({ card, phase: 'asking' });
    try {
      await this.space.locks.acquire(lockOf(card));
    } catch (error) {
      if (this.#work?.card === card) this.#become(null);
      this.events.failed(error);
    }
  }

  /** Takes in what was typed; it goes out a few times a second. */
  type(text: string): void {
    if (this.#work?.phase !== 'editing') return;
    this.#typed = text;
    this.#timer ??= setTimeout(() => this.#publish(), typingMs);
  }

  /** Ends the work on a card, with its new text or its old one, and lets the others have it. */
  end(how: 'save' | 'cancel'): void {
    const work = this.#work;
    if (!work) return;
    if (how === 'cancel' && work.phase === 'editing' && this.#textOf(work.card) !== this.#before)
      this.#typed = this.#before;
    else if (how === 'cancel') this.#typed = null;
    this.#publish();
    this.#become(null);
    this.space.locks.release(lockOf(work.card)).catch((error) => this.events.failed(error));
  }

  #onLock(lock: Lock): void {
    const work = this.#work;
    const isOwn = lock.member.connectionId === this.space.connectionId;
    if (!work || !isOwn || lock.id !== lockOf(work.card)) return;
    if (lock.status === 'locked' && work.phase === 'asking') {
      this.#before = this.#textOf(work.card);
      this.#become({ card: work.card, phase: 'editing' });
    } else if (lock.status === 'unlocked' && (lock.reason || work.phase === 'editing')) {
      this.#become(null);
      this.events.refused(work.card, this.space.locks.get(lock.id)?.member.connectionId);
    }
  }

  #publish(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const text = this.#typed;
    this.#typed = null;
    if (text === null || !this.#work) return;
    const by = this.space.connectionId ?? '';
    this.feed.write(this.#work.card, text, by).catch((error) => this.events.failed(error));
  }

  #textOf(card: string): string {
    return this.feed.texts.get(card)?.text ?? '';
  }

  #become(work: Work | null): void {
    if (!work) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#typed = null;
    }
    this.#work = work;
    this.events.changed();
  }
}
