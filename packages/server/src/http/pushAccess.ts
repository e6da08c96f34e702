import { Capability } from '@parvis/auth';
import { errors } from '@parvis/protocol';
import { readAuthorization } from '../access/authorization.ts';
import { secretsEqual } from '../access/constantTime.ts';
import { isDeviceToken, type OpenedDeviceToken, openDeviceToken } from '../access/deviceTokens.ts';
import type { Principal } from '../access/principal.ts';
import type { PushDevice } from '../channel/pushDevices.ts';
import type { Exchange } from './exchange.ts';

/** Who asks something about push. */
export interface PushCaller {
  readonly principal: Principal;
  /** The device that the request shows the identity token of. */
  readonly device?: PushDevice;
  /** What the request gives as the secret of a device, true or not. */
  readonly deviceSecret?: string;
}

/** What a device token permits by itself. */
export const deviceCapability = Capability.parse({ '*': ['push-subscribe'] });

/**
 * Who asks. The identity token of a device stands in a header of its own beside other credentials, or in their place. Rejects
 * with what `Exchange.authenticate` does, and 40100 for a token whose device is gone or has a newer one.
 */
export async function pushCaller(exchange: Exchange): Promise<PushCaller> {
  const { headers } = exchange.request;
  const bare = bareDeviceToken(exchange);
  const principal = bare === undefined ? await exchange.authenticate() : deviceOwner(opened(exchange, bare));
  const shown = bare ?? textOf(headers['x-ably-devicetoken']);
  const device = shown === undefined ? undefined : await deviceOf(exchange, principal, opened(exchange, shown));
  const deviceSecret = textOf(headers['x-ably-devicesecret']);
  return {
    principal,
    ...(device === undefined ? {} : { device }),
    ...(deviceSecret === undefined ? {} : { deviceSecret }),
  };
}

/** Whether the caller may administer devices, or with a channel its subscriptions. */
export function isPushAdmin({ principal: { capability } }: PushCaller, channel?: string): boolean {
  return channel === undefined ? capability.allowsSomewhere('push-admin') : capability.allows('push-admin', channel);
}

/** Whether the caller has shown that it is this device. */
export function isDevice(caller: PushCaller, device: PushDevice | undefined, secret = caller.deviceSecret): boolean {
  if (device === undefined) return false;
  if (caller.device?.id === device.id) return true;
  return secret !== undefined && secretsEqual(secret, device.secret);
}

/** Throws 40160 unless the caller is the device or may administer all. */
export function requireDevice(caller: PushCaller, device: PushDevice | undefined, secret?: string): void {
  if (isPushAdmin(caller) || isDevice(caller, device, secret ?? caller.deviceSecret)) return;
  throw errors.capabilityDenied('push-admin', 'devices other than the one whose token or secret is shown');
}

/** Throws 40160 unless the caller may administer devices. */
export function requirePushAdmin(caller: PushCaller): void {
  if (!isPushAdmin(caller)) throw errors.capabilityDenied('push-admin', 'devices of the app');
}

/** A device token where other credentials stand, as devices send it that have nothing else. */
function bareDeviceToken({ request, query }: Exchange): string | undefined {
  const { authorization } = request.headers;
  const shown = authorization === undefined ? undefined : readAuthorization(authorization);
  const token = shown === undefined ? query.get('access_token') : 'token' in shown ? shown.token : null;
  return token !== null && isDeviceToken(token) ? token : undefined;
}

function opened({ host }: Exchange, token: string): OpenedDeviceToken {
  return openDeviceToken(host.apps, token, host.clock.now());
}

function deviceOwner({ app, key, claims }: OpenedDeviceToken): Principal {
  const capability = deviceCapability.intersect(key.capability);
  return { app, key, clientId: claims.clientId, capability, method: 'token', issuedAt: claims.issued };
}

async function deviceOf({ host }: Exchange, principal: Principal, { app, claims }: OpenedDeviceToken) {
  const device = await host.channels.push.devices.get(app.id, claims.deviceId);
  if (app !== principal.app || device?.generation !== claims.generation) {
    throw errors.unauthorized('device identity token is no longer valid; activate the device again');
  }
  return device;
}

function textOf(header: string | string[] | undefined): string | undefined {
  return typeof header === 'string' && header !== '' ? header : undefined;
}
