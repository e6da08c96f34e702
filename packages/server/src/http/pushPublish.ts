import { errors } from '@parvis/protocol';
import type { App } from '../access/app.ts';
import type { PushPayload, PushTarget } from '../channel/pushDelivery.ts';
import { type BatchResult, batchReply, resultOf } from './batchReply.ts';
import { maxBytesOfBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import { type PushCaller, pushCaller, requirePushAdmin } from './pushAccess.ts';
import { parseRecipient } from './pushDeviceBody.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

/** Notifications to devices without a channel in between, and what only a vendor could answer (protocol reference 4.11). */
export const pushPublishRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/push/publish', answer: publish },
  { method: 'POST', pattern: '/push/batch/publish', answer: publishBatch },
  { method: 'GET', pattern: '/push/publicVapidKey', answer: (exchange) => refuse(exchange, 'Web Push') },
  { method: 'POST', pattern: '/push/apnsBroadcastChannels', answer: (exchange) => refuse(exchange, 'APNs') },
  ...['start', 'broadcast', 'end'].map(
    (action): Route => ({
      method: 'POST',
      pattern: `/push/apnsBroadcastChannels/{id}/${action}`,
      answer: (exchange) => refuse(exchange, 'APNs'),
    }),
  ),
];

const MAX_BATCH = 1_000;

type Fields = Readonly<Record<string, unknown>>;

/**
 * Resolves when the notification is where it was to go. Throws 40160, 103002 without a recipient, 103003 without a
 * notification, 40400 for a device that is not there, and 103006 for one that only its vendor could reach.
 */
async function publish(exchange: Exchange): Promise<Reply> {
  const caller = await pushCaller(exchange);
  requirePushAdmin(caller);
  const { recipient, ...payload } = mapIn((await exchange.body()).value);
  await send(exchange, caller, recipient, payload);
  return { status: 204 };
}

/** Notifications that have nothing to do with each other: what fails of one fails of that one alone. */
async function publishBatch(exchange: Exchange): Promise<Reply> {
  const caller = await pushCaller(exchange);
  requirePushAdmin(caller);
  const { value } = await exchange.body(maxBytesOfBody);
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_BATCH) {
    throw errors.badBody(`body must be an array of 1 to ${MAX_BATCH} notifications`);
  }
  const items = value.map(notificationIn);
  if (items.reduce((sum, { recipients }) => sum + recipients.length, 0) > MAX_BATCH) {
    throw errors.badBody(`a batch has at most ${MAX_BATCH} recipients in all`);
  }
  const results: BatchResult[] = [];
  for (const { recipients, payload } of items) {
    results.push(
      await resultOf({}, async () => {
        for (const recipient of recipients) await send(exchange, caller, recipient, mapIn(payload));
        return {};
      }),
    );
  }
  return batchReply(exchange, 200, results);
}

function send(exchange: Exchange, { principal: { app } }: PushCaller, recipient: unknown, payload: PushPayload) {
  const target = targetIn(recipient, app);
  if (Object.keys(payload).length === 0) throw errors.badPush('a notification needs a notification, data or both');
  for (const name of ['notification', 'data']) if (payload[name] !== undefined) mapIn(payload[name]);
  return exchange.host.channels.push.delivery.send(app, target, payload);
}

function targetIn(recipient: unknown, app: App): PushTarget {
  const fields = typeof recipient === 'object' && recipient !== null ? (recipient as Fields) : {};
  const { deviceId, clientId, transportType } = fields;
  const given = [deviceId, clientId, transportType].filter((value) => typeof value === 'string' && value !== '');
  if (given.length !== 1) throw errors.noPushRecipient();
  if (typeof deviceId === 'string') return { deviceId };
  if (typeof clientId === 'string') return { clientId };
  return parseRecipient(fields, app);
}

/** What cannot be sent for want of a recipient is refused when its turn comes. */
function notificationIn(item: unknown): { recipients: readonly unknown[]; payload: unknown } {
  const { recipient, payload } = (typeof item === 'object' && item !== null ? item : {}) as Fields;
  return { recipients: Array.isArray(recipient) && recipient.length > 0 ? recipient : [recipient], payload };
}

function mapIn(value: unknown): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw errors.badPush('a notification is an object, and so are its notification and data');
}

async function refuse(exchange: Exchange, transport: string): Promise<Reply> {
  await pushCaller(exchange);
  throw errors.noPushTransport(transport);
}
