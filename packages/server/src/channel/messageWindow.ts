import { sizeOf } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import type { Entry } from '../engine/engine.ts';
import type { MessagePayload } from './entryView.ts';

/** Messages of one batch. */
const MAX_MESSAGES = 200;
/** A merged frame stays well under any client's maxFrameSize. */
const MAX_BYTES = 65_536;

/**
 * Message entries of one channel that wait to leave as one frame: for so many ms after the first of them, or until there
 * are 200 messages or 64 KB. A publish is not divided, so one that alone is more is a frame of its own.
 */
export class MessageWindow {
  readonly #ms: number;
  readonly #clock: Clock;
  readonly #release: (entries: readonly Entry[]) => void;
  #entries: Entry[] = [];
  #messages = 0;
  #bytes = 0;
  #cancel: (() => void) | undefined;

  constructor(ms: number, clock: Clock, release: (entries: readonly Entry[]) => void) {
    this.#ms = ms;
    this.#clock = clock;
    this.#release = release;
  }

  add(entry: Entry): void {
    const { messages } = entry.payload as MessagePayload;
    if (this.#messages + messages.length > MAX_MESSAGES) this.flush();
    this.#entries.push(entry);
    this.#messages += messages.length;
    for (const message of messages) this.#bytes += sizeOf(message);
    if (this.#messages >= MAX_MESSAGES || this.#bytes >= MAX_BYTES) this.flush();
    else this.#cancel ??= this.#clock.after(this.#ms, () => this.flush());
  }

  /** Lets go of what waits. */
  flush(): void {
    if (this.#entries.length === 0) return;
    this.#cancel?.();
    this.#cancel = undefined;
    const entries = this.#entries;
    this.#entries = [];
    this.#messages = 0;
    this.#bytes = 0;
    this.#release(entries);
  }
}
