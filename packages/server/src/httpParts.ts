import { errors } from '@parvis/protocol';
import { createTokenRequests } from './access/tokenRequests.ts';
import { claimNonce } from './channel/nonces.ts';
import type { ConnectionKeys } from './connection/connectionKey.ts';
import type { HttpHost } from './http/httpHost.ts';
import { Sandbox } from './http/sandbox.ts';
import type { Node } from './node.ts';
import { originCheck } from './originCheck.ts';
import type { Settings } from './settings/settings.ts';
import { peerOf } from './transport/peer.ts';

/** What the REST API needs of a node. */
export function httpHostOf(node: Node, settings: Settings, keys: ConnectionKeys): HttpHost {
  const { apps, authenticator, clock, engine, limits, log, meter, serverId, testHooks } = node.parts;
  const nonces = {
    claim: (appId: string, nonce: string, forMs: number) => claimNonce(engine, appId, nonce, forMs),
  };
  return {
    authenticator,
    channels: node.channels,
    clock,
    limits,
    log,
    meter,
    serverId,
    testHooks,
    ...(settings.sandbox ? { sandbox: sandboxOf(node) } : {}),
    requestToken: createTokenRequests({ apps, nonces, clock }),
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

function sandboxOf(node: Node): Sandbox {
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
    },
  });
}
