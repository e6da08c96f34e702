import { errors, type Message, parseSerial, sizeOf } from '@parvis/protocol';
import type { ChannelRef, Engine } from '../engine/engine.ts';
import type { HistoryPage, HistoryQuery } from './history.ts';
import { appended, type Standing, versioned } from './mutation.ts';
import type { MutationPayload } from './mutationView.ts';
import { MAX_PAGE_BYTES } from './pageFill.ts';

/** Entries read at once, and reads of one request. */
const PAGE = 1_000;
const MAX_READS = 50;

/**
 * A page of the versions of a message, each whole. What an append made is put together from all before it, so a page costs
 * a walk over what changed on the channel since the message was published: 40000 if that is too much, 40011 for a cursor
 * that is none.
 */
export async function versionHistory(
  engine: Engine,
  channel: ChannelRef,
  standing: Standing,
  query: HistoryQuery,
): Promise<HistoryPage<Message>> {
  const { cursor, direction, limit, start = 0, end = Number.POSITIVE_INFINITY } = query;
  if (cursor !== undefined && parseSerial(cursor) === undefined) throw errors.badCursor();
  const isForwards = direction === 'forwards';
  const versions: Version[] = [];
  for await (const version of versionsOf(engine, channel, standing)) {
    const time = version.message.version?.timestamp ?? 0;
    if (time < start || time > end || (isForwards && cursor !== undefined && version.serial <= cursor)) continue;
    if (!isForwards && cursor !== undefined && version.serial >= cursor) break;
    versions.push(version);
    if (versions.length <= limit) continue;
    if (isForwards) break;
    // One more than asked for tells that there is more.
    if (versions.length > limit + 1) versions.shift();
  }
  return pageOf(isForwards ? versions : versions.reverse(), limit);
}

interface Version {
  /** Serial of the entry that made it. */
  readonly serial: string;
  readonly message: Message;
}

/** As many of these as there is room for, and where to go on if that is not all. */
function pageOf(versions: readonly Version[], limit: number): HistoryPage<Message> {
  const items: Message[] = [];
  let bytes = 0;
  let next = '';
  for (const { serial, message } of versions) {
    if (items.length === limit || bytes > MAX_PAGE_BYTES) return { items, next };
    items.push(message);
    bytes += sizeOf(message);
    next = serial;
  }
  return { items };
}

/** All versions of a message, oldest first, up to the one that stands. */
async function* versionsOf(engine: Engine, channel: ChannelRef, standing: Standing): AsyncGenerator<Version> {
  const { published, row, original } = standing;
  const { serial: messageSerial = '', timestamp = 0 } = original;
  let message: Message = { ...original, version: { serial: messageSerial, timestamp } };
  yield { serial: published, message };
  if (row === undefined) return;
  let after = published;
  for (let reads = 0; reads < MAX_READS; reads++) {
    const page = await engine.read(channel, {
      after,
      upTo: row.serial,
      kind: 'mutation',
      direction: 'forwards',
      limit: PAGE,
    });
    for (const entry of page.entries) {
      after = entry.serial;
      const { message: change, continues } = entry.payload as MutationPayload;
      if (change.serial !== messageSerial) continue;
      message = versioned(continues === undefined ? change : appended(message, change), entry.serial, entry.time);
      yield { serial: entry.serial, message };
    }
    if (!page.more) return;
  }
  throw errors.badRequest('too much has changed on the channel since the message was published to list its versions');
}
