import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { errors } from '@parvis/protocol';
import type { HttpHost } from './httpHost.ts';
import type { Reply } from './reply.ts';

/** Headers that a page may read; without the error headers a browser client renews no token and sees no code. */
const EXPOSED =
  'Link, Transfer-Encoding, Content-Length, X-Ably-ErrorCode, X-Ably-ErrorMessage, X-Ably-ServerId, X-Ably-Cluster, Server';
const METHODS = 'GET,POST,PUT,PATCH,DELETE,OPTIONS';
const MAX_AGE_S = 7_200;
const MAX_ASKED_HEADERS = 2_048;

/**
 * What lets a page of an allowed origin read a reply. The origin is echoed and never `*`, since requests carry
 * credentials. Without an Origin header there is no page and nothing to say.
 */
export function corsHeaders({ origin }: IncomingHttpHeaders, host: Pick<HttpHost, 'originAllowed'>) {
  const vary = { Vary: 'Origin' };
  if (origin === undefined || !host.originAllowed(origin)) return vary;
  return {
    ...vary,
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Expose-Headers': EXPOSED,
  };
}

/** Throws 40300 for a page of an origin that is not allowed, so that it cannot act either. */
export function requireAllowedOrigin({ origin }: IncomingHttpHeaders, host: Pick<HttpHost, 'originAllowed'>): void {
  if (origin !== undefined && !host.originAllowed(origin)) throw errors.originRefused();
}

/** The answer to OPTIONS, which never needs credentials. */
export function preflightReply({ headers }: IncomingMessage): Reply {
  const asked = headers['access-control-request-headers'];
  const allowed = asked !== undefined && asked.length <= MAX_ASKED_HEADERS && /^[\w!#$%&'*+.^`|~, -]+$/.test(asked);
  return {
    status: 204,
    headers: {
      'Access-Control-Allow-Methods': METHODS,
      ...(allowed ? { 'Access-Control-Allow-Headers': asked } : {}),
      'Access-Control-Max-Age': String(MAX_AGE_S),
    },
  };
}
