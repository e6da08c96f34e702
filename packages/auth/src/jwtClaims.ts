import { errors } from '@parvis/protocol';
import { Capability } from './capability.ts';
import { ChannelClaims } from './channelClaims.ts';
import { type Identity, tokenClientId } from './identity.ts';
import { clockSkewMs, maxTtlMs } from './lifetime.ts';
import { LockRights } from './lockRights.ts';

/** What a JWT says, once its signature is known to be good. */
export interface JwtClaims {
  /** ms since the epoch */
  readonly issuedAt: number;
  /** ms since the epoch */
  readonly expiresAt: number;
  readonly clientId: Identity;
  /** Before it is narrowed by that of the key; undefined asks for all of it. */
  readonly capability: Capability | undefined;
  readonly revocationKey: string | undefined;
  /** `ably.channel.<resource>`: what the issuer vouches for about the client, by channel. */
  readonly userClaims: ChannelClaims<string> | undefined;
  /** `ably.limits.publish.perAttachment.maxRate.<resource>`: messages a second, by channel. */
  readonly publishRates: ChannelClaims<number> | undefined;
  /** `x-parvis-locks`: what the client may do about locks that others hold, by channel. */
  readonly lockRights: LockRights | undefined;
}

/** How `readJwtClaims` judges. */
export interface ClaimRules {
  /** ms since the epoch */
  readonly now: number;
  readonly revocableTokens: boolean;
  /** Reads the capability claim; a server may share equal ones here. Throws what it likes. */
  readonly parseCapability?: (source: unknown) => Capability;
}

type Payload = Readonly<Record<string, unknown>>;

const userClaimPrefix = 'ably.channel.';
const publishRatePrefix = 'ably.limits.publish.perAttachment.maxRate.';

/**
 * Reads and checks the claims of a JWT: 40142 when it has expired, 40003 when it would live too long, 40012 for an impossible
 * clientId, 40144 for any other claim that is missing or malformed.
 */
export function readJwtClaims(payload: Payload, rules: ClaimRules): JwtClaims {
  const { issuedAt, expiresAt } = readTimes(payload, rules);
  const isScoped = hasScopedClaims(payload);
  return {
    issuedAt,
    expiresAt,
    clientId: tokenClientId(payload['x-ably-clientId']),
    capability: readCapability(payload['x-ably-capability'], rules.parseCapability ?? Capability.parse),
    revocationKey: readRevocationKey(payload['x-ably-revocation-key']),
    userClaims: isScoped ? ChannelClaims.read(payload, userClaimPrefix, textOf) : undefined,
    publishRates: isScoped ? ChannelClaims.read(payload, publishRatePrefix, rateOf) : undefined,
    lockRights: readLockRights(payload['x-parvis-locks']),
  };
}

/** Whether there are claims that hold for some channels; most tokens have none. */
function hasScopedClaims(payload: Payload): boolean {
  for (const name in payload) if (name.startsWith('ably.')) return true;
  return false;
}

function readTimes({ iat, exp, nbf }: Payload, { now, revocableTokens }: ClaimRules) {
  if (!isTime(iat) || !isTime(exp)) throw errors.badJwt('iat and exp must be given in seconds');
  if (nbf !== undefined && !isTime(nbf)) throw errors.badJwt('nbf must be given in seconds');
  if (iat * 1_000 > now + clockSkewMs || (nbf ?? 0) * 1_000 > now + clockSkewMs) {
    throw errors.badJwt('iat or nbf lies in the future; check the clock of the issuer');
  }
  if (exp <= iat) throw errors.badJwt('exp must be later than iat');
  const [issuedAt, expiresAt] = [Math.floor(iat * 1_000), Math.floor(exp * 1_000)];
  if (expiresAt <= now) throw errors.tokenExpired();
  if (expiresAt - issuedAt > maxTtlMs(revocableTokens)) {
    throw errors.badParameter(
      'exp',
      revocableTokens ? 'tokens of this key live an hour at most' : 'at most 24 hours after iat',
    );
  }
  return { issuedAt, expiresAt };
}

function readCapability(claim: unknown, parse: (source: unknown) => Capability): Capability | undefined {
  if (claim === undefined || claim === null) return undefined;
  try {
    return parse(claim);
  } catch {
    throw errors.badJwt('x-ably-capability is not a capability');
  }
}

function readLockRights(claim: unknown): LockRights | undefined {
  if (claim === undefined || claim === null) return undefined;
  try {
    return LockRights.parse(claim);
  } catch {
    throw errors.badJwt('x-parvis-locks must be the JSON text of a map of channels to ["force"]');
  }
}

function readRevocationKey(claim: unknown): string | undefined {
  if (claim === undefined || claim === null) return undefined;
  if (typeof claim !== 'string' || claim === '')
    throw errors.badJwt('x-ably-revocation-key must be a non-empty string');
  return claim;
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function rateOf(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;
}
