import { errors } from '@parvis/protocol';
import type { ActiveChannelsQuery } from '../channel/activeChannels.ts';
import type { Exchange } from './exchange.ts';
import { limitOf, openCursor, pageLinks, sealCursor } from './page.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

/** Who is on a channel, and which channels there are (protocol reference 4.9). */
export const statusRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/channels', answer: enumerate },
  { method: 'GET', pattern: '/channels/{channel}', answer: status },
];

/** Throws 40010 or 40160. */
async function status(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticate();
  return { status: 200, body: await exchange.host.channels.status(principal, exchange.param('channel')) };
}

/** Names of channels, or with `by=value` their details; versions up to 2 are given details unless they say `by=id`. */
async function enumerate(exchange: Exchange): Promise<Reply> {
  const { host, query, version } = exchange;
  const principal = await exchange.authenticate();
  const by = query.get('by') ?? (version < 3 ? 'value' : 'id');
  if (by !== 'id' && by !== 'value') throw errors.badParameter('by', 'it must be id or value');
  const limit = limitOf(query);
  const prefix = query.get('prefix') ?? undefined;
  const scope = ['channels', prefix ?? ''];
  const cursor = openCursor(principal, scope, query);
  const asked: ActiveChannelsQuery = {
    limit,
    ...(prefix === undefined ? {} : { prefix }),
    ...(cursor === undefined ? {} : { cursor }),
  };
  const page = await host.channels.active(principal, asked);
  const given = query.get('cursor');
  const links = pageLinks(
    'channels',
    { limit, prefix, by },
    {
      ...(given === null ? {} : { current: given }),
      ...(page.next === undefined ? {} : { next: sealCursor(principal, scope, page.next) }),
    },
  );
  const body = by === 'id' ? page.items.map(({ channelId }) => channelId) : page.items;
  return { status: 200, body, links };
}
