import type { Engine, Entry } from '../engine/engine.ts';
import type { Attachment, Rewind } from './attachment.ts';
import { messageFrameOf } from './entryView.ts';
import { hears } from './fanOut.ts';

/** What a rewind replays. */
export interface Rewound {
  /** Oldest first. */
  readonly entries: readonly Entry[];
  /** Where in the messages of the first entry it begins. */
  readonly from: number;
  /** There was more that fitted the wish. */
  readonly cut: boolean;
}

/** Entries that are looked at for one rewind: a filter may let few of them through. */
const MAX_SCAN = 1_000;

/**
 * The last messages up to a position that are for this attachment: its own count where it is echoed, others where they
 * pass its filter (channel param `rewind`, protocol reference 2.9). A publish of several is begun in the middle if need be.
 */
export async function readRewound(
  engine: Engine,
  attachment: Attachment,
  wish: Rewind,
  position: string,
): Promise<Rewound> {
  const { channel } = attachment;
  const newestFirst: Entry[] = [];
  let left = wish.limit;
  let from = 0;
  let bound: { upTo: string } | { before: string } = { upTo: position };
  for (let scanned = 0; wish.limit > 0 && scanned < MAX_SCAN; ) {
    const { entries, more } = await engine.read(channel.ref, {
      ...bound,
      ...(wish.ms === undefined ? {} : { from: channel.now() - wish.ms }),
      kind: 'message',
      direction: 'backwards',
      limit: Math.min(wish.limit + 1, MAX_SCAN - scanned),
    });
    for (const entry of entries) {
      const wanted = wantedIn(attachment, entry);
      if (wanted.length === 0) continue;
      if (left === 0) return { entries: newestFirst.reverse(), from, cut: true };
      newestFirst.push(entry);
      from = wanted[Math.max(0, wanted.length - left)] ?? 0;
      if (wanted.length > left) return { entries: newestFirst.reverse(), from, cut: true };
      left -= wanted.length;
    }
    const last = entries.at(-1);
    if (!more || last === undefined) break;
    bound = { before: last.serial };
    scanned += entries.length;
  }
  return { entries: newestFirst.reverse(), from, cut: false };
}

/** Indexes of the messages of an entry that are for this attachment. */
function wantedIn(attachment: Attachment, entry: Entry): number[] {
  if (!hears(attachment, entry)) return [];
  const frame = messageFrameOf(attachment.channel.name, entry);
  const { view } = attachment;
  return (frame.messages ?? []).flatMap((message, index) => {
    const isWanted = view === undefined || view.wants({ ...frame, messages: [message] }, [entry]);
    return isWanted ? [index] : [];
  });
}
