import { randomBytes } from 'node:crypto';
import { errors } from '@parvis/protocol';
import { issueDeviceToken } from '../access/deviceTokens.ts';
import type { PushDevice } from '../channel/pushDevices.ts';
import type { Exchange } from './exchange.ts';
import { limitOf, openCursor, pageLinks, sealCursor } from './page.ts';
import {
  deviceCapability,
  isPushAdmin,
  type PushCaller,
  pushCaller,
  requireDevice,
  requirePushAdmin,
} from './pushAccess.ts';
import { type DeviceFields, deviceDetails, deviceIdOf, parseDevice } from './pushDeviceBody.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

const path = '/push/deviceRegistrations';

/** Devices that notifications can be sent to (protocol reference 4.11). */
export const pushDeviceRoutes: readonly Route[] = [
  { method: 'POST', pattern: path, answer: activate },
  { method: 'GET', pattern: path, answer: list },
  { method: 'DELETE', pattern: path, answer: removeAll },
  { method: 'GET', pattern: `${path}/{deviceId}`, answer: get },
  { method: 'PUT', pattern: `${path}/{deviceId}`, answer: put },
  { method: 'PATCH', pattern: `${path}/{deviceId}`, answer: patch },
  { method: 'DELETE', pattern: `${path}/{deviceId}`, answer: remove },
  { method: 'POST', pattern: `${path}/{deviceId}/resetUpdateToken`, answer: resetToken },
];

const TOKEN_LIFE_MS = 5 * 365 * 86_400_000;

/** A device makes itself known, and gets the token that it shows from then on. */
async function activate(exchange: Exchange): Promise<Reply> {
  const caller = await pushCaller(exchange);
  const fields = parseDevice((await exchange.body()).value, caller.principal.app);
  const device = await save(exchange, caller, deviceIdOf(fields.id), fields);
  return { status: 201, body: withToken(exchange, caller, device) };
}

async function put(exchange: Exchange): Promise<Reply> {
  const caller = await pushCaller(exchange);
  const id = deviceIdOf(exchange.param('deviceId'));
  const fields = parseDevice((await exchange.body()).value, caller.principal.app);
  if (fields.id !== undefined && fields.id !== id) throw errors.badDeviceId('that of the body is not that of the path');
  return { status: 200, body: deviceDetails(await save(exchange, caller, id, fields)) };
}

/** Whole details: a new device, or one that is told anew by itself or by who administers. */
function save({ host }: Exchange, caller: PushCaller, id: string, fields: DeviceFields): Promise<PushDevice> {
  const { platform, formFactor, recipient, metadata = {}, deviceSecret } = fields;
  if (platform === undefined || formFactor === undefined || recipient === undefined) {
    throw errors.badRequest('a device needs platform, formFactor and push.recipient');
  }
  return host.channels.push.devices.save(caller.principal.app.id, id, (now) => {
    if (now !== undefined) requireDevice(caller, now, deviceSecret);
    else requireSubscriber(caller);
    const clientId = clientIdFor(caller, fields, now);
    const secret = deviceSecret ?? now?.secret;
    return {
      id,
      platform,
      formFactor,
      recipient,
      metadata,
      generation: now?.generation ?? newGeneration(),
      ...(clientId === undefined ? {} : { clientId }),
      ...(secret === undefined ? {} : { secret }),
    };
  });
}

/** Some of the details: what is not told stays. */
async function patch(exchange: Exchange): Promise<Reply> {
  const { host } = exchange;
  const caller = await pushCaller(exchange);
  const { app } = caller.principal;
  const fields = parseDevice((await exchange.body()).value, app);
  const device = await host.channels.push.devices.save(app.id, exchange.param('deviceId'), (now) => {
    requireDevice(caller, now);
    if (now === undefined) throw errors.notFound('device');
    const { platform, formFactor, metadata, recipient } = fields;
    const told = Object.entries({ platform, formFactor, metadata, recipient }).filter(
      ([, value]) => value !== undefined,
    );
    const clientId = clientIdFor(caller, fields, now);
    return { ...now, ...Object.fromEntries(told), ...(clientId === undefined ? {} : { clientId }) };
  });
  return { status: 200, body: deviceDetails(device) };
}

/** Who administers is told the secret too, as the official client expects; it lets nobody do more than it may already. */
async function get(exchange: Exchange): Promise<Reply> {
  const caller = await pushCaller(exchange);
  const device = await exchange.host.channels.push.devices.get(caller.principal.app.id, exchange.param('deviceId'));
  requireDevice(caller, device);
  if (device === undefined) throw errors.notFound('device');
  const secret = isPushAdmin(caller) && device.secret !== undefined ? { deviceSecret: device.secret } : {};
  return { status: 200, body: { ...deviceDetails(device), ...secret } };
}

