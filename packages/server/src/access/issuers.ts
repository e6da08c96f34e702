import { badSignature, Capability, decodeJwt, isClientName, readJwtClaims, resemblesJwt } from '@parvis/auth';
import { errors } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import type { App, Apps, Key } from './app.ts';
import { BoundedCache } from './boundedCache.ts';
import { claimAt, type IssuerAlgorithm, type IssuerOptions } from './issuer.ts';
import { type FetchText, type IssuerKey, IssuerKeys, type VerifyKey } from './issuerKeys.ts';
import { findKey } from './keys.ts';
import { tokenHash, type VerifiedToken } from './tokenVerifier.ts';

/** What tokens of other issuers are checked with. */
export interface IssuersOptions {
  readonly issuers: readonly IssuerOptions[];
  readonly apps: Apps;
  readonly clock: Clock;
  /** Development only: public keys may come over http from this machine. */
  readonly insecure?: boolean;
  /** How many good tokens are remembered; default 10 000. */
  readonly cacheSize?: number;
  readonly fetchText?: FetchText;
  /** The public keys of an issuer could not be fetched. */
  readonly report?: (failure: unknown, issuer: string) => void;
}

/** An issuer with all that its options come to. */
interface Issuer {
  readonly options: IssuerOptions;
  readonly app: App;
  readonly key: Key;
  readonly keys: IssuerKeys;
  readonly algorithms: readonly IssuerAlgorithm[];
  /** For a token that names none; undefined refuses it. */
  readonly capability: Capability | undefined;
}

interface Remembered {
  readonly issuer: Issuer;
  readonly signer: IssuerKey;
  readonly verified: VerifiedToken;
}

/** Longest text that is remembered, so that the number of entries bounds the memory. */
const maxCachedLength = 4_096;
const maxHeaderLength = 8_192;

/**
 * Takes JWTs that configured issuers have signed for tokens of one of our keys. Which issuer it is says `iss`; which keys, where
 * they come from and which algorithms are good says the configuration alone.
 */
export class Issuers {
  readonly #byName = new Map<string, Issuer>();
  readonly #clock: Clock;
  readonly #verified: BoundedCache<Remembered>;

