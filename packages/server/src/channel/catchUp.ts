import { MessageAction, messageSerial } from '@parvis/protocol';
import type { ChannelRef, Engine, Entry, Row } from '../engine/engine.ts';
import { summariesIn } from './annotation.ts';
import type { Attachment } from './attachment.ts';
import { followsOn, hears } from './fanOut.ts';
import { summaryRow } from './latest.ts';
import { versionIn, versionTable } from './mutation.ts';
import type { AnnotationPayload, MutationPayload } from './mutationView.ts';
import { renderSummaries, sizeOfSummary } from './summary.ts';

/** Version of each message that an attachment has been shown, by serials of both. */
export type Shown = Map<string, string>;

/**
 * What is told to attachments that lack what an append goes on from: the whole message in place of the append. It may be
 * of a later version than that; what led up to it is then left out.
 */
export class CatchUp {
  readonly #engine: Engine;
  readonly #channel: ChannelRef;
  /** Latest versions as they were read; undefined for a message that is gone. */
  readonly #rows = new Map<string, Row | undefined>();

  constructor(engine: Engine, channel: ChannelRef) {
    this.#engine = engine;
    this.#channel = channel;
  }

  /** Reads all that is needed to show these entries to these attachments, though more of them come meanwhile. */
  async read(waiting: () => Iterable<readonly [Attachment, readonly Entry[]]>): Promise<void> {
    for (;;) {
      const lacking = new Set<string>();
      for (const [attachment, entries] of waiting()) {
        for (const entry of entries) if (this.#lacks(attachment, entry)) lacking.add(messageOf(entry));
      }
      if (lacking.size === 0) return;
      await Promise.all(
        [...lacking].map(async (key) => {
          const { rows } = await this.#engine.rows(this.#channel, versionTable, { key });
          this.#rows.set(key, rows[0]);
        }),
      );
    }
  }

  /**
   * These entries as they are to be sent to this attachment, which has been shown these versions before. The whole message
   * stands in the place of the last change it has, so that whoever goes on from there has just what came until then.
   */
  show(attachment: Attachment, entries: readonly Entry[], shown: Shown): Entry[] {
    const gaps = this.#gaps(attachment, entries, shown);
    return entries.flatMap((entry) => {
      if (!isVersion(entry)) return [entry];
      const key = messageOf(entry);
      const before = shown.get(key);
      if (!hears(attachment, entry) || (before !== undefined && entry.serial <= before)) return [];
      const gap = gaps.get(key);
      if (gap === undefined || entry.serial < gap.from || entry.serial > gap.to) return [entry];
      const row = this.#rows.get(key);
      if (row === undefined || entry.serial < gap.to) return [];
      shown.set(key, messageSerial(row.serial, 0));
      const payload: MutationPayload = { ...whole(entry.payload as MutationPayload), message: versionIn(row) };
      return [{ ...entry, payload }];
    });
  }

  /** Of each message from where to where an attachment is sent the whole: from an append it lacks on, as far as the row goes. */
  #gaps(attachment: Attachment, entries: readonly Entry[], shown: Shown): Map<string, { from: string; to: string }> {
    const gaps = new Map<string, { from: string; to: string }>();
    for (const entry of entries) {
      if (!isVersion(entry) || !hears(attachment, entry)) continue;
      const key = messageOf(entry);
      const gap = gaps.get(key);
      const row = this.#rows.get(key);
      if (gap !== undefined) {
        if (row === undefined || entry.serial <= row.serial) gap.to = entry.serial;
      } else if (!followsOn(attachment, entry) && (attachment.wholeAppends || !shown.has(key))) {
        gaps.set(key, { from: entry.serial, to: entry.serial });
      }
    }
    return gaps;
  }

  #lacks(attachment: Attachment, entry: Entry): boolean {
    if (!isVersion(entry) || followsOn(attachment, entry) || !hears(attachment, entry)) return false;
    const key = messageOf(entry);
    const row = this.#rows.get(key);
    return row === undefined ? !this.#rows.has(key) : row.serial < entry.serial;
  }
}

/**
 * Entries of a gap with the summary of each message that was annotated in it behind the last of its annotations, as it is
 * now, and the bytes that adds.
 */
export async function withSummaries(
  engine: Engine,
  channel: ChannelRef,
  entries: readonly Entry[],
): Promise<{ entries: Entry[]; bytes: number }> {
  const last = new Map<string, Entry>();
  for (const entry of entries) if (entry.kind === 'annotation') last.set(annotatedBy(entry), entry);
  let bytes = 0;
  const after = new Map<Entry, Entry>();
  await Promise.all(
    [...last].map(async ([serial, entry]) => {
      const summaries = summariesIn(await summaryRow(engine, channel, serial));
      for (const summary of summaries) bytes += sizeOfSummary(summary);
      after.set(entry, {
        ...entry,
        kind: 'mutation',
        payload: summaryPayload(serial, renderSummaries(summaries), entry),
      });
    }),
  );
  const all = entries.flatMap((entry) => {
    const summary = after.get(entry);
    return summary === undefined ? [entry] : [entry, summary];
  });
  return { entries: all, bytes };
}

/** What is sent when the summary of a message has changed by this entry. */
export function summaryPayload(serial: string, summary: Record<string, unknown>, entry: Entry): MutationPayload {
  const message = { action: MessageAction.SUMMARY, serial, annotations: { summary } };
  return { idBase: `summary-${entry.serial}`, message };
}

function whole({ idBase, connectionId }: MutationPayload): Omit<MutationPayload, 'message'> {
  return { idBase, ...(connectionId === undefined ? {} : { connectionId }) };
}

function isVersion({ kind, payload }: Entry): boolean {
  return kind === 'mutation' && (payload as MutationPayload).message.action !== MessageAction.SUMMARY;
}

function messageOf({ payload }: Entry): string {
  return (payload as MutationPayload).message.serial ?? '';
}

function annotatedBy({ payload }: Entry): string {
  return (payload as AnnotationPayload).annotations[0]?.messageSerial ?? '';
}
