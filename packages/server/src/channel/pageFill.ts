import { type Annotation, errors, type Message, type PresenceMessage, parseSerial, sizeOf } from '@parvis/protocol';
import type { Entry } from '../engine/engine.ts';
import type { HistoryPage } from './history.ts';

/** Bytes after which a page takes no further item: a thousand items of the largest kind would be hundreds of MB. */
export const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/** A page as it fills: items of one entry after the other, until there are as many as were asked for, or they are too large. */
export class PageFill<T extends Message | PresenceMessage | Annotation> {
  readonly items: T[] = [];
  readonly #limit: number;
  /** The last entry that was given whole, if any, and how many items of the next one were. */
  #done: string | undefined;
  #given = 0;
  #bytes = 0;

  /**
   * @param limit items, 1 or more
   * @param cursor where the page before ended, as it was given there; 40011 for a text that no page gave
   */
  constructor(limit: number, cursor: string | undefined) {
    this.#limit = limit;
    if (cursor === undefined) return;
    const match = /^([^~]*)~(\d{1,6})$/.exec(cursor);
    const done = match?.[1];
    if (match === null || done === undefined) throw errors.badCursor();
    if (done !== '' && parseSerial(done) === undefined) throw errors.badCursor();
    this.#done = done === '' ? undefined : done;
    this.#given = Number(match[2]);
  }

  /** Serial of the last entry that was given whole. */
  get done(): string | undefined {
    return this.#done;
  }

  /** Where the next page begins, as text. */
  get next(): string {
    return `${this.#done ?? ''}~${this.#given}`;
  }

  /** Takes the items of the next entry; the page, if it is full before they are all in. */
  take(entry: Entry, items: readonly T[]): HistoryPage<T> | undefined {
    for (const item of items.slice(this.#given)) {
      if (this.items.length === this.#limit || this.#bytes > MAX_PAGE_BYTES)
        return { items: this.items, next: this.next };
      this.items.push(item);
      this.#bytes += sizeOf(item);
      this.#given += 1;
    }
    this.#done = entry.serial;
    this.#given = 0;
    return undefined;
  }
}
