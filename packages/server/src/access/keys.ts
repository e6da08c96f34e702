import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { App, Apps, Key } from './app.ts';

/** As much of a key's name as is known here. */
export interface KeyLookup {
  readonly app?: App;
  readonly key?: Key;
}

/** Finds a key by its name `<appId>.<keyId>`, or just the app, or nothing. */
export function findKey(apps: Apps, keyName: string): KeyLookup {
  const app = apps.get(keyName.slice(0, Math.max(keyName.indexOf('.'), 0)));
  const key = app?.keys.get(keyName);
  return { ...(app ? { app } : {}), ...(key ? { key } : {}) };
}

const secretKeys = new WeakMap<Key, KeyObject>();

/** HMAC-SHA256 of a text under the secret of a key. */
export function macOf(key: Key, text: string): Uint8Array {
  let secretKey = secretKeys.get(key);
  if (!secretKey) {
    secretKey = createSecretKey(key.secret, 'utf8');
    secretKeys.set(key, secretKey);
  }
  return createHmac('sha256', secretKey).update(text).digest();
}
