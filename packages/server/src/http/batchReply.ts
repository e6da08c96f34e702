import { type ErrorShape, errors, toErrorInfo } from '@parvis/protocol';
import { errorReply } from './errorReply.ts';
import type { Exchange } from './exchange.ts';
import type { Reply } from './reply.ts';

/** What one part of a batch came to: named, and with an error if it failed. */
export type BatchResult = Readonly<Record<string, unknown>> & { readonly error?: ErrorShape };

/** Runs one part of a batch; if it fails, its error stands in its result and the other parts do not hear of it. */
export async function resultOf(
  name: Readonly<Record<string, string>>,
  run: () => Promise<object> | object,
): Promise<BatchResult> {
  try {
    return { ...name, ...(await run()) };
  } catch (failure) {
    return { ...name, error: toErrorInfo(failure).toJSON() };
  }
}

/** Results with how many of them are good, as versions from 3 on are told. */
export function counted(results: readonly BatchResult[]) {
  const failureCount = results.filter(({ error }) => error !== undefined).length;
  return { successCount: results.length - failureCount, failureCount, results };
}

/**
 * The reply to a batch of one kind (protocol reference 4.8). Clients of version 3 and later take anything but success for a
 * failure of the whole, so they get it whatever the parts came to; older ones are told 40020 if any of them failed.
 */
export function batchReply(
  exchange: Exchange,
  status: number,
  results: readonly BatchResult[],
  body: unknown = counted(results),
): Reply {
  if (exchange.version >= 3) return { status, body };
  if (results.every(({ error }) => error === undefined)) return { status, body: results };
  const failed = errors.batchPartlyFailed();
  return { ...errorReply(failed), body: { error: failed.toJSON(), batchResponse: results } };
}
