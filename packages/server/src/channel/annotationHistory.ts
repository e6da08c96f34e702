import type { Annotation } from '@parvis/protocol';
import type { ChannelRef, Engine } from '../engine/engine.ts';
import type { HistoryPage } from './history.ts';
import { annotationsOf } from './mutationView.ts';
import { PageFill } from './pageFill.ts';

/** Entries read at once, and reads of one request: after that many the page ends, be it empty, and the next goes on. */
const PAGE = 1_000;
const MAX_READS = 20;

/** Which annotations are asked for. */
export interface AnnotationQuery {
  /** Items, 1 to 1000. */
  readonly limit: number;
  /** Where the page before ended, as it was given there. */
  readonly cursor?: string;
}

/** A page of the annotations of a message that `published` holds, as they were made, earliest first. Throws 40011. */
export async function annotationHistory(
  engine: Engine,
  channel: ChannelRef,
  message: { readonly serial: string; readonly published: string },
  query: AnnotationQuery,
): Promise<HistoryPage<Annotation>> {
  const fill = new PageFill<Annotation>(query.limit, query.cursor);
  for (let reads = 0; reads < MAX_READS; reads++) {
    const after = fill.done ?? message.published;
    const read = await engine.read(channel, { after, kind: 'annotation', direction: 'forwards', limit: PAGE });
    for (const entry of read.entries) {
      const about = annotationsOf(entry).filter(({ messageSerial }) => messageSerial === message.serial);
      const page = fill.take(entry, about);
      if (page !== undefined) return page;
    }
    if (!read.more) return { items: fill.items };
  }
  return { items: fill.items, next: fill.next };
}
