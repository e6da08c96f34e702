import { errors } from '@parvis/protocol';
import type { Apps } from './access/app.ts';
import { createTokenRequests } from './access/tokenRequests.ts';
import { claimNonce } from './channel/nonces.ts';
import type { RevocationFeed } from './channel/revocationFeed.ts';
import type { Connection } from './connection/connection.ts';
import type { ConnectionKeys } from './connection/connectionKey.ts';
import type { Engine } from './engine/engine.ts';
import type { HttpHost } from './http/httpHost.ts';
import { PublisherRates } from './http/publisherRates.ts';
import { Sandbox } from './http/sandbox.ts';
import { originCheck } from './originCheck.ts';
import type { Settings } from './settings/settings.ts';
import { peerOf } from './transport/peer.ts';

/** A node, as much as HTTP has to do with it. */
export interface HttpNode {
  readonly channels: HttpHost['channels'];
  readonly stats: HttpHost['stats'];
  readonly connections: Iterable<Connection>;
  readonly parts: Pick<HttpHost, 'authenticator' | 'clock' | 'limits' | 'log' | 'meter' | 'serverId' | 'testHooks'> & {
    readonly apps: Apps;
    readonly revocations: Pick<RevocationFeed, 'revoke'>;
    readonly engine: Engine;
  };
}

/** What the REST API needs of its server. */
export function httpHostOf(node: HttpNode, settings: Settings, keys: ConnectionKeys): HttpHost {
  const { apps, authenticator, clock, engine, limits, log, meter, serverId, testHooks } = node.parts;
  const nonces = {
    claim: (appId: string, nonce: string, forMs: number) => claimNonce(engine, appId, nonce, forMs),
  };
  return {
    apps,
    authenticator,
    channels: node.channels,
    stats: node.stats,
    clock,
    limits,
    log,
    meter,
    serverId,
    testHooks,
    writeTimeoutMs: settings.requestTimeoutMs,
    publisherRates: new PublisherRates(limits.maxInboundRate),
    ...(settings.sandbox ? { sandbox: sandboxOf(node) } : {}),
    requestToken: createTokenRequests({ apps, nonces, clock }),
    revoke: (app, revocations) => node.parts.revocations.revoke(app, revocations),
    secure: (request) => peerOf(request, settings.trustProxy).secure,
    originAllowed: originCheck(settings.allowedOrigins),
    connectionIdOf(connectionKey, principal) {
      const check = keys.check(connectionKey, principal);
      if (check.kind === 'valid') return check.connectionId;
      // The key is ours and of the same API key: whoever may act as any client may act for this one.
      return check.kind === 'otherClient' && principal.clientId === '*' ? connectionKey.split('!')[0] : undefined;
    },
  };
}

function sandboxOf(node: HttpNode): Sandbox {
  const { apps, engine, clock, limits, log } = node.parts;
  return new Sandbox({
    apps,
    engine,
    channels: node.channels,
    clock,
    limits,
    log,
    endApp(appId) {
      for (const connection of [...node.connections]) {
        if (connection.principal.app.id === appId) connection.fail(errors.notFound('app'));
      }
      const failed = (failure: unknown) => log.error({ err: failure }, 'statistics could not be forgotten');
      node.stats.forget(appId).catch(failed);
    },
  });
}
