import { type ErrorInfo, errors } from '@parvis/protocol';
import { fromBase64, toBase64Url } from './base64.ts';
import { Capability } from './capability.ts';
import { hmac, hmacMatches } from './hmac.ts';
import { tokenClientId } from './identity.ts';
import { type JwtClaims, readJwtClaims } from './jwtClaims.ts';
import { type ApiKey, parseKey } from './key.ts';
import { defaultTtlMs, maxTtlMs } from './lifetime.ts';

/** What `issueJwt` puts into a token. */
export interface JwtOptions {
  /** `appId.keyId:secret` */
  readonly key: string | ApiKey;
  /** A name, or `*` for a token that may act as any client. Absent: anonymous, which presence and Spaces refuse. */
  readonly clientId?: string;
  /** A `Capability`, its JSON text or the map itself. The server narrows it by that of the key; absent: all of the key's. */
  readonly capability?: unknown;
  /** Default an hour, at most 24 hours, or one if the key's tokens are revocable. */
  readonly ttlMs?: number;
  /** Name under which this token can be revoked together with others. */
  readonly revocationKey?: string;
  /** Further claims, such as `ably.channel.<name>`; they do not replace those above. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** ms since the epoch; default now. */
  readonly now?: number;
}

type Json = Readonly<Record<string, unknown>>;

/** A JOSE token with its readable parts read and nothing verified. */
export interface DecodedJwt {
  readonly header: Json;
  /** Absent when encrypted. */
  readonly payload?: Json;
  readonly parts: readonly string[];
}

/** A JWT as the key's holder would have signed it: whether that is so, only its signature tells. */
export interface SignedJwt {
  /** `kid`: the key that should have signed. */
  readonly keyName: string;
  readonly payload: Json;
  /** The text under the signature. */
  readonly signedText: string;
  /** HMAC-SHA256 of it, as claimed. */
  readonly signature: Uint8Array;
}

/** Longest token text that is looked at: what the official client accepts (spec RSA4). */
export const maxTokenLength = 131_072;

/**
 * Issues a JWT for a client, HS256 under the secret of the key (RSA8). Throws 40000 for a bad capability, 40003 for a bad ttl,
 * 40005 for a bad key and 40012 for a bad clientId.
 */
export async function issueJwt(options: JwtOptions): Promise<string> {
  const key = typeof options.key === 'string' ? parseKey(options.key) : options.key;
  const { ttlMs = defaultTtlMs, now = Date.now() } = options;
  if (!(ttlMs >= 1_000 && ttlMs <= maxTtlMs(false))) throw errors.badParameter('ttlMs', 'from 1 second to 24 hours');
  const issuedAt = Math.floor(now / 1_000);
  const payload = {
    ...options.claims,
    iat: issuedAt,
    exp: issuedAt + Math.floor(ttlMs / 1_000),
    'x-ably-capability': options.capability === undefined ? undefined : Capability.parse(options.capability).text,
    'x-ably-clientId': tokenClientId(options.clientId),
    'x-ably-revocation-key': options.revocationKey,
  };
  const signedText = `${encodePart({ alg: 'HS256', typ: 'JWT', kid: key.name })}.${encodePart(payload)}`;
  return `${signedText}.${toBase64Url(await hmac(key.secret, signedText))}`;
}

/**
 * Checks a JWT made with the key and returns what it says. Throws 40101 for a bad signature, 40142 once it has expired,
 * 40144 if it is no such token, 40400 for the token of another key, and 40003 or 40012 for a claim that is out of bounds.
 */
export async function verifyJwt(
  token: string,
  key: string | ApiKey,
  options: { readonly now?: number; readonly revocableTokens?: boolean } = {},
): Promise<JwtClaims> {
  const { name, secret } = typeof key === 'string' ? parseKey(key) : key;
  const { keyName, payload, signedText, signature } = signedJwt(decodeJwt(token));
  if (keyName !== name) throw errors.notFound('key of the JWT');
  if (!(await hmacMatches(secret, signedText, signature))) throw badSignature();
  const { now = Date.now(), revocableTokens = false } = options;
  return readJwtClaims(payload, { now, revocableTokens });
}

/** The error for a JWT whose signature is not the key's. */
export function badSignature(): ErrorInfo {
  return errors.invalidCredentials('signature verification failed');
}

/** Reads the parts of a JWS (three) or JWE (five) without verifying anything; throws 40144. */
export function decodeJwt(token: string): DecodedJwt {
  if (token.length > maxTokenLength) throw errors.badJwt('it is too long');
  const parts = token.split('.');
  if (parts.length !== 3 && parts.length !== 5) throw errors.badJwt('it needs a header, a payload and a signature');
  const header = decodeHeader(parts[0] ?? '');
  return parts.length === 5 ? { header, parts } : { header, parts, payload: decodePart(parts[1], 'payload') };
}

/** Whether a text that is no complete JWT begins like one: an Ably token never does. */
export function resemblesJwt(token: string): boolean {
  return token.startsWith('eyJ');
}

/** What must be checked before the signature is: HS256 and nothing else, the name of a key, a signature at all. Throws 40144. */
export function signedJwt({ header, payload, parts }: DecodedJwt): SignedJwt {
  const { alg, kid } = header;
  if (payload === undefined) throw errors.badJwt('an encrypted token must hold an x-ably-token in its header');
  if (alg !== 'HS256') throw errors.badJwt('alg must be HS256');
  if (typeof kid !== 'string' || kid === '') throw errors.badJwt('kid must be the name of an API key');
  const [head = '', body = '', mac = ''] = parts;
  const signature = fromBase64(mac);
  if (!signature?.length) throw errors.badJwt('signature is missing or not base64url');
  return { keyName: kid, payload, signedText: `${head}.${body}`, signature };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

function encodePart(value: unknown): string {
  return toBase64Url(encoder.encode(JSON.stringify(value)));
}

/** Tokens of one issuer all begin with the same text: the last one is remembered. */
let lastHeader: { readonly text: string; readonly header: Json } | undefined;
const longestRemembered = 1_024;

function decodeHeader(text: string): Json {
  if (lastHeader?.text === text) return lastHeader.header;
  const header = decodePart(text, 'header');
  if (text.length <= longestRemembered) lastHeader = { text, header };
  return header;
}

function decodePart(part: string | undefined, name: string): Json {
  const bytes = fromBase64(part ?? '');
  let value: unknown;
  try {
    value = bytes && JSON.parse(decoder.decode(bytes));
  } catch {
    throw errors.badJwt(`${name} is not base64url JSON`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw errors.badJwt(`${name} is not a JSON object`);
  }
  return value as Json;
}
