import {
  Capability,
  clockSkewMs,
  type Identity,
  maxTtlMs,
  type TokenRequestFields,
  tokenClientId,
  tokenRequestText,
} from '@parvis/auth';
import { errors } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import type { Apps, Key } from './app.ts';
import { macsEqual } from './constantTime.ts';
import { findKey, macOf } from './keys.ts';
import type { Principal } from './principal.ts';
import { checkTimestamp, isAbsent, readFields, readNonce, readTtl } from './tokenRequestFields.ts';
import { issueToken } from './tokens.ts';

/** Remembers nonces for all nodes. */
export interface NonceStore {
  /** Resolves with whether the nonce was new to the app, and remembers it for that many ms. Of two at once one wins. */
  claim(appId: string, nonce: string, forMs: number): Promise<boolean>;
}

/** A native token and what it gives, as clients know it (TD1). */
export interface TokenDetails {
  readonly token: string;
  readonly keyName: string;
  /** ms since the epoch */
  readonly issued: number;
  /** ms since the epoch */
  readonly expires: number;
  /** Canonical JSON text. */
  readonly capability: string;
  readonly clientId?: string;
}

/** `POST /keys/{keyName}/requestToken`, without its HTTP. */
export interface TokenQuery {
  /** Of the path, decoded. */
  readonly keyName: string;
  /** The parsed JSON, of which nothing is known yet. */
  readonly body: unknown;
  /** Who sent it, if it came with credentials of its own: then it need not be signed. */
  readonly principal?: Principal;
}

/** What answering token requests needs. */
export interface TokenRequestsOptions {
  readonly apps: Apps;
  readonly nonces: NonceStore;
  readonly clock: Pick<Clock, 'now'>;
}

/** Longer than a signed request is good for, whatever the clock of whoever signed it. */
const nonceMemoryMs = 2 * clockSkewMs + 60_000;

/**
 * Answers token requests with native tokens (protocol reference 5.2). Rejects with 40001 for a body that is no request, 40003 for
 * a bad ttl, timestamp or nonce, 40012 for a bad clientId, 40000 for a bad capability, 40101 for a bad mac or none, 40102 for a
 * clientId that the sender's token does not give, 40104 and 40105 for a stale or repeated request, 40160 when nothing is left of
 * the capability, 40400 for an unknown key.
 */
export function createTokenRequests(options: TokenRequestsOptions) {
  const { apps, nonces, clock } = options;
  return async function requestToken({ keyName, body, principal }: TokenQuery): Promise<TokenDetails> {
    const fields = readFields(body);
    const key = requireKey(apps, keyName);
    const now = clock.now();
    const ttl = readTtl(fields.ttl, maxTtlMs(key.revocableTokens));
    const sender = requireSender(key, fields, principal);
    const clientId = grantedClientId(sender, tokenClientId(fields.clientId));
    const capability = grantedCapability(key, sender, fields.capability);
    checkTimestamp(fields, now);
    const nonce = readNonce(fields);
    if (nonce !== undefined && !(await nonces.claim(appIdOf(key), `${key.name}:${nonce}`, nonceMemoryMs))) {
      throw errors.nonceReplayed();
    }
    return issue(key, { issuedAt: now, ttl, clientId, capability, sender });
  };
}

function requireKey(apps: Apps, keyName: string): Key {
  const { app, key } = findKey(apps, keyName);
  if (!app) throw errors.invalidCredentials('API key is not valid');
  if (!key) throw errors.notFound('API key', 401);
  return key;
}

/** Undefined for the holder of the key, who signed; else whoever sent a request without a signature, by that key or its token. */
function requireSender(key: Key, fields: TokenRequestFields, principal: Principal | undefined): Principal | undefined {
  if (!isAbsent(fields.mac)) {
    // The signature covers text only; a map would be a wish that nobody signed.
    if (typeof fields.capability === 'object' && fields.capability !== null)
      throw errors.badParameter('capability', 'JSON text in a signed request');
    const mac = typeof fields.mac === 'string' ? Buffer.from(fields.mac, 'base64') : Buffer.alloc(0);
    const isSigned = fields.keyName === key.name && macsEqual(mac, macOf(key, tokenRequestText(fields)));
    if (!isSigned) throw errors.invalidCredentials('mac of the token request is not valid');
    return undefined;
  }
  if (fields.keyName !== undefined && fields.keyName !== key.name) {
    throw errors.invalidCredentials('keyName of the token request is not that of the path');
  }
  if (!principal) throw errors.invalidCredentials('token request is not signed');
  if (principal.key.name !== key.name) throw errors.invalidCredentials('credentials are of another API key');
  return principal.method === 'token' ? principal : undefined;
}

/** A token makes tokens for the client it is for, and for no other. */
function grantedClientId(sender: Principal | undefined, asked: Identity): Identity {
  if (!sender || sender.clientId === '*') return asked;
  if (asked !== undefined && asked !== sender.clientId) {
    throw errors.incompatibleCredentials('clientId does not fit that of the token that asks');
  }
  return sender.clientId;
}

function grantedCapability(key: Key, sender: Principal | undefined, asked: unknown): Capability {
  const held = sender?.capability ?? key.capability;
  const granted = isAbsent(asked) ? held : held.intersect(Capability.parse(asked));
  if (granted.isEmpty) throw errors.capabilityEmpty();
  return granted;
}

interface Grant {
  readonly issuedAt: number;
  readonly ttl: number;
  readonly clientId: Identity;
  readonly capability: Capability;
  readonly sender: Principal | undefined;
}

function issue(key: Key, { issuedAt, ttl, clientId, capability, sender }: Grant): TokenDetails {
  // A token that could make longer-lived ones would never end.
  const expiresAt = Math.min(issuedAt + ttl, sender?.expiresAt ?? Number.POSITIVE_INFINITY);
  const revocation = sender?.revocationKey === undefined ? {} : { revocationKey: sender.revocationKey };
  const claims = { issuedAt, expiresAt, clientId, capability: capability.text, ...revocation };
  const identity = clientId === undefined ? {} : { clientId };
  const token = issueToken(key, claims);
  // All that the key may do is told as it was told of the key (spec RSA6).
  const text = capability === key.capability ? key.capabilityText : capability.text;
  return { token, keyName: key.name, issued: issuedAt, expires: expiresAt, capability: text, ...identity };
}

function appIdOf(key: Key): string {
  return key.name.slice(0, key.name.indexOf('.'));
}
