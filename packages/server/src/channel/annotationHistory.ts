import { type Annotation, sizeOf } from '@parvis/protocol';
import type { ChannelRef, Engine } from '../engine/engine.ts';
import { formatCursor, type HistoryPage, MAX_PAGE_BYTES, parseCursor } from './history.ts';
import { annotationsOf } from './mutationView.ts';

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
  let { done = message.published, given } =
    query.cursor === undefined ? { done: message.published, given: 0 } : parseCursor(query.cursor);
  const items: Annotation[] = [];
  let bytes = 0;
  for (let reads = 0; reads < MAX_READS; reads++) {
    const page = await engine.read(channel, { after: done, kind: 'annotation', direction: 'forwards', limit: PAGE });
    for (const entry of page.entries) {
      const about = annotationsOf(entry).filter(({ messageSerial }) => messageSerial === message.serial);
      for (const item of about.slice(given)) {
        const isFull = items.length === query.limit || bytes > MAX_PAGE_BYTES;
        if (isFull) return { items, next: formatCursor({ done, given }) };
        items.push(item);
        bytes += sizeOf(item);
        given += 1;
      }
      done = entry.serial;
      given = 0;
    }
    if (!page.more) return { items };
  }
  return { items, next: formatCursor({ done, given }) };
}
