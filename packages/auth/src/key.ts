import { errors } from '@parvis/protocol';
import { toBase64Url } from './base64.ts';

/** An API key taken apart. */
export interface ApiKey {
  readonly appId: string;
  readonly keyId: string;
  /** `<appId>.<keyId>`, which may be shown. */
  readonly name: string;
  /** What signs; never leaves the server side. */
  readonly secret: string;
}

const maxKeyLength = 1_024;
const shape = /^([^\s.:]+)\.([^\s.:]+):([^\s.:]+)$/;

/** Takes `appId.keyId:secret` apart; throws 40005 for anything else, an empty secret included. */
export function parseKey(text: string): ApiKey {
  const match = text.length <= maxKeyLength ? shape.exec(text) : null;
  const [, appId, keyId, secret] = match ?? [];
  if (!appId || !keyId || !secret) throw errors.badCredentials('API key is not of the form appId.keyId:secret');
  return { appId, keyId, name: `${appId}.${keyId}`, secret };
}

/** The text that `parseKey` reads. */
export function formatKey(key: ApiKey): string {
  return `${key.name}:${key.secret}`;
}

/** A new random key of an app (by default of a new one): ids of 48 bits, a secret of 256. */
export function generateKey(appId: string = randomId(6)): ApiKey {
  return parseKey(`${appId}.${randomId(6)}:${randomId(32)}`);
}

/** Base64url of that many random bytes, never with a leading dash: ids end up as arguments on command lines. */
function randomId(byteLength: number): string {
  const id = toBase64Url(crypto.getRandomValues(new Uint8Array(byteLength)));
  return id.startsWith('-') ? `A${id.slice(1)}` : id;
}
