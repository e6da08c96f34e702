import type { Exchange } from './exchange.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

/** The locks of a space: who holds what under which fencing number. */
export const lockRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/spaces/{space}/locks', answer: list },
  { method: 'GET', pattern: '/spaces/{space}/locks/{id}', answer: one },
];

/** Throws 40010 or 40160. */
async function list(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticate();
  return { status: 200, body: await exchange.host.channels.locks(principal, exchange.param('space')) };
}

/** Throws 40010 or 40160. A lock that nobody holds is one, too. */
async function one(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticate();
  const { channels } = exchange.host;
  return { status: 200, body: await channels.lock(principal, exchange.param('space'), exchange.param('id')) };
}
