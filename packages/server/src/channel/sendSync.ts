import { memberKey, type PresenceMessage } from '@parvis/protocol';
import type { Attachment } from './attachment.ts';
import type { Channel } from './channel.ts';
import type { Frame } from './frame.ts';
import { presentOf } from './presence.ts';
import { maxPageMembers, pageLength, syncFrame } from './syncPages.ts';

/**
 * Sends the whole presence set: at once to a client that takes it, page by page to one that does not keep up, which a
 * large set must not make one that is sent away. What changes meanwhile is told as it happens; pages that are left over
 * show members as they are when their turn comes. A new sync takes the place of one under way. `twice` says each member
 * twice, before all else without extras.
 */
export async function sendSync(attachment: Attachment, twice = false): Promise<void> {
  const { channel, subscriber } = attachment;
  const frames = twice ? twiceOver(channel) : channel.members.syncFrames();
  let sent = 0;
  while (sent < frames.length && (sent === 0 || subscriber.calmed() === undefined)) {
    const frame = frames[sent];
    if (frame !== undefined) attachment.send(frame);
    sent += 1;
  }
  attachment.syncing = undefined;
  if (sent < frames.length) await sendRest(attachment, frames.slice(sent), twice);
}

/** Keys alone are held on to: the frames of a set that has changed since would be held for each slow client anew. */
async function sendRest(attachment: Attachment, left: readonly Frame[], twice: boolean): Promise<void> {
  const { channel, subscriber } = attachment;
  const keys = [...new Set(left.flatMap(({ message }) => (message.presence ?? []).map(memberKey)))];
  const [syncId = ''] = left[0]?.message.channelSerial?.split(':') ?? [];
  const own = {};
  attachment.syncing = own;
  for (let from = 0; from < keys.length; ) {
    await subscriber.calmed();
    if (attachment.syncing !== own) return;
    const { page, end } = nextPage(attachment, keys, from);
    from = end;
    const shown = twice ? page.flatMap(bothOf) : page;
    attachment.send(syncFrame(channel.name, syncId, shown, end < keys.length ? end : undefined));
  }
  attachment.syncing = undefined;
}

/** The pages of a sync, each member in them twice. */
function twiceOver({ members, name }: Channel): Frame[] {
  return members.syncFrames().map(({ message }) => {
    const [syncId = '', cursor = ''] = message.channelSerial?.split(':') ?? [];
    const presence = (message.presence ?? []).flatMap(bothOf);
    return syncFrame(name, syncId, presence, cursor === '' ? undefined : Number(cursor));
  });
}

/** A member without extras, from nobody's connection so that the time decides, and the member as it is. */
function bothOf(present: PresenceMessage): PresenceMessage[] {
  const { extras: _, ...bare } = present;
  return [{ ...bare, id: `locks-sync-${present.id}` }, present];
}

function nextPage({ channel }: Attachment, keys: readonly string[], from: number) {
  const { members } = channel;
  const there = keys.slice(from, from + maxPageMembers).map((key) => members.get(key));
  const present = there.map((member): PresenceMessage => (member === undefined ? { action: 0 } : presentOf(member)));
  const length = pageLength(present, 0);
  return { page: present.slice(0, length).filter((_, index) => there[index] !== undefined), end: from + length };
}
