import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { Identity } from '@parvis/auth';
import { errors } from '@parvis/protocol';
import type { App, Apps, Key } from './app.ts';
import { findKey } from './keys.ts';

/** What a native token says. */
export interface TokenClaims {
  /** ms since the epoch */
  readonly issuedAt: number;
  /** ms since the epoch */
  readonly expiresAt: number;
  readonly clientId: Identity;
  /** Canonical text. */
  readonly capability: string;
  readonly revocationKey?: string;
}

/** A token of one of our keys, opened. Whether it has expired is for the reader to say. */
export interface OpenedToken {
  readonly app: App;
  readonly key: Key;
  readonly claims: TokenClaims;
}

// A native token is self-contained, so that any node reads it without asking anybody, and encrypted rather than only signed:
// people choose it over a JWT because its holder cannot read what it permits. The layout after `<appId>.`, in base64url, is
//   version (1) · length of keyId (1) · keyId · salt (16) · AES-256-GCM of the claims · its tag (16)
// Cipher key and iv are derived by HKDF from the key's secret with the salt of this one token, so no iv is ever used twice
// under one key, however many tokens are issued. The name of the key goes into the derivation too: a token made for one key
// opens under no other, even if their secrets are alike, and nothing of what stays readable can be changed.
const version = 1;
const saltLength = 16;
const tagLength = 16;

/** A native token: `<appId>.` and text that looks random, under 343 characters unless its capability or clientId is long. */
export function issueToken(key: Key, claims: TokenClaims): string {
  const [appId = '', keyId = ''] = key.name.split('.');
  const id = Buffer.from(keyId);
  const head = Buffer.concat([Buffer.from([version, id.length]), id, randomBytes(saltLength)]);
  const { cipherKey, iv } = derive(key, head.subarray(-saltLength));
  const cipher = createCipheriv('aes-256-gcm', cipherKey, iv);
  const body = Buffer.concat([cipher.update(writeClaims(claims)), cipher.final()]);
  return `${appId}.${Buffer.concat([head, body, cipher.getAuthTag()]).toString('base64url')}`;
}

/** Opens a native token; throws 40005 for a text that cannot be one, and 40143 for one that none of our keys has issued. */
export function openToken(apps: Apps, token: string): OpenedToken {
  const [appId = '', text = '', ...rest] = token.split('.');
  const bytes = Buffer.from(text, 'base64url');
  // Decoding is lenient about what does not belong; a token has one spelling.
  if (appId === '' || text === '' || rest.length > 0 || bytes.toString('base64url') !== text) {
    throw errors.badCredentials('token is neither an Ably token nor a JWT');
  }
  const headLength = 2 + (bytes[1] ?? 0) + saltLength;
  const { app, key } = findKey(apps, `${appId}.${bytes.subarray(2, headLength - saltLength)}`);
  if (bytes[0] !== version || bytes.length < headLength + tagLength || !app || !key) throw errors.tokenNotRecognised();
  return { app, key, claims: readClaims(decrypt(key, bytes.subarray(0, headLength), bytes.subarray(headLength))) };
}

function decrypt(key: Key, head: Buffer, sealed: Buffer): string {
  const { cipherKey, iv } = derive(key, head.subarray(-saltLength));
  const decipher = createDecipheriv('aes-256-gcm', cipherKey, iv, { authTagLength: tagLength });
  decipher.setAuthTag(sealed.subarray(-tagLength));
  try {
    return decipher.update(sealed.subarray(0, -tagLength), undefined, 'utf8') + decipher.final('utf8');
  } catch {
    throw errors.tokenNotRecognised();
  }
}

function derive(key: Key, salt: Buffer) {
  const derived = Buffer.from(hkdfSync('sha256', key.secret, salt, `parvis token ${key.name}`, 44));
  return { cipherKey: derived.subarray(0, 32), iv: derived.subarray(32) };
}

/** The small claims as JSON, a line feed, which JSON never holds, and the capability as it is: quoting it would lengthen it. */
function writeClaims({ issuedAt, expiresAt, clientId = null, revocationKey, capability }: WrittenClaims): string {
  const small = [issuedAt, expiresAt - issuedAt, clientId, revocationKey];
  return `${JSON.stringify(revocationKey === undefined ? small.slice(0, 3) : small)}\n${capability}`;
}

type WrittenClaims = Omit<TokenClaims, 'clientId'> & { readonly clientId?: string | null | undefined };

/** The text has been authenticated, so it is what `writeClaims` wrote. */
function readClaims(text: string): TokenClaims {
  const end = text.indexOf('\n');
  const [issuedAt, ttl, clientId, revocationKey] = JSON.parse(text.slice(0, end)) as [
    number,
    number,
    string | null,
    string?,
  ];
  return {
    issuedAt,
    expiresAt: issuedAt + ttl,
    clientId: clientId ?? undefined,
    capability: text.slice(end + 1),
    ...(revocationKey === undefined ? {} : { revocationKey }),
  };
}
