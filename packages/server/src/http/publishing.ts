import { randomBytes } from 'node:crypto';
import { errors, type Message } from '@parvis/protocol';
import type { Principal } from '../access/principal.ts';
import type { Publisher } from '../channel/publish.ts';
import type { Exchange } from './exchange.ts';
import type { HttpHost } from './httpHost.ts';

/** What a publish on one channel came to, as clients are told. */
export interface Published {
  readonly channel: string;
  /** Base of the ids of its messages. */
  readonly messageId: string;
  readonly serials: PublishedSerials;
}

type PublishedSerials = Awaited<ReturnType<HttpHost['channels']['publish']>>['serials'];

/**
 * Publishes messages on one channel as one entry, under the params of the request. Rejects with 40006, 40009, 40010, 40012,
 * 40013, 40030 to 40034, 40099, 40160 or 42911.
 */
export async function publishTo(
  { host, query }: Pick<Exchange, 'host' | 'query'>,
  principal: Principal,
  channel: string,
  messages: readonly Message[],
): Promise<Published> {
  if (host.testHooks && query.get('_forceNack') === 'true') throw errors.forcedNack();
  host.publisherRates.take(principal, channel, messages.length, host.clock.now());
  const connectionId = connectionOf(host, principal, messages);
  const publisher: Publisher = {
    clientId: principal.clientId,
    idBase: randomBytes(9).toString('base64url'),
    ...(connectionId === undefined ? {} : { connectionId }),
    ...(query.get('ephemeral') === 'true' ? { ephemeral: true } : {}),
  };
  const { serials } = await host.channels.publish(principal, channel, publisher, messages);
  return { channel, messageId: messages[0]?.id?.replace(/:0$/, '') ?? publisher.idBase, serials };
}

/** The connection that a publish is on behalf of, if it names one; all of it is on behalf of the same. Throws 40006. */
function connectionOf(host: HttpHost, principal: Principal, messages: readonly Message[]): string | undefined {
  const [key, ...others] = new Set(messages.map((message) => message.connectionKey));
  if (key === undefined && others.length === 0) return undefined;
  const connectionId = key === undefined || others.length > 0 ? undefined : host.connectionIdOf(key, principal);
  if (connectionId === undefined) throw errors.badConnectionKey();
  return connectionId;
}
