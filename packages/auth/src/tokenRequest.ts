import { encodeBase64, errors } from '@parvis/protocol';
import { fromBase64, toBase64Url } from './base64.ts';
import { Capability } from './capability.ts';
import { hmac, hmacMatches } from './hmac.ts';
import { tokenClientId } from './identity.ts';
import { type ApiKey, parseKey } from './key.ts';
import { maxTtlMs } from './lifetime.ts';

/** A request for a native token, signed by the holder of the key and sent to the server by whoever wants the token (TE1). */
export interface TokenRequest {
  readonly keyName: string;
  /** ms */
  readonly ttl?: number;
  /** JSON text; absent asks for all that the key may do. */
  readonly capability?: string;
  readonly clientId?: string;
  /** ms since the epoch */
  readonly timestamp: number;
  readonly nonce: string;
  /** base64 of HMAC-SHA256 over `tokenRequestText`. */
  readonly mac: string;
}

/** What `createTokenRequest` signs. */
export interface TokenRequestOptions {
  /** `appId.keyId:secret` */
  readonly key: string | ApiKey;
  /** A name, or `*` for a token that may act as any client. */
  readonly clientId?: string;
  /** A `Capability`, its JSON text or the map itself; absent asks for all that the key may do. */
  readonly capability?: unknown;
  readonly ttlMs?: number;
  /** ms since the epoch; default now. */
  readonly now?: number;
}

/** The fields of a token request as they came in, before anything is believed of them. */
export type TokenRequestFields = { readonly [field in keyof TokenRequest]?: unknown };

/**
 * What a token request's `mac` signs: six values as received, each followed by a line feed, an absent one as an empty line.
 * Only strings and numbers have a text; anything else counts as absent.
 */
export function tokenRequestText(fields: TokenRequestFields): string {
  const { keyName, ttl, capability, clientId, timestamp, nonce } = fields;
  const lines = [keyName, ttl, capability, clientId, timestamp, nonce].map((value) =>
    typeof value === 'string' || typeof value === 'number' ? `${value}\n` : '\n',
  );
  return lines.join('');
}

/** Signs a token request that is good for one use within two minutes; throws 40000, 40003, 40005 or 40012 for bad options. */
export async function createTokenRequest(options: TokenRequestOptions): Promise<TokenRequest> {
  const key = typeof options.key === 'string' ? parseKey(options.key) : options.key;
  const { ttlMs, now = Date.now() } = options;
  if (ttlMs !== undefined && !(Number.isInteger(ttlMs) && ttlMs > 0 && ttlMs <= maxTtlMs(false))) {
    throw errors.badParameter('ttlMs', 'a whole number of ms, at most 24 hours');
  }
  const clientId = tokenClientId(options.clientId);
  const fields = {
    keyName: key.name,
    ...(ttlMs === undefined ? {} : { ttl: ttlMs }),
    ...(options.capability === undefined ? {} : { capability: Capability.parse(options.capability).text }),
    ...(clientId === undefined ? {} : { clientId }),
    timestamp: now,
    nonce: toBase64Url(crypto.getRandomValues(new Uint8Array(18))),
  };
  return { ...fields, mac: encodeBase64(await hmac(key.secret, tokenRequestText(fields))) };
}

/** Whether `mac` is the key's signature over the other fields. Says nothing of timestamp, nonce, ttl or capability. */
export async function tokenRequestIsSigned(fields: TokenRequestFields, key: ApiKey): Promise<boolean> {
  const mac = typeof fields.mac === 'string' ? fromBase64(fields.mac) : undefined;
  return mac !== undefined && fields.keyName === key.name && hmacMatches(key.secret, tokenRequestText(fields), mac);
}
