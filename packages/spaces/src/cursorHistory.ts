import type { ChannelPort, HistoryPage } from './client.ts';
import type { CursorUpdate } from './types.ts';
import { type CursorPoint, parseCursors } from './wire.ts';

/** The position of a point as the application sees it; who sent it comes from the message around it. */
export function cursorUpdate(clientId: string, connectionId: string, { cursor }: CursorPoint): CursorUpdate {
  return { clientId, connectionId, position: cursor.position, data: cursor.data } as CursorUpdate;
}

/**
 * The last position of each of these connections that is found in the channel's history, looking through at most
 * `maxPages` pages; null for those not found.
 */
export async function lastCursors(
  channel: ChannelPort,
  connectionIds: readonly string[],
  maxPages: number,
): Promise<Map<string, CursorUpdate | null>> {
  const found = new Map<string, CursorUpdate | null>(connectionIds.map((id) => [id, null]));
  const isMissing = () => [...found.values()].includes(null);
  if (!found.size) return found;
  let page: HistoryPage | null = await channel.history();
  for (let pages = 1; page; pages++) {
    for (const { clientId, connectionId, data } of page.items) {
      const points = parseCursors(data);
      const last = points[points.length - 1];
      // The newest comes first, so what was found stays.
      if (!last || !connectionId || found.get(connectionId) !== null) continue;
      found.set(connectionId, cursorUpdate(clientId ?? '', connectionId, last));
    }
    page = isMissing() && pages < maxPages && page.hasNext() ? await page.next() : null;
  }
  return found;
}