async function remove(exchange: Exchange): Promise<Reply> {
  const { push } = exchange.host.channels;
  const caller = await pushCaller(exchange);
  const { id: app } = caller.principal.app;
  const id = exchange.param('deviceId');
  requireDevice(caller, await push.devices.get(app, id));
  await push.removeDevice(app, id);
  return { status: 204 };
}

/** Removes what fits the filters, of which there must be one. */
async function removeAll(exchange: Exchange): Promise<Reply> {
  const { host, query } = exchange;
  const { push } = host.channels;
  const caller = await pushCaller(exchange);
  const { id: app } = caller.principal.app;
  const [deviceId, clientId] = filtersOf(query);
  if (deviceId === undefined && clientId === undefined) {
    throw errors.badRequest('say which devices: by deviceId or by clientId');
  }
  if (deviceId === undefined) requirePushAdmin(caller);
  else requireDevice(caller, await push.devices.get(app, deviceId));
  const { items } = await push.devices.list(app, { deviceId, clientId, limit: Number.POSITIVE_INFINITY });
  for (const { id } of items) await push.removeDevice(app, id);
  return { status: 204 };
}

/** A device sees itself, who administers sees all. */
async function list(exchange: Exchange): Promise<Reply> {
  const { host, query } = exchange;
  const caller = await pushCaller(exchange);
  const { principal } = caller;
  if (!isPushAdmin(caller) && caller.device === undefined) requirePushAdmin(caller);
  const limit = limitOf(query);
  const [asked, clientId] = filtersOf(query);
  const deviceId = isPushAdmin(caller) ? asked : caller.device?.id;
  const scope = ['devices', deviceId ?? '', clientId ?? ''];
  const cursor = openCursor(principal, scope, query);
  const page = await host.channels.push.devices.list(principal.app.id, { deviceId, clientId, limit, cursor });
  const fitting = page.items.filter(({ id }) => asked === undefined || id === asked);
  const given = query.get('cursor');
  const links = pageLinks(
    'deviceRegistrations',
    { limit, deviceId: asked, clientId },
    {
      ...(given === null ? {} : { current: given }),
      ...(page.next === undefined ? {} : { next: sealCursor(principal, scope, page.next) }),
    },
  );
  return { status: 200, body: fitting.map(deviceDetails), links };
}

/** A new token; those from before are void. */
async function resetToken(exchange: Exchange): Promise<Reply> {
  const { host } = exchange;
  const caller = await pushCaller(exchange);
  const { app } = caller.principal;
  const device = await host.channels.push.devices.save(app.id, exchange.param('deviceId'), (now) => {
    requireDevice(caller, now);
    if (now === undefined) throw errors.notFound('device');
    return { ...now, generation: newGeneration() };
  });
  const body = withToken(exchange, caller, device);
  return { status: 200, body: { ...body, updateToken: body.deviceIdentityToken.token } };
}

function newGeneration(): string {
  return randomBytes(9).toString('base64url');
}

function withToken({ host }: Exchange, { principal: { key } }: PushCaller, device: PushDevice) {
  const { id: deviceId, clientId, generation } = device;
  const issued = host.clock.now();
  const whose = { deviceId, ...(clientId === undefined ? {} : { clientId }) };
  const claims = { ...whose, generation, issued, expires: issued + TOKEN_LIFE_MS };
  const { expires } = claims;
  const token = issueDeviceToken(key, claims);
  const capability = deviceCapability.text;
  return {
    ...deviceDetails(device),
    deviceIdentityToken: { token, keyName: key.name, issued, expires, capability, ...whose },
  };
}

/** Whose a device is: who it is told to be, else who asks. Throws 61002 for somebody else's, and 40012 for anonymous ones. */
function clientIdFor(caller: PushCaller, { clientId }: DeviceFields, now: PushDevice | undefined): string | undefined {
  const own = caller.principal.clientId;
  const told = clientId ?? now?.clientId;
  if (own === '*') return told;
  if (isPushAdmin(caller)) return told ?? own;
  if (own !== undefined) {
    if (told !== undefined && told !== own) throw errors.otherClientsDevice();
    return own;
  }
  if (clientId === undefined || clientId === now?.clientId) return told;
  throw errors.badClientId('an anonymous client cannot register a device for a client');
}

function requireSubscriber({ principal: { capability } }: PushCaller): void {
  if (capability.allowsSomewhere('push-subscribe') || capability.allowsSomewhere('push-admin')) return;
  throw errors.capabilityDenied('push-subscribe', 'any channel');
}

function filtersOf(query: URLSearchParams): [deviceId: string | undefined, clientId: string | undefined] {
  return [query.get('deviceId') ?? undefined, query.get('clientId') ?? undefined];
}
