import { errors } from '@parvis/protocol';
import type { DecodedJwt } from './jwt.ts';

/** A token that travels inside a JWT of the application's own. */
export interface EmbeddedToken {
  readonly token: string;
  /** ms since the epoch, if the outer token can be read and says so. The inner one must not expire before. */
  readonly outerExpiresAt?: number;
}

const claim = 'x-ably-token';

/**
 * The Ably token or JWT inside an outer JWT: in its header, or in its payload when that is not encrypted. The outer signature
 * is the application's business and not looked at. Undefined if nothing is embedded; throws 40142 when the outer token has
 * expired and 40144 when what it embeds, or its `exp`, is malformed.
 */
export function embeddedToken({ header, payload }: DecodedJwt, now: number): EmbeddedToken | undefined {
  const token = header[claim] ?? payload?.[claim];
  if (token === undefined) return undefined;
  if (typeof token !== 'string' || token === '') throw errors.badJwt(`${claim} must be a token`);
  const exp = payload?.exp;
  if (exp === undefined) return { token };
  if (typeof exp !== 'number' || !Number.isFinite(exp)) throw errors.badJwt('exp must be given in seconds');
  const outerExpiresAt = Math.floor(exp * 1_000);
  if (outerExpiresAt <= now) throw errors.tokenExpired();
  return { token, outerExpiresAt };
}

/** Throws 40144 if the outer token would outlive the one inside it. */
export function checkEmbedding({ outerExpiresAt }: EmbeddedToken, innerExpiresAt: number): void {
  if (outerExpiresAt !== undefined && outerExpiresAt > innerExpiresAt) {
    throw errors.badJwt('exp of the outer token is later than the expiry of the token inside it');
  }
}
