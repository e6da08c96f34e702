import { randomBytes } from 'node:crypto';
import { errors, MessageAction, parseMessage, renderMessage } from '@parvis/protocol';
import type { Publisher } from '../channel/publish.ts';
import type { Exchange } from './exchange.ts';
import { historyQueryOf, openCursor, pageLinks, sealCursor } from './page.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

const pattern = '/channels/{channel}/messages/{serial}';

/** One message that was published: as it stands, its versions, and changes of it (protocol reference 4.6). */
export const messageItemRoutes: readonly Route[] = [
  { method: 'GET', pattern, answer: get },
  { method: 'PATCH', pattern, answer: change },
  { method: 'GET', pattern: `${pattern}/versions`, answer: versions },
];

/** Throws 40010, 40160, 40400 or 93002. */
async function get(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticate();
  const { channels } = exchange.host;
  const message = await channels.mutable.get(principal, exchange.param('channel'), exchange.param('serial'));
  return { status: 200, body: renderMessage(message, exchange.form.format) };
}

/**
 * Updates, deletes or appends, by the action in the body; updates without one. Older clients send an array of one. Throws
 * 40000, 40001, 40003, 40009, 40010, 40012, 40013, 40032, 40160, 40166, 40400, 42911 or 93002.
 */
async function change(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticate();
  const { value, format } = await exchange.body();
  const [item, ...others] = Array.isArray(value) ? value : [value];
  if (item === undefined || others.length > 0) throw errors.badBody('body must be one message');
  const given = parseMessage(item, format, { rawData: true });
  const serial = exchange.param('serial');
  if (given.serial !== undefined && given.serial !== serial) {
    throw errors.badParameter('serial', 'the message in the body must be that of the path');
  }
  const { host } = exchange;
  const channel = exchange.param('channel');
  host.publisherRates.take(principal, channel, 1, host.clock.now());
  const asked = { ...given, action: given.action ?? MessageAction.UPDATE, serial };
  const { serials } = await host.channels.mutable.change(principal, channel, publisherOf(principal.clientId), asked);
  return { status: 200, body: { versionSerial: serials[0] } };
}

/** Whoever changes or annotates over HTTP: no connection, and ids that are of this request. */
export function publisherOf(clientId: string | undefined): Publisher {
  return { clientId, idBase: randomBytes(9).toString('base64url') };
}

/** Oldest first unless told. Throws 40003, 40010, 40011, 40160, 40400 or 93002. */
async function versions(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticate();
  const [channel, serial] = [exchange.param('channel'), exchange.param('serial')];
  const { query, host, form } = exchange;
  const asked = historyQueryOf(query, 'forwards');
  const { start, end, direction, limit } = asked;
  const scope = ['versions', channel, serial, direction];
  const cursor = openCursor(principal, scope, query);
  const page = await host.channels.mutable.versions(principal, channel, serial, {
    ...asked,
    ...(cursor === undefined ? {} : { cursor }),
  });
  const given = query.get('cursor');
  const links = pageLinks(
    'versions',
    { start, end, direction, limit },
    {
      ...(given === null ? {} : { current: given }),
      ...(page.next === undefined ? {} : { next: sealCursor(principal, scope, page.next) }),
    },
  );
  return { status: 200, body: page.items.map((item) => renderMessage(item, form.format)), links };
}
