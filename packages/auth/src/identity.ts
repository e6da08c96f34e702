import { type ErrorInfo, errors } from '@parvis/protocol';

/**
 * The clientId of a connection or request: a name acts as that client, `*` as any, and undefined is anonymous.
 * A key without clientId counts as `*`; a token without one is anonymous.
 */
export type Identity = string | undefined;

/** Where credentials came in: it decides between codes that Ably does not keep the same. */
export type Via = 'realtime' | 'rest';

/** Whether a value can be the name of a client: a string that is neither empty nor `*` and holds no line break. */
export function isClientName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value !== '*' && !/[\r\n]/.test(value);
}

/** A `clientId` of a token claim or token request: a name, `*`, or absent (null too); throws 40012 for anything else. */
export function tokenClientId(value: unknown): Identity {
  if (value === undefined || value === null) return undefined;
  if (value === '*' || isClientName(value)) return value;
  throw errors.badClientId('clientId of a token must be a non-empty string without line breaks, or *');
}

/**
 * The identity of a connection or request, from that of its credentials and the `clientId` it asks for (RSA7, RSA15).
 * The literal `null` is what clients send for none. Throws 40012 for an impossible name and 40102 (40012 over REST) for
 * a name that the credentials do not give.
 */
export function connectIdentity(credential: Identity, requested: string | undefined, via: Via = 'realtime'): Identity {
  if (requested === undefined || requested === 'null') return credential;
  if (!isClientName(requested)) {
    throw errors.badClientId('clientId must be neither empty nor * and hold no line break; leave it out to have none');
  }
  if (credential === '*' || credential === requested) return requested;
  const what = 'clientId does not fit that of the credentials';
  throw via === 'rest' ? errors.badClientId(what, 401) : errors.incompatibleCredentials(what);
}

/**
 * The clientId that a published message bears (RSL1g, RTL6g): that of an identified publisher, whatever a wildcard one gives,
 * or none. Throws 40012 for another's, or for any from an anonymous one.
 */
export function messageClientId(identity: Identity, given: unknown): string | undefined {
  const isWildcard = identity === '*';
  if (given === undefined || given === null) return isWildcard ? undefined : identity;
  return actedAs(identity, given);
}

/**
 * The clientId of a presence member (RTP8, RTP14): as for messages, but there must be one. Throws 91000 where there is none,
 * as for any anonymous connection, and 40012 for another's.
 */
export function presenceClientId(identity: Identity, given: unknown): string {
  if (identity === undefined) throw errors.presenceNoClientId();
  if (given !== undefined && given !== null) return actedAs(identity, given);
  if (identity === '*') throw errors.presenceNoClientId();
  return identity;
}

function actedAs(identity: Identity, given: unknown): string {
  if (!isClientName(given)) throw invalidName();
  if (identity === '*' || identity === given) return given;
  throw errors.badClientId('clientId is not that of the connection; only a key or a wildcard token may act for others');
}

function invalidName(): ErrorInfo {
  return errors.badClientId('clientId must be a non-empty string, not *, without line breaks');
}
