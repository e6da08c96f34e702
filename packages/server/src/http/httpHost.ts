import type { IncomingMessage } from 'node:http';
import type { App, Apps } from '../access/app.ts';
import type { Authenticator, Principal } from '../access/principal.ts';
import type { Revocation } from '../access/revocations.ts';
import type { TokenDetails, TokenQuery } from '../access/tokenRequests.ts';
import type { Channels } from '../channel/channels.ts';
import type { Stats } from '../channel/stats.ts';
import type { Clock } from '../clock.ts';
import type { Limits } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import type { Meter } from '../observe/meter.ts';
import type { PublisherRates } from './publisherRates.ts';
import type { Sandbox } from './sandbox.ts';

/** What HTTP needs of its server. One object, shared by all requests. */
export interface HttpHost {
  readonly apps: Pick<Apps, 'get'>;
  readonly authenticator: Authenticator;
  readonly channels: Channels;
  readonly stats: Stats;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  readonly meter: Meter;
  /** ms that a client may take nothing of its reply. */
  readonly writeTimeoutMs: number;
  /** Name of this node, for `X-Ably-ServerId`. */
  readonly serverId: string;
  /** What each key and token publishes over HTTP. */
  readonly publisherRates: PublisherRates;
  /** Development only: `_forceNack=true` rejects a publish. */
  readonly testHooks: boolean;
  /** Development only: apps that test suites make for themselves. */
  readonly sandbox?: Sandbox;
  /** Answers a token request; rejects with an ErrorInfo. */
  requestToken(query: TokenQuery): Promise<TokenDetails>;
  /** Revokes tokens of an app on all nodes; resolves when that is stored. */
  revoke(app: App, revocations: readonly Revocation[]): Promise<void>;
  /** Whether the request came over TLS, or a proxy we trust says so. */
  secure(request: IncomingMessage): boolean;
  /** Whether a browser page of this origin, `null` included, may talk to us. */
  originAllowed(origin: string): boolean;
  /** The connection that a connection key stands for, if this principal may publish on its behalf. */
  connectionIdOf(connectionKey: string, principal: Principal): string | undefined;
}
