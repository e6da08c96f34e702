import { renderPresence } from '@parvis/protocol';
import type { Exchange } from './exchange.ts';
import { historyReply } from './history.ts';
import { limitOf, openCursor, pageLinks, sealCursor } from './page.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

/** The presence set of a channel and its history (protocol reference 4.7). */
export const presenceRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/channels/{channel}/presence', answer: members },
  { method: 'GET', pattern: '/channels/{channel}/presence/history', answer: history },
];

/** Throws 40003, 40010, 40011 or 40160. */
async function members(exchange: Exchange): Promise<Reply> {
  const { host, query, form } = exchange;
  const principal = await exchange.authenticate();
  const channel = exchange.param('channel');
  const limit = limitOf(query);
  const clientId = query.get('clientId') ?? undefined;
  const connectionId = query.get('connectionId') ?? undefined;
  const scope = ['members', channel];
  const cursor = openCursor(principal, scope, query);
  const page = await host.channels.members(principal, channel, {
    limit,
    ...(clientId === undefined ? {} : { clientId }),
    ...(connectionId === undefined ? {} : { connectionId }),
    ...(cursor === undefined ? {} : { cursor }),
  });
  const given = query.get('cursor');
  const links = pageLinks(
    'presence',
    { limit, clientId, connectionId },
    {
      ...(given === null ? {} : { current: given }),
      ...(page.next === undefined ? {} : { next: sealCursor(principal, scope, page.next) }),
    },
  );
  return { status: 200, body: page.items.map((member) => renderPresence(member, form.format)), links };
}

function history(exchange: Exchange): Promise<Reply> {
  const { channels } = exchange.host;
  return historyReply(exchange, {
    segment: 'history',
    kind: 'presence',
    read: (principal, channel, query) => channels.presenceHistory(principal, channel, query),
    render: (event) => renderPresence(event, exchange.form.format),
  });
}
