import type { Principal } from '../access/principal.ts';
import type { HistoryPage, HistoryQuery } from '../channel/history.ts';
import type { Exchange } from './exchange.ts';
import { historyQueryOf, openCursor, pageLinks, sealCursor } from './page.ts';
import type { Reply } from './reply.ts';

/** One list of what happened on a channel, and how it is served. */
export interface HistoryRoute<T extends { timestamp?: number }> {
  /** Last segment of the path; also tells cursors of messages and presence apart. */
  readonly segment: 'messages' | 'history';
  readonly kind: 'message' | 'presence';
  read(principal: Principal, channel: string, query: HistoryQuery): Promise<HistoryPage<T>>;
  render(item: T): unknown;
}

/**
 * A page of a past (protocol reference 4.2, 4.5). Its links carry an end, so that what happens between two pages is on
 * neither. Throws 40003, 40010, 40011 or 40160.
 */
export async function historyReply<T extends { timestamp?: number }>(
  exchange: Exchange,
  route: HistoryRoute<T>,
): Promise<Reply> {
  const principal = await exchange.authenticate();
  const channel = exchange.param('channel');
  const asked = historyQueryOf(exchange.query);
  const scope = [route.kind, channel, asked.direction];
  const cursor = openCursor(principal, scope, exchange.query);
  const page = await route.read(principal, channel, cursor === undefined ? asked : { ...asked, cursor });
  const isNewestFirst = cursor === undefined && asked.direction === 'backwards' && asked.untilSerial === undefined;
  const newest = asked.end !== undefined || isNewestFirst ? page : await newestOf(route, principal, channel);
  // The log's clock may be ahead of this node's.
  const end = asked.end ?? Math.max(exchange.host.clock.now(), newest.items[0]?.timestamp ?? 0);
  const { start = 0, direction, limit, untilSerial } = asked;
  const params = { start, end, direction, limit, from_serial: untilSerial };
  const given = exchange.query.get('cursor');
  const links = pageLinks(route.segment, params, {
    ...(given === null ? {} : { current: given }),
    ...(page.next === undefined ? {} : { next: sealCursor(principal, scope, page.next) }),
  });
  return { status: 200, body: page.items.map((item) => route.render(item)), links };
}

function newestOf<T extends { timestamp?: number }>(
  { read }: HistoryRoute<T>,
  principal: Principal,
  channel: string,
): Promise<HistoryPage<T>> {
  return read(principal, channel, { direction: 'backwards', limit: 1 });
}
