import {
  Action,
  compareSerials,
  ErrorInfo,
  errors,
  Flag,
  Mode,
  messageSerial,
  type ProtocolMessage,
} from '@parvis/protocol';
import type { Engine, Entry } from '../engine/engine.ts';
import type { Limits } from '../limits.ts';
import type { Attachment, AttachRequest, Rewind } from './attachment.ts';
import { CatchUp, type Shown } from './catchUp.ts';
import { type MessagePayload, messageFrameOf } from './entryView.ts';
import { hears, isAfter, seesAnnotation } from './fanOut.ts';
import { Frame } from './frame.ts';
import { readGap } from './gap.ts';
import { latestOf } from './latest.ts';
import { mutationFrameOf } from './mutationView.ts';
import { readRewound } from './rewind.ts';

/** What an attach is answered with, and what follows it. */
interface Backlog {
  /** Position that ATTACHED tells; messages of the backlog may come before it when they were rewound. */
  readonly position: string;
  /** Everything after the client's position will be delivered. */
  readonly resumed: boolean;
  readonly entries: readonly Entry[];
  /** Messages of the first entry that are left out. */
  readonly from?: number;
  /** Where messages change: versions that rewound ones are shown in, and the serial of the first. */
  readonly shown?: Shown;
  readonly rewound?: string;
  /** Why continuity was lost or a rewind cut short; the attach holds all the same. */
  readonly error?: ErrorInfo;
}

/**
 * Brings an attachment to life: live entries are held, the gap or the rewound messages are read, then ATTACHED, SYNC,
 * backlog and what was held leave in this order, and the attachment is live (protocol reference 2.9).
 *
 * `wanted` tells whether the attach still holds: a DETACH or the end of the connection may come while reading.
 */
export async function attach(
  engine: Engine,
  limits: Limits,
  attachment: Attachment,
  request: AttachRequest,
  wanted: () => boolean,
): Promise<void> {
  const { channel } = attachment;
  channel.hold(attachment);
  try {
    const read = readBacklog(engine, limits, attachment, request);
    // Most attaches have nothing to wait for, and are through within one turn.
    const backlog = read instanceof Promise ? await read : read;
    attachment.startFrom(backlog.position, backlog.rewound);
    const catchUp = channel.mutable ? new CatchUp(engine, channel.ref) : undefined;
    if (catchUp !== undefined)
      await catchUp.read(() => [[attachment, [...backlog.entries, ...(attachment.held ?? [])]]]);
    if (!wanted()) return;
    finish(attachment, backlog, catchUp, hasMissedLocks(attachment, request, backlog));
  } finally {
    if (attachment.held !== undefined) channel.remove(attachment);
  }
}

/** Where nothing changes, no version is shown. */
const none: Shown = new Map();

/** What happened to locks in the meantime is told by a sync alone: presence is not replayed. */
function hasMissedLocks({ channel }: Attachment, request: AttachRequest, { resumed }: Backlog): boolean {
  if (!request.wasAttached || channel.locks === undefined) return false;
  return !resumed || compareSerials(channel.locks.changedAt, request.channelSerial ?? '') > 0;
}

function finish(attachment: Attachment, backlog: Backlog, catchUp: CatchUp | undefined, hasMissedLocks: boolean): void {
  const { channel, subscriber } = attachment;
  channel.fanOut.flush();
  const seesPresence = (attachment.modes & Mode.PRESENCE_SUBSCRIBE) !== 0 && channel.members.size > 0;
  // Storage may show an entry before the feed does: it is left to the feed, or it would come twice.
  const fed = backlog.entries.filter((entry) => !isAfter(entry, channel.position));
  const shown: Shown = backlog.shown ?? (catchUp === undefined ? none : new Map());
  const show = (some: readonly Entry[]) => catchUp?.show(attachment, some, shown) ?? some;
  const entries = show(fed).filter((entry) => isWanted(attachment, entry));
  let flags = attachment.modes;
  if (seesPresence) flags |= Flag.HAS_PRESENCE;
  if (backlog.resumed) flags |= Flag.RESUMED;
  if (entries.length > 0) flags |= Flag.HAS_BACKLOG;
  subscriber.send(new Frame(attachedMessage(attachment, backlog.position, flags, backlog.error)));
  if (seesPresence) channel.sync(attachment, hasMissedLocks);
  for (const entry of entries) {
    channel.fanOut.deliverTo(attachment, entry, entry === backlog.entries[0] ? backlog.from : undefined);
  }
  const last = fed[fed.length - 1];
  const held = channel.release(attachment).filter((entry) => last === undefined || isAfter(entry, last.serial));
  for (const entry of show(held)) channel.fanOut.deliverTo(attachment, entry);
  channel.audience.watch(attachment);
}

