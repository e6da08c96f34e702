import { Action, type PresenceMessage, sizeOf } from '@parvis/protocol';
import { Frame } from './frame.ts';

/** Members in one SYNC frame. */
export const maxPageMembers = 100;
/** Bytes of them: with what encoding adds, the frame stays under any client's maxFrameSize. */
const MAX_BYTES = 65_536;

/** How many of these members, from that one on, the next page holds: one at least, unless there are none left. */
export function pageLength(members: readonly PresenceMessage[], from: number): number {
  let bytes = 0;
  let length = 0;
  for (const member of members.slice(from, from + maxPageMembers)) {
    bytes += sizeOf(member);
    if (length > 0 && bytes > MAX_BYTES) break;
    length += 1;
  }
  return length;
}

/** A whole set in pages; that of nobody is one without members (spec RTP18). */
export function syncPages(channel: string, members: readonly PresenceMessage[]): Frame[] {
  const syncId = newSyncId();
  const frames: Frame[] = [];
  let from = 0;
  do {
    const end = from + pageLength(members, from);
    frames.push(syncFrame(channel, syncId, members.slice(from, end), end < members.length ? end : undefined));
    from = end;
  } while (from < members.length);
  return frames;
}

/** One page; the last one of its sync has no cursor. */
export function syncFrame(channel: string, syncId: string, presence: PresenceMessage[], cursor?: number): Frame {
  return new Frame({ action: Action.SYNC, channel, channelSerial: `${syncId}:${cursor ?? ''}`, presence });
}

/** Tells one sync from the next. */
export function newSyncId(): string {
  return `s${Math.random().toString(36).slice(2, 12)}`;
}
