import { randomBytes } from 'node:crypto';
import { errors, type Message, parseMessage, renderMessage } from '@parvis/protocol';
import type { Principal } from '../access/principal.ts';
import type { Publisher } from '../channel/publish.ts';
import type { Body } from './body.ts';
import type { Exchange } from './exchange.ts';
import { historyReply } from './history.ts';
import type { HttpHost } from './httpHost.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

/** Publishing to a channel and its history. */
export const messageRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/channels/{channel}/messages', answer: publish },
  { method: 'GET', pattern: '/channels/{channel}/messages', answer: (exchange) => history(exchange, 'messages') },
  { method: 'GET', pattern: '/channels/{channel}/history', answer: (exchange) => history(exchange, 'history') },
];

/**
 * Publishes one message or an array of them as one entry (protocol reference 4.4). Throws 40000, 40001, 40006, 40009,
 * 40010, 40012, 40013, 40030 to 40034, 40099 or 40160.
 */
async function publish(exchange: Exchange): Promise<Reply> {
  const { host, query } = exchange;
  const principal = await exchange.authenticate();
  const messages = messagesIn(await exchange.body());
  if (host.testHooks && query.get('_forceNack') === 'true') throw errors.forcedNack();
  const connectionId = connectionOf(host, principal, messages);
  const publisher: Publisher = {
    clientId: principal.clientId,
    idBase: randomBytes(9).toString('base64url'),
    ...(connectionId === undefined ? {} : { connectionId }),
    ...(query.get('ephemeral') === 'true' ? { ephemeral: true } : {}),
  };
  const channel = exchange.param('channel');
  const { serials } = await host.channels.publish(principal, channel, publisher, messages);
  return {
    status: 201,
    body: { channel, messageId: messages[0]?.id?.replace(/:0$/, '') ?? publisher.idBase, serials },
  };
}

/** Throws 40001 for what is neither a message nor an array of them. */
function messagesIn({ value, format }: Body): Message[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) {
    throw errors.badBody('body must be a message or an array of messages');
  }
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => parseMessage(item, format, { rawData: true }));
}

/** The connection that a publish is on behalf of, if it names one; all of it is on behalf of the same. Throws 40006. */
function connectionOf(host: HttpHost, principal: Principal, messages: readonly Message[]): string | undefined {
  const [key, ...others] = new Set(messages.map((message) => message.connectionKey));
  if (key === undefined && others.length === 0) return undefined;
  const connectionId = key === undefined || others.length > 0 ? undefined : host.connectionIdOf(key, principal);
  if (connectionId === undefined) throw errors.badConnectionKey();
  return connectionId;
}

function history(exchange: Exchange, segment: 'messages' | 'history'): Promise<Reply> {
  const { channels } = exchange.host;
  return historyReply(exchange, {
    segment,
    kind: 'message',
    read: (principal, channel, query) => channels.history(principal, channel, query),
    render: (message) => renderMessage(message, exchange.form.format),
  });
}
