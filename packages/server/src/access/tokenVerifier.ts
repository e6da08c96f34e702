import { createHash } from 'node:crypto';
import {
  badSignature,
  Capability,
  type ChannelClaims,
  checkEmbedding,
  decodeJwt,
  embeddedToken,
  type Identity,
  type LockRights,
  maxTokenLength,
  readJwtClaims,
  resemblesJwt,
  signedJwt,
} from '@parvis/auth';
import { errors } from '@parvis/protocol';
import type { App, Apps, Key } from './app.ts';
import { BoundedCache } from './boundedCache.ts';
import { macsEqual } from './constantTime.ts';
import { findKey, macOf } from './keys.ts';
import { openToken } from './tokens.ts';

/** What a token that is good now gives its bearer. */
export interface VerifiedToken {
  readonly app: App;
  readonly key: Key;
  readonly clientId: Identity;
  /** That of the key, narrowed by the token's; never empty. */
  readonly capability: Capability;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly revocationKey?: string | undefined;
  readonly userClaims?: ChannelClaims<string> | undefined;
  readonly publishRates?: ChannelClaims<number> | undefined;
  readonly lockRights?: LockRights | undefined;
}

/** Longest text that is remembered, so that the number of entries bounds the memory. */
const maxCachedLength = 4_096;
const maxCapabilitiesPerKey = 1_000;

/**
 * Tells what a token is good for: native tokens, JWTs, and either inside a JWT of the application's own. Good ones are
 * remembered by their hash until they expire, and equal capabilities are shared, so that thousands of connections hold one.
 */
export class TokenVerifier {
  readonly #apps: Apps;
  readonly #verified: BoundedCache<VerifiedToken>;
  readonly #capabilities = new WeakMap<Key, BoundedCache<Capability>>();

  constructor(apps: Apps, cacheSize: number) {
    this.#apps = apps;
    this.#verified = new BoundedCache(cacheSize);
  }

  /** Throws 40003, 40005, 40012, 40101, 40142 to 40144, 40160 or 40400 for what is not good at `now` (ms since the epoch). */
  verify(token: string, now: number): VerifiedToken {
    if (token.length > maxCachedLength) return this.#check(token, now, true);
    const hash = tokenHash(token);
    const known = this.#verified.get(hash);
    if (known && known.expiresAt > now && this.#apps.get(known.app.id) === known.app) return known;
    this.#verified.delete(hash);
    const fresh = this.#check(token, now, true);
    this.#verified.set(hash, fresh);
    return fresh;
  }

  #check(token: string, now: number, mayEmbed: boolean): VerifiedToken {
    if (token.length > maxTokenLength) throw errors.badCredentials('token is too long');
    return isJwt(token) ? this.#checkJwt(token, now, mayEmbed) : this.#checkNative(token, now);
  }

  #checkNative(token: string, now: number): VerifiedToken {
    const { app, key, claims } = openToken(this.#apps, token);
    if (claims.expiresAt <= now) throw errors.tokenExpired();
    return { app, key, ...claims, capability: granted(this.#narrowed(key, claims.capability)) };
  }

  #checkJwt(token: string, now: number, mayEmbed: boolean): VerifiedToken {
    const decoded = decodeJwt(token);
    const embedded = embeddedToken(decoded, now);
    if (embedded) {
      if (!mayEmbed) throw errors.badJwt('the token inside it holds yet another');
      const inner = this.#check(embedded.token, now, false);
      checkEmbedding(embedded, inner.expiresAt);
      return { ...inner, expiresAt: embedded.outerExpiresAt ?? inner.expiresAt };
    }
    const { keyName, payload, signedText, signature } = signedJwt(decoded);
    const { app, key } = findKey(this.#apps, keyName);
    if (!app || !key) throw errors.notFound('key of the JWT');
    if (!macsEqual(signature, macOf(key, signedText))) throw badSignature();
    const parseCapability = (source: unknown) => this.#narrowed(key, source);
    const claims = readJwtClaims(payload, { now, revocableTokens: key.revocableTokens, parseCapability });
    const { clientId, issuedAt, expiresAt, revocationKey, userClaims, publishRates, lockRights } = claims;
    const capability = granted(claims.capability ?? key.capability);
    return { app, key, clientId, capability, issuedAt, expiresAt, revocationKey, userClaims, publishRates, lockRights };
  }

  /** The capability of a key narrowed by one that a token claims, possibly to nothing. Throws 40000. */
  #narrowed(key: Key, source: unknown): Capability {
    const text = typeof source === 'string' ? source : JSON.stringify(source);
    const cache = this.#capabilities.get(key) ?? new BoundedCache<Capability>(maxCapabilitiesPerKey);
    this.#capabilities.set(key, cache);
    const known = cache.get(text);
    if (known) return known;
    const narrowed = key.capability.intersect(Capability.parse(source));
    if (text.length <= maxCachedLength) cache.set(text, narrowed);
    return narrowed;
  }
}

/** What stands for a token where it is remembered: short, whatever its length, and of no use to anybody. */
export function tokenHash(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}

function isJwt(token: string): boolean {
  if (resemblesJwt(token)) return true;
  const dots = token.split('.').length - 1;
  return dots === 2 || dots === 4;
}

function granted(capability: Capability): Capability {
  if (capability.isEmpty) throw errors.capabilityEmpty();
  return capability;
}