  /** Throws 40003 for an issuer that is configured twice, has no key of ours or would be asked for its keys in the clear. */
  constructor(options: IssuersOptions) {
    this.#clock = options.clock;
    this.#verified = new BoundedCache(options.cacheSize ?? 10_000);
    for (const each of options.issuers) {
      if (this.#byName.has(each.issuer)) throw errors.badParameter('issuers', `${each.issuer} is configured twice`);
      this.#byName.set(each.issuer, issuerOf(each, options));
    }
  }

  /**
   * What a token of one of the issuers gives its bearer; undefined for any other text, about which nothing is said. Throws or
   * rejects with 40003, 40012, 40101, 40142, 40144, 40160, or 50004 while the keys of the issuer cannot be had.
   */
  verify(token: string): VerifiedToken | Promise<VerifiedToken> | undefined {
    const alg = algorithmOf(token);
    if (alg === undefined || alg === 'HS256') return undefined;
    const hash = token.length <= maxCachedLength ? tokenHash(token) : undefined;
    const known = hash === undefined ? undefined : this.#remembered(hash);
    if (known !== undefined) return known;
    const { header, payload = {} } = decodeJwt(token);
    const issuer = typeof payload.iss === 'string' ? this.#byName.get(payload.iss) : undefined;
    // What carries an Ably token is a wrapper, whoever made it.
    if (issuer === undefined || 'x-ably-token' in header || 'x-ably-token' in payload) return undefined;
    return this.#check(issuer, token, header, payload, hash);
  }

  #remembered(hash: string): VerifiedToken | undefined {
    const known = this.#verified.get(hash);
    if (known === undefined) return undefined;
    const { issuer, signer, verified } = known;
    if (verified.expiresAt > this.#clock.now() && issuer.keys.isCurrent(signer)) return verified;
    this.#verified.delete(hash);
    return undefined;
  }

  async #check(
    issuer: Issuer,
    token: string,
    { alg, kid }: Claims,
    payload: Claims,
    hash: string | undefined,
  ): Promise<VerifiedToken> {
    const algorithm = issuer.algorithms.find((one) => one === alg);
    if (algorithm === undefined) throw errors.badJwt(`alg must be ${issuer.algorithms.join(' or ')}`);
    if (typeof kid !== 'string' || kid === '') throw errors.badJwt('kid must name a key of its issuer');
    const signer = await issuer.keys.find(kid, algorithm);
    await checkSignature(token, await issuer.keys.verifier(signer, algorithm), algorithm);
    const verified = readClaims(issuer, payload, this.#clock.now());
    if (hash !== undefined) this.#verified.set(hash, { issuer, signer, verified });
    return verified;
  }
}

type Claims = Readonly<Record<string, unknown>>;

/** `alg` of a text that looks like a JWT of three parts; undefined for any other. */
function algorithmOf(token: string): unknown {
  const end = resemblesJwt(token) ? token.indexOf('.') : -1;
  if (end < 0 || end > maxHeaderLength || token.split('.').length !== 3) return undefined;
  try {
    return (JSON.parse(Buffer.from(token.slice(0, end), 'base64url').toString()) as Claims).alg;
  } catch {
    return undefined;
  }
}

/** Loads what checks such signatures with the first of them: nobody else pays for it. */
async function checkSignature(token: string, key: VerifyKey, alg: IssuerAlgorithm): Promise<void> {
  const { compactVerify, errors: failures } = await import('jose');
  try {
    await compactVerify(token, key, { algorithms: [alg] });
  } catch (failure) {
    if (failure instanceof failures.JWSSignatureVerificationFailed) throw badSignature();
    throw errors.badJwt('its signature cannot be checked');
  }
}

/** The signature is good: what the token says counts, and no claim but those that are configured. */
function readClaims({ options, app, key, capability }: Issuer, payload: Claims, now: number): VerifiedToken {
  const { iat, exp, nbf, aud } = payload;
  const rules = { now, revocableTokens: key.revocableTokens };
  const { issuedAt, expiresAt } = readJwtClaims({ iat, exp, ...(nbf === undefined ? {} : { nbf }) }, rules);
  if (expiresAt - issuedAt > (options.maxLifetimeMs ?? Number.POSITIVE_INFINITY)) {
    throw errors.badParameter('exp', 'later than tokens of this issuer may live');
  }
  const { audience } = options;
  if (audience !== undefined && !(Array.isArray(aud) ? aud : [aud]).some((one) => audience.includes(one))) {
    throw errors.badJwt('aud is not us');
  }
  const granted = capabilityIn(payload, options, capability);
  const narrowed = key.capability.intersect(granted);
  if (narrowed.isEmpty) throw errors.capabilityEmpty();
  const revocationKey = revocationKeyIn(payload, options);
  return {
    app,
    key,
    clientId: clientIdIn(payload, options),
    capability: narrowed,
    issuedAt,
    expiresAt,
    ...(revocationKey === undefined ? {} : { revocationKey }),
  };
}

/** Never `*`, and never nobody: whoever may choose a name at the issuer is not to become everybody here. */
function clientIdIn(payload: Claims, { clientIdClaim = 'sub', clientIdPrefix = '' }: IssuerOptions): string {
  const id = claimAt(payload, clientIdClaim);
  if (!isClientName(id)) {
    throw errors.badClientId(`claim ${clientIdClaim} of the JWT must be a non-empty string without line breaks, not *`);
  }
  return clientIdPrefix + id;
}

function capabilityIn(
  payload: Claims,
  { capabilityClaim }: IssuerOptions,
  otherwise: Capability | undefined,
): Capability {
  const claim = capabilityClaim === undefined ? undefined : claimAt(payload, capabilityClaim);
  if (claim === undefined || claim === null) {
    if (otherwise !== undefined) return otherwise;
    throw errors.badJwt(`claim ${capabilityClaim} is missing`);
  }
  try {
    return Capability.parse(claim);
  } catch {
    throw errors.badJwt(`claim ${capabilityClaim} is not a capability`);
  }
}

function revocationKeyIn(payload: Claims, { revocationKeyClaim }: IssuerOptions): string | undefined {
  const value = revocationKeyClaim === undefined ? undefined : claimAt(payload, revocationKeyClaim);
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && value !== '') return value;
  throw errors.badJwt(`claim ${revocationKeyClaim} must be a non-empty string`);
}

function issuerOf(
  options: IssuerOptions,
  { apps, clock, insecure = false, fetchText, report }: IssuersOptions,
): Issuer {
  const { app, key } = findKey(apps, options.key);
  if (!app || !key)
    throw errors.badParameter('issuers', `${options.issuer} is of key ${options.key}, which there is not`);
  const { protocol, hostname } = new URL(options.jwks);
  if (protocol !== 'https:' && !(insecure && protocol === 'http:' && isLoopback(hostname))) {
    throw errors.badParameter('issuers', `jwks of ${options.issuer} must be an https URL`);
  }
  const { capability = options.capabilityClaim === undefined ? Capability.all : undefined } = options;
  return {
    options,
    app,
    key,
    keys: new IssuerKeys({
      url: options.jwks,
      clock,
      report: (failure) => report?.(failure, options.issuer),
      ...(fetchText === undefined ? {} : { fetchText }),
    }),
    algorithms: options.algorithms ?? ['RS256'],
    capability: capability === undefined ? undefined : Capability.parse(capability),
  };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
