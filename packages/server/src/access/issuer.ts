/** How tokens may be signed by an issuer that is not one of our keys: with a private key of its own, never with a shared secret. */
export const issuerAlgorithms = ['RS256', 'ES256', 'EdDSA'] as const;

export type IssuerAlgorithm = (typeof issuerAlgorithms)[number];

/** Somebody whose JWTs are taken as tokens of one of our keys, such as Auth0, Firebase or Cognito. */
export interface IssuerOptions {
  /** `iss` of its tokens, exactly. */
  readonly issuer: string;
  /** Where its public keys are: an https URL of a JSON Web Key Set. Nothing in a token has a say in it. */
  readonly jwks: string;
  /** Name of the API key that its tokens are tokens of: `appId.keyId`. They may do no more than the key may. */
  readonly key: string;
  /** Default RS256 alone. */
  readonly algorithms?: readonly IssuerAlgorithm[];
  /** What `aud` must name at least one of; not looked at if there is none. */
  readonly audience?: readonly string[];
  /** Where the clientId stands: the name of a claim, or a path such as `user.id`. Default `sub`; a token without it is refused. */
  readonly clientIdClaim?: string;
  /** Put before the clientId, so that clients of several issuers do not meet. */
  readonly clientIdPrefix?: string;
  /** Where the capability stands, as JSON text or a map. */
  readonly capabilityClaim?: string;
  /** What a token may do that does not say; default all that the key may, but nothing where `capabilityClaim` is set. */
  readonly capability?: unknown;
  /** Where the revocation key stands. */
  readonly revocationKeyClaim?: string;
  /** Longest time from `iat` to `exp`, ms; at most a day, and an hour if tokens of the key are revocable. */
  readonly maxLifetimeMs?: number;
}

/** What stands at the name of a claim or else, taken apart at the dots, at its path; undefined if nothing does. */
export function claimAt(claims: Readonly<Record<string, unknown>>, path: string): unknown {
  // Claims of an application are often named by a URL, whose dots are no path.
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
