import { connectIdentity, type Identity, parseKey } from '@parvis/auth';
import { ErrorInfo, errors, isTokenError } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import type { Apps } from './app.ts';
import { secretsEqual } from './constantTime.ts';
import type { Issuers } from './issuers.ts';
import { findKey } from './keys.ts';
import type { Authenticator, Credentials, Principal } from './principal.ts';
import { RepeatGuard } from './repeatGuard.ts';
import type { RevocationCheck } from './tokenHolders.ts';
import { TokenVerifier, tokenHash, type VerifiedToken } from './tokenVerifier.ts';

/** What an authenticator needs. */
export interface AuthenticatorOptions {
  readonly apps: Apps;
  readonly clock: Pick<Clock, 'now'>;
  /** Refuses keys that come in without TLS with 40103; default no. */
  readonly requireTls?: boolean;
  /** How many good tokens are remembered; default 10 000. */
  readonly cacheSize?: number;
  /** How often one bad token gets its own code within a second over REST; default 4. */
  readonly maxRepeats?: number;
  /** Which tokens are revoked; none unless told. */
  readonly revocations?: RevocationCheck;
  /** Whose tokens are taken beside those of our keys; nobody's unless told. */
  readonly issuers?: Pick<Issuers, 'verify'>;
  /** How secrets are compared; a test puts itself in between. */
  readonly compareSecrets?: (given: string, expected: string | undefined) => boolean;
}

/** An authenticator of keys, native tokens, JWTs and tokens of other issuers over the apps of this node (protocol reference 5.1, 5.3, 5.6). */
export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { apps, clock, issuers, revocations } = options;
  const verifier = new TokenVerifier(apps, options.cacheSize ?? 10_000);
  const guard = new RepeatGuard(options.maxRepeats ?? 4);
  const authenticateKey = keyCheck(options);
  return {
    authenticate(credentials) {
      const { key, token } = credentials;
      if (key !== undefined && token !== undefined) throw errors.badCredentials('send either an API key or a token');
      if (key !== undefined) return authenticateKey(key, credentials);
      if (token === undefined) throw errors.invalidCredentials('no credentials; send an API key or a token');
      return guarded(guard, token, credentials, clock.now(), () =>
        judged(token, ({ clientId }) => connectIdentity(clientId, credentials.clientId, credentials.via)),
      );
    },
    renew: (principal, token) => judged(token, (verified) => renewedIdentity(principal, verified)),
  };

  /** Who bears a token that is good and not revoked, under the identity it comes to. */
  function judged(token: string, identify: (verified: VerifiedToken) => Identity): Principal | Promise<Principal> {
    const verified = issuers?.verify(token) ?? verifier.verify(token, clock.now());
    if (!(verified instanceof Promise)) return unrevoked(bearerOf(verified, identify(verified)));
    return verified.then((found) => unrevoked(bearerOf(found, identify(found))));
  }

  function unrevoked(principal: Principal): Principal | Promise<Principal> {
    const isRevoked = revocations?.isRevoked(principal) ?? false;
    if (isRevoked === false) return principal;
    if (isRevoked === true) throw errors.tokenRevoked();
    return isRevoked.then((revoked) => {
      if (revoked) throw errors.tokenRevoked();
      return principal;
    });
  }
}

function renewedIdentity(principal: Principal, { app, key, clientId }: VerifiedToken): Identity {
  if (app.id !== principal.app.id || key.name !== principal.key.name) {
    throw errors.incompatibleCredentials('the new token is of another app or key than the connection');
  }
  if (!continues(principal, clientId)) {
    throw errors.incompatibleCredentials('the new token has another clientId than the connection');
  }
  return principal.clientId;
}

/** Compares a secret before it tells anything, also where there is no such key to compare with. */
function keyCheck({ apps, requireTls = false, compareSecrets = secretsEqual }: AuthenticatorOptions) {
  return (text: string, { secure, via, clientId }: Credentials): Principal => {
    if (requireTls && !secure) throw errors.plaintextKey();
    const { name, secret } = parseKey(text);
    const { app, key } = findKey(apps, name);
    const isRight = compareSecrets(secret, key?.secret);
    if (app && !key && via === 'rest') throw errors.notFound('API key', 401);
    if (!app || !key || !isRight) throw errors.invalidCredentials('API key is not valid');
    const { capability, lockRights } = key;
    return { app, key, clientId: connectIdentity('*', clientId, via), capability, method: 'key', lockRights };
  };
}

function bearerOf(token: VerifiedToken, identity: Identity): Principal {
  return {
    app: token.app,
    key: token.key,
    clientId: identity,
    capability: token.capability,
    method: 'token',
    expiresAt: token.expiresAt,
    issuedAt: token.issuedAt,
    revocationKey: token.revocationKey,
    tokenClientId: token.clientId === identity ? undefined : token.clientId,
    userClaims: token.userClaims,
    publishRates: token.publishRates,
    lockRights: token.lockRights,
  };
}

/** Whether a token for that clientId carries on the identity of a connection. A wildcard token may act as its name. */
function continues({ clientId, method }: Principal, ofToken: Identity): boolean {
  if (clientId === ofToken) return true;
  if (clientId === '*') return method === 'key' && ofToken === undefined;
  return clientId !== undefined && ofToken === '*';
}

/** Turns the token error of a token that keeps coming back into one that clients do not answer with the same token again. */
function guarded(
  guard: RepeatGuard,
  token: string,
  { via }: Credentials,
  now: number,
  run: () => Principal | Promise<Principal>,
): Principal | Promise<Principal> {
  const refuse = (thrown: unknown): never => {
    const isToken = via === 'rest' && thrown instanceof ErrorInfo && isTokenError(thrown.code);
    if (isToken && guard.isExcessive(tokenHash(token), now)) {
      throw errors.invalidCredentials(`the same token came again and again: ${thrown.message}`);
    }
    throw thrown;
  };
  try {
    const found = run();
    return found instanceof Promise ? found.catch(refuse) : found;
  } catch (thrown) {
    return refuse(thrown);
  }
}
