import { type ErrorInfo, errors, Mode, sizeOf } from '@parvis/protocol';
import type { Engine, Entry } from '../engine/engine.ts';
import type { Attachment } from './attachment.ts';
import { withSummaries } from './catchUp.ts';
import type { MessagePayload } from './entryView.ts';
import type { AnnotationPayload, MutationPayload } from './mutationView.ts';

/** What a gap may hold to be replayed. */
export interface GapLimits {
  readonly maxEntries: number;
  /** Bytes of messages, annotations and summaries. */
  readonly maxBytes: number;
}

/** Entries read from the log at once. */
const PAGE = 500;

/**
 * What an attachment has missed since a position, in order: messages, and where these may change, changes and annotations
 * with what each message has come to. Or why that cannot be had: 90003, 90004 or 90005.
 */
export async function readGap(
  engine: Engine,
  attachment: Attachment,
  from: string,
  limits: GapLimits,
): Promise<Entry[] | ErrorInfo> {
  const { mutable, ref } = attachment.channel;
  const gap = new Gap(limits);
  for (let after = from; ; ) {
    const page = await engine.read(ref, {
      after,
      ...(mutable ? {} : { kind: 'message' as const }),
      direction: 'forwards',
      limit: PAGE,
    });
    if (page.continuity === 'foreign') return errors.serialForeign();
    // Who gets neither messages nor annotations has missed none; presence is settled by the SYNC.
    if (!listens(attachment)) return [];
    if (page.continuity === 'expired') return errors.serialExpired();
    gap.add(page.entries);
    const last = page.entries.at(-1);
    if (gap.isTooLong) return errors.backlogTooLong();
    if (!page.more || last === undefined) break;
    after = last.serial;
  }
  if (!mutable || (attachment.modes & Mode.SUBSCRIBE) === 0) return gap.entries;
  const summarised = await withSummaries(engine, ref, gap.entries);
  gap.bytes += summarised.bytes;
  return gap.isTooLong ? errors.backlogTooLong() : summarised.entries;
}

class Gap {
  readonly entries: Entry[] = [];
  bytes = 0;
  readonly #limits: GapLimits;

  constructor(limits: GapLimits) {
    this.#limits = limits;
  }

  get isTooLong(): boolean {
    return this.entries.length > this.#limits.maxEntries || this.bytes > this.#limits.maxBytes;
  }

  add(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (entry.kind === 'presence') continue;
      this.entries.push(entry);
      this.bytes += sizeOfEntry(entry);
    }
  }
}

function listens({ modes, channel }: Attachment): boolean {
  return (modes & Mode.SUBSCRIBE) !== 0 || (channel.mutable && (modes & Mode.ANNOTATION_SUBSCRIBE) !== 0);
}

function sizeOfEntry({ kind, payload }: Entry): number {
  if (kind === 'mutation') return sizeOf((payload as MutationPayload).message);
  const items =
    kind === 'annotation' ? (payload as AnnotationPayload).annotations : (payload as MessagePayload).messages;
  return items.reduce((sum, item) => sum + sizeOf(item), 0);
}
