import type { Capability, ChannelClaims, LockRights } from '@parvis/auth';
import type { App, Key } from './app.ts';

/** Who a connection or a request acts for, and what it may do. A value: never changed, only replaced by a renewal. */
export interface Principal {
  readonly app: App;
  readonly key: Key;
  /** A name: acts as that client. `*`: may act as any. Undefined: anonymous. */
  readonly clientId: string | undefined;
  /** That of the key, narrowed by the token's. */
  readonly capability: Capability;
  readonly method: 'key' | 'token';
  /** ms since the epoch; undefined never expires. */
  readonly expiresAt?: number | undefined;
  readonly issuedAt?: number | undefined;
  readonly revocationKey?: string | undefined;
  /** The clientId that the token itself names, where it is another: `*`. */
  readonly tokenClientId?: string | undefined;
  /** What the issuer of the JWT vouches for about this client: `extras.userClaim` of all that it sends on the channel. */
  readonly userClaims?: ChannelClaims<string> | undefined;
  /** Messages a second that one attachment may publish on a channel, by the JWT (42911). */
  readonly publishRates?: ChannelClaims<number> | undefined;
  /** Where it may take locks by force, by the JWT or by the key. */
  readonly lockRights?: LockRights | undefined;
}

/** What a client showed. At most one of `key` and `token`. */
export interface Credentials {
  readonly key?: string;
  readonly token?: string;
  /** The `clientId` of the connect request or the X-Ably-ClientId header. */
  readonly clientId?: string;
  /** Whether it came over TLS, or a proxy we trust says so. */
  readonly secure: boolean;
  /** Codes for an unknown key differ (protocol reference 5.1). */
  readonly via: 'realtime' | 'rest';
}

/**
 * Tells who someone is. What is signed with one of our keys is answered at once, unless what is revoked must be learnt first;
 * a token of another issuer may have to wait for the issuer's public keys.
 */
export interface Authenticator {
  /**
   * Throws an ErrorInfo: 40101, 40102, 40103, 40003, 40005, 40012, 4014x, 40160 or 40400. A token that goes on failing over REST
   * within a second gets 40101 in place of 4014x, which clients would answer with another try. The promise rejects alike, also
   * with 50003 or 50004 while the keys of an issuer, or what is revoked, cannot be had.
   */
  authenticate(credentials: Credentials): Principal | Promise<Principal>;
  /**
   * A new token for a living connection: same app, key lineage and clientId, or throws 40102; for a bad token as `authenticate`.
   * The clientId of the connection stays. One that began with the key and no clientId may go on with an anonymous token.
   */
  renew(principal: Principal, token: string, secure: boolean): Principal | Promise<Principal>;
}
