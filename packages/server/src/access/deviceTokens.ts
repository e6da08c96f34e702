import { errors } from '@parvis/protocol';
import type { Apps, Key } from './app.ts';
import { macsEqual } from './constantTime.ts';
import { findKey, macOf } from './keys.ts';

/** What the identity token of a push device says. */
export interface DeviceClaims {
  readonly deviceId: string;
  readonly clientId?: string;
  /** That of the registration when it was issued: a reset makes older tokens void. */
  readonly generation: string;
  /** ms since the epoch. */
  readonly issued: number;
  /** ms since the epoch. */
  readonly expires: number;
}

/** A device token as it was read; whether its device is still there is for the reader to say. */
export interface OpenedDeviceToken {
  readonly app: NonNullable<ReturnType<typeof findKey>['app']>;
  readonly key: Key;
  readonly claims: DeviceClaims;
}

/** No other token has this mark in it, so that none is ever taken for one of these. */
const mark = '~';

/** `<appId>.` and the claims, signed by the key. It stands for the device on push routes and for nobody elsewhere. */
export function issueDeviceToken(key: Key, claims: DeviceClaims): string {
  const [appId = '', keyId = ''] = key.name.split('.');
  const text = Buffer.from(JSON.stringify({ ...claims, keyId })).toString('base64url');
  return `${appId}.${text}${mark}${macText(key, text)}`;
}

/** Whether a text looks like a device token, true or not. */
export function isDeviceToken(token: string): boolean {
  return token.includes(mark);
}

/** Reads a device token. Throws 40100 for one that no key of ours has signed, or that has expired at this time. */
export function openDeviceToken(apps: Pick<Apps, 'get'>, token: string, now: number): OpenedDeviceToken {
  const [, appId = '', text = '', mac = ''] = /^([\w-]+)\.([\w-]+)~([\w-]+)$/.exec(token) ?? [];
  const { keyId, ...claims } = claimsIn(text);
  const { app, key } = findKey(apps as Apps, `${appId}.${keyId}`);
  if (app === undefined || key === undefined || !macsEqual(Buffer.from(mac), Buffer.from(macText(key, text)))) {
    throw errors.unauthorized('device identity token is not one of ours');
  }
  if (claims.expires <= now) throw errors.unauthorized('device identity token has expired; activate the device again');
  return { app, key, claims };
}

/** The first line keeps it apart from whatever else a key signs. */
function macText(key: Key, text: string): string {
  return Buffer.from(macOf(key, `push device\n${text}`)).toString('base64url');
}

/** Not to be trusted before the signature is checked. */
function claimsIn(text: string): DeviceClaims & { readonly keyId: string } {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString());
  } catch {
    throw errors.unauthorized('device identity token is not one of ours');
  }
}
