import { renderMessage } from '@parvis/protocol';
import type { Exchange } from './exchange.ts';
import { historyReply } from './history.ts';
import { messagesIn } from './publishBody.ts';
import { publishTo } from './publishing.ts';
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
 * 40010, 40012, 40013, 40030 to 40034, 40099, 40160 or 42911.
 */
async function publish(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticate();
  const messages = await messagesIn(exchange);
  return { status: 201, body: await publishTo(exchange, principal, exchange.param('channel'), messages) };
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
