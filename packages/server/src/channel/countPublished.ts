import { type AppCounters, countInto } from '../observe/appCounters.ts';
import type { Publisher } from './publish.ts';

/** Counts messages of one publish that was taken; `persisted` ones are kept for history too. */
export function countPublished(
  { inbound, persisted: kept }: AppCounters,
  { retryId }: Publisher,
  messages: readonly { readonly data?: string | Uint8Array }[],
  persisted: boolean,
): void {
  // What comes over a connection may be sent again, and is recognised.
  countInto((retryId === undefined ? inbound.rest : inbound.realtime).messages, messages);
  if (persisted) countInto(kept.messages, messages);
}
