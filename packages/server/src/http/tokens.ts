import { errors } from '@parvis/protocol';
import type { Exchange } from './exchange.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

/** Where tokens are asked for; such requests are counted apart. */
export const tokenRequestPattern = '/keys/{keyName}/requestToken';

/** Time, and native tokens for signed requests; tokens are JSON whatever the client speaks (protocol reference 4.3, 5.2). */
export const tokenRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/time', answer: time },
  { method: 'POST', pattern: tokenRequestPattern, jsonOnly: true, answer: requestToken },
  { method: 'GET', pattern: '/keys/{keyName}/requestToken', jsonOnly: true, answer: noSuchRoute },
];

/** ms since the epoch, to whoever asks. */
function time({ host }: Exchange): Reply {
  return { status: 200, body: [host.clock.now()] };
}

/** A signed request speaks for itself; an unsigned one needs credentials of the key, or of a token of it. */
async function requestToken(exchange: Exchange): Promise<Reply> {
  const { value: body } = await exchange.body();
  const principal = isSigned(body) || !exchange.hasCredentials ? undefined : await exchange.authenticate();
  const keyName = exchange.param('keyName');
  exchange.appId = exchange.host.apps.get(keyName.slice(0, keyName.indexOf('.')))?.id;
  const query = { keyName, body, ...(principal === undefined ? {} : { principal }) };
  return { status: 201, body: await exchange.host.requestToken(query) };
}

function isSigned(body: unknown): boolean {
  return typeof body === 'object' && body !== null && 'mac' in body && Boolean(body.mac);
}

/** Clients take the absence of this one for the absence of a route, not of a method. */
function noSuchRoute(): never {
  throw errors.notFound('route');
}
