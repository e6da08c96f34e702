import { assertChannelName, errors } from '@parvis/protocol';
import { isPushEnabled } from '../channel/pushDelivery.ts';
import type { PushSubscription, SubscriptionFilter } from '../channel/pushSubscriptions.ts';
import type { Exchange } from './exchange.ts';
import { type LinkParams, limitOf, openCursor, pageLinks, sealCursor } from './page.ts';
import { isDevice, isPushAdmin, type PushCaller, pushCaller, requirePushAdmin } from './pushAccess.ts';
import { clientIdOf, deviceIdOf } from './pushDeviceBody.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

const path = '/push/channelSubscriptions';

/** Who is notified of the messages of which channel (protocol reference 4.11). */
export const pushSubscriptionRoutes: readonly Route[] = [
  { method: 'POST', pattern: path, answer: subscribe },
  { method: 'GET', pattern: path, answer: list },
  { method: 'DELETE', pattern: path, answer: unsubscribe },
  { method: 'GET', pattern: '/push/channels', answer: channels },
];

/** Throws 40001, 40010, 40012, 40015, 40160, 40300 where the namespace has no push, and 40400 for a device that is not registered. */
async function subscribe(exchange: Exchange): Promise<Reply> {
  const { push } = exchange.host.channels;
  const caller = await pushCaller(exchange);
  const { app } = caller.principal;
  const subscription = parseSubscription((await exchange.body()).value);
  const { channel } = subscription;
  await requireRight(exchange, caller, subscription);
  if (!isPushEnabled(app, channel)) throw errors.forbidden(`channel ${channel} is in no namespace with pushEnabled`);
  if ('deviceId' in subscription && (await push.devices.get(app.id, subscription.deviceId)) === undefined) {
    throw errors.notFound('device');
  }
  await push.subscriptions.add(app.id, subscription);
  return { status: 201, body: subscription };
}

/** Removes what fits the filters, of which there must be one; of what fits, that which the caller may remove. */
async function unsubscribe(exchange: Exchange): Promise<Reply> {
  const { push } = exchange.host.channels;
  const caller = await pushCaller(exchange);
  const filter = filterIn(exchange.query);
  const { channel, deviceId, clientId } = filter;
  if (channel === undefined && deviceId === undefined && clientId === undefined) {
    throw errors.badRequest('say which subscriptions: by channel, deviceId or clientId');
  }
  const visible = await rightsOf(exchange, caller, filter);
  await push.subscriptions.removeAll(caller.principal.app.id, filter, visible);
  return { status: 204 };
}

async function list(exchange: Exchange): Promise<Reply> {
  const { host, query } = exchange;
  const caller = await pushCaller(exchange);
  const { principal } = caller;
  const filter = filterIn(query);
  const visible = await rightsOf(exchange, caller, filter);
  const { channel, deviceId, clientId } = filter;
  const concatFilters = query.get('concatFilters') ?? undefined;
  return page(
    exchange,
    ['subscriptions', JSON.stringify([channel, deviceId, clientId])],
    { segment: 'channelSubscriptions', channel, deviceId, clientId, concatFilters },
    (limit, cursor) => host.channels.push.subscriptions.list(principal.app.id, { ...filter, limit, cursor, visible }),
    caller,
  );
}

/** Channels with subscriptions, of those that the caller administers. */
async function channels(exchange: Exchange): Promise<Reply> {
  const { push } = exchange.host.channels;
  const caller = await pushCaller(exchange);
  requirePushAdmin(caller);
  const visible = (channel: string) => isPushAdmin(caller, channel);
  const read = (limit: number, cursor?: string) =>
    push.subscriptions.channels(caller.principal.app.id, { limit, cursor, visible });
  return page(exchange, ['push channels'], { segment: 'channels' }, read, caller);
}

async function page(
  { query }: Exchange,
  scope: readonly string[],
  { segment, ...filters }: LinkParams & { readonly segment: string },
  read: (limit: number, cursor?: string) => Promise<{ items: readonly unknown[]; next?: string }>,
  { principal }: PushCaller,
): Promise<Reply> {
  const limit = limitOf(query);
  const { items, next } = await read(limit, openCursor(principal, scope, query));
  const given = query.get('cursor');
  const links = pageLinks(
    segment,
    { limit, ...filters },
    {
      ...(given === null ? {} : { current: given }),
      ...(next === undefined ? {} : { next: sealCursor(principal, scope, next) }),
    },
  );
  return { status: 200, body: items, links };
}

/** Throws 40160 unless the caller administers the channel, or may subscribe itself there and does just that. */
async function requireRight(exchange: Exchange, caller: PushCaller, subscription: PushSubscription): Promise<void> {
  const may = await rightsOf(exchange, caller, 'deviceId' in subscription ? subscription : {});
  if (!may(subscription))
    throw errors.capabilityDenied('push-subscribe', `channel ${subscription.channel} for another`);
}

/** Which subscriptions the caller may see and change: all where it administers, its own where it may subscribe. */
async function rightsOf({ host }: Exchange, caller: PushCaller, { deviceId }: SubscriptionFilter) {
  const { capability, clientId, app } = caller.principal;
  const named = deviceId === undefined ? undefined : await host.channels.push.devices.get(app.id, deviceId);
  const own = isDevice(caller, named) ? deviceId : caller.device?.id;
  return (one: PushSubscription): boolean => {
    if (isPushAdmin(caller, one.channel)) return true;
    if (!capability.allows('push-subscribe', one.channel)) return false;
    return 'deviceId' in one ? one.deviceId === own : clientId === '*' || one.clientId === clientId;
  };
}

/** Throws 40000 for a device and a client together, unless `concatFilters` says that either will do. */
function filterIn(query: URLSearchParams): SubscriptionFilter {
  const get = (name: string) => query.get(name) ?? undefined;
  const filter = { channel: get('channel'), deviceId: get('deviceId'), clientId: get('clientId') };
  if (filter.deviceId !== undefined && filter.clientId !== undefined && get('concatFilters') !== 'true') {
    throw errors.badRequest('filter by deviceId or by clientId, or say concatFilters=true for either');
  }
  return filter;
}

function parseSubscription(body: unknown): PushSubscription {
  const { channel, deviceId, clientId } = (typeof body === 'object' && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  if (typeof channel !== 'string') throw errors.badBody('a subscription needs a channel');
  if ((deviceId == null) === (clientId == null)) {
    throw errors.badBody('a subscription is for a deviceId or for a clientId, one of them');
  }
  return deviceId == null
    ? { channel: assertChannelName(channel), clientId: clientIdOf(clientId) }
    : { channel: assertChannelName(channel), deviceId: deviceIdOf(deviceId) };
}