/** ATTACHED with the modes granted and the params understood. */
export function attachedMessage(
  attachment: Attachment,
  position: string,
  flags: number,
  error?: ErrorInfo,
): ProtocolMessage {
  return {
    action: Action.ATTACHED,
    channel: attachment.name,
    channelSerial: position,
    flags,
    ...(attachment.params === undefined ? {} : { params: attachment.params }),
    ...(error === undefined ? {} : { error: error.toJSON() }),
  };
}

function isWanted(attachment: Attachment, entry: Entry): boolean {
  if (entry.kind === 'annotation') return seesAnnotation(attachment, entry);
  if (!hears(attachment, entry)) return false;
  const { name } = attachment.channel;
  const frame = entry.kind === 'mutation' ? mutationFrameOf(name, entry) : messageFrameOf(name, entry);
  return attachment.view?.wants(frame, [entry]) ?? true;
}

function readBacklog(
  engine: Engine,
  limits: Limits,
  attachment: Attachment,
  request: AttachRequest,
): Backlog | Promise<Backlog> {
  const { channel } = attachment;
  const { position } = channel;
  if (request.channelSerial !== undefined) {
    return resumeFrom(engine, limits, attachment, request.channelSerial, position);
  }
  if (request.rewind === undefined) return { position, resumed: false, entries: [] };
  return rewind(engine, attachment, request.rewind, position);
}

/** Everything after the client's position, or why that cannot be had. */
async function resumeFrom(
  engine: Engine,
  limits: Limits,
  attachment: Attachment,
  from: string,
  position: string,
): Promise<Backlog> {
  const gap = await readGap(engine, attachment, from, {
    maxEntries: limits.maxResumeBacklog,
    maxBytes: limits.hardBacklog / 2,
  });
  if (gap instanceof ErrorInfo) return { position, resumed: false, entries: [], error: gap };
  return { position: from, resumed: true, entries: gap };
}

/** The last messages before the position, oldest first. Cut by our cap, not by the client's wish, it says so. */
async function rewind(engine: Engine, attachment: Attachment, wish: Rewind, position: string): Promise<Backlog> {
  const { entries, from, cut } = await readRewound(engine, attachment, wish, position);
  const latest = attachment.channel.mutable
    ? await inLatestVersions(engine, attachment, entries, from, position)
    : { entries };
  return {
    position,
    resumed: false,
    from,
    ...latest,
    ...(cut && wish.isOurs ? { error: errors.badRequest(`rewind was cut to the last ${wish.limit} messages`) } : {}),
  };
}

/** Rewound entries with their messages as they stand now. */
async function inLatestVersions(
  engine: Engine,
  attachment: Attachment,
  entries: readonly Entry[],
  from: number,
  position: string,
) {
  const messagesIn = await latestOf(engine, attachment.channel.ref, entries);
  const shown: Shown = new Map();
  const latest = entries.map((entry) => {
    const messages = messagesIn(entry);
    for (const { serial, version } of entry === entries[0] ? messages.slice(from) : messages) {
      if (serial !== undefined && version?.serial !== undefined) shown.set(serial, version.serial);
    }
    // The versions are those of the position: whoever resumes behind the last of them goes on from there.
    const serial = entry === entries.at(-1) ? position : entry.serial;
    return { ...entry, serial, payload: { ...(entry.payload as MessagePayload), messages } };
  });
  const [first] = entries;
  if (first === undefined) return { entries: latest, shown };
  return { entries: latest, shown, rewound: messageSerial(first.serial, from) };
}
