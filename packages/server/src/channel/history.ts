import { errors, type Message, type PresenceMessage } from '@parvis/protocol';
import type { ChannelRef, Engine, Entry, EntryKind } from '../engine/engine.ts';
import { messagesOf, presenceOf } from './entryView.ts';
import { latestOf } from './latest.ts';
import { PageFill } from './pageFill.ts';

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
  const fill = new PageFill<T>(query.limit, query.cursor);
  const { entries } = await engine.read(channel, {
    kind,
    direction: query.direction,
    limit: query.limit + 1,
    ...boundsOf(query, fill.done),
  });
  const itemsOf = await viewOf(entries);
  for (const entry of entries) {
    const items = itemsOf(entry);
    if (query.direction === 'backwards') items.reverse();
    const page = fill.take(entry, items);
    if (page !== undefined) return page;
  }
  return { items: fill.items };
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
