import { errors, type Message, type PresenceMessage, parseSerial, sizeOf } from '@parvis/protocol';
import type { ChannelRef, Engine, Entry, EntryKind } from '../engine/engine.ts';
import { messagesOf, presenceOf } from './entryView.ts';
import { latestOf } from './latest.ts';

/** Which part of a channel's past is asked for. Times are ms since the epoch, both inclusive. */
export interface HistoryQuery {
  readonly start?: number;
  readonly end?: number;
  readonly direction: 'forwards' | 'backwards';
  /** Items, 1 to 1000. */
  readonly limit: number;
  /** Backwards from this position, inclusive: what a client calls `untilAttach`. */
  readonly untilSerial?: string;
  /** Where the page before ended, as it was given there. */
  readonly cursor?: string;
}

/**
 * Items in the order asked for, each whole by itself, and where the next page begins if there is one. A page of large
 * items ends before it has as many as were asked for.
 */
export interface HistoryPage<T> {
  readonly items: T[];
  readonly next?: string;
}

/** Bytes after which a page takes no further item: a thousand items of the largest kind would be hundreds of MB. */
export const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/** Where a page ended: the last entry that was given whole (if any), and how many items of the next one were given. */
export interface Cursor {
  readonly done: string | undefined;
  readonly given: number;
}

/**
 * A page of messages; of those that may change the latest version stands where the message was published. Throws 40011
 * for a cursor that is none.
 */
export function messageHistory(
  engine: Engine,
  channel: ChannelRef,
  query: HistoryQuery,
  mutable: boolean,
): Promise<HistoryPage<Message>> {
  const view = mutable ? (entries: readonly Entry[]) => latestOf(engine, channel, entries) : () => messagesOf;
  return pageOf(engine, channel, query, 'message', view);
}

/** A page of presence events, as they happened. */
export function presenceHistory(
  engine: Engine,
  channel: ChannelRef,
  query: HistoryQuery,
): Promise<HistoryPage<PresenceMessage>> {
  return pageOf(engine, channel, query, 'presence', () => presenceOf);
}

/** The items of an entry, in their order. */
type ItemsOf<T> = (entry: Entry) => T[];

async function pageOf<T extends Message | PresenceMessage>(
  engine: Engine,
  channel: ChannelRef,
  query: HistoryQuery,
  kind: EntryKind,
  viewOf: (entries: readonly Entry[]) => ItemsOf<T> | Promise<ItemsOf<T>>,
): Promise<HistoryPage<T>> {
  await checkAttachPoint(engine, channel, query);
  let { done, given } = query.cursor === undefined ? { done: undefined, given: 0 } : parseCursor(query.cursor);
  const { entries } = await engine.read(channel, {
    kind,
    direction: query.direction,
    limit: query.limit + 1,
    ...boundsOf(query, done),
  });
  const itemsOf = await viewOf(entries);
  const items: T[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const all = itemsOf(entry);
    if (query.direction === 'backwards') all.reverse();
    for (const item of all.slice(given)) {
      const isFull = items.length === query.limit || bytes > MAX_PAGE_BYTES;
      if (isFull) return { items, next: formatCursor({ done, given }) };
      items.push(item);
      bytes += sizeOf(item);
      given += 1;
    }
    done = entry.serial;
    given = 0;
  }
  return { items };
}

/** Of another log nothing comes before: its serials do not compare with those of this one. Throws 40024. */
async function checkAttachPoint(engine: Engine, channel: ChannelRef, { untilSerial }: HistoryQuery): Promise<void> {
  if (untilSerial === undefined) return;
  const { continuity } = await engine.read(channel, { after: untilSerial, direction: 'forwards', limit: 1 });
  if (continuity === 'foreign') throw errors.foreignAttachPoint();
}

function boundsOf(query: HistoryQuery, done: string | undefined) {
  return {
    ...(query.start === undefined ? {} : { from: query.start }),
    ...(query.end === undefined ? {} : { to: query.end }),
    ...(query.untilSerial === undefined ? {} : { upTo: query.untilSerial }),
    ...(done === undefined ? {} : query.direction === 'backwards' ? { before: done } : { after: done }),
  };
}

/** A cursor as text: the inverse of `parseCursor`. */
export function formatCursor(cursor: Cursor): string {
  return `${cursor.done ?? ''}~${cursor.given}`;
}

/** Reads a cursor. Throws 40011. */
export function parseCursor(text: string): Cursor {
  const match = /^([^~]*)~(\d{1,6})$/.exec(text);
  const done = match?.[1];
  if (match === null || done === undefined) throw errors.badCursor();
  if (done !== '' && parseSerial(done) === undefined) throw errors.badCursor();
  return { done: done === '' ? undefined : done, given: Number(match[2]) };
}
