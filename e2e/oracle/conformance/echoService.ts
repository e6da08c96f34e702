import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import jsonwebtoken from 'jsonwebtoken';

/**
 * What the suite takes from hosts that are not under test: a service that answers as its query says, one that signs tokens,
 * and the page that tells whether there is an internet.
 */
export const echoService: RequestListener = (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://echo');
  const route = routes.get(pathname) ?? ((_, { end }) => end(404, 'text/plain', 'no such page'));
  const exchange: Exchange = {
    request,
    query: searchParams,
    end(status, type, body) {
      response.writeHead(status, { 'content-type': type }).end(body);
    },
  };
  Promise.resolve(route(searchParams, exchange)).catch((failure: unknown) => refuse(response, failure));
};

interface Exchange {
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  end(status: number, type: string, body: string): void;
}

type Answer = (query: URLSearchParams, exchange: Exchange) => void | Promise<void>;

/** With its charset, as frameworks send it: the client reads an error in a body without one, and takes that body as its own. */
const json = 'application/json; charset=utf-8';

const routes = new Map<string, Answer>([
  ['/', echo],
  ['/is-the-internet-up.txt', (_, { end }) => end(200, 'text/plain', 'yes\n')],
  ['/respondwith', (query, { end }) => end(Number(query.get('status')), 'text/plain', '')],
  ['/qs_to_body', (query, { end }) => end(200, json, JSON.stringify(Object.fromEntries(query)))],
  ['/methods', (_, { request, end }) => end(200, json, JSON.stringify([{ method: request.method?.toLowerCase() }]))],
  [
    '/createJWT',
    (query, { end }) => end(200, query.get('returnType') === 'jwt' ? 'application/jwt' : 'text/plain', tokenOf(query)),
  ],
]);

/** Gives back the query's `body`, or what was posted, as what the query's `type` says; a bare visit gets nothing. */
async function echo(query: URLSearchParams, { request, end }: Exchange): Promise<void> {
  const type = query.get('type') === 'json' ? json : 'text/plain';
  if (request.method === 'POST') return end(200, type, JSON.stringify(await formOf(request)));
  const body = query.get('body');
  if (body !== null) return end(Number(query.get('status') ?? 200), type, body);
  const { type: _, ...others } = Object.fromEntries(query);
  if (Object.keys(others).length === 0) return end(404, 'text/html', '<p>nothing here</p>');
  end(200, type, JSON.stringify(others));
}

/** The fields of a form; those that are whole numbers are given back as such, as `issued` and `expires` of a token must be. */
async function formOf(request: IncomingMessage): Promise<Record<string, string | number>> {
  let text = '';
  for await (const bytes of request) text += bytes;
  const fields = [...new URLSearchParams(text)];
  return Object.fromEntries(fields.map(([name, value]) => [name, /^\d+$/.test(value) ? Number(value) : value]));
}

/** A JWT with the claims of the query, or around another token: in a claim, or in the header of what looks encrypted. */
function tokenOf(query: URLSearchParams): string {
  const claims = ['clientId', 'capability'].flatMap((name) => {
    const value = query.get(name);
    return value === null ? [] : [[`x-ably-${name}`, value]];
  });
  const inner = query.get('innerToken');
  if (inner !== null && query.has('encrypted')) return encryptedLooking(inner);
  const payload = { ...Object.fromEntries(claims), ...(inner === null ? {} : { 'x-ably-token': inner }) };
  return jsonwebtoken.sign(payload, query.get('keySecret') ?? '', {
    algorithm: 'HS256',
    keyid: query.get('keyName') ?? '',
    expiresIn: Number(query.get('expiresIn') ?? 3_600),
    ...(query.has('jti') ? { jwtid: query.get('jti') ?? '' } : {}),
  });
}

/** The five parts of a JWE; nobody can open the middle ones, and nobody needs to. */
function encryptedLooking(inner: string): string {
  const header = JSON.stringify({ alg: 'dir', enc: 'A256GCM', 'x-ably-token': inner });
  const parts = [Buffer.from(header), Buffer.alloc(0), randomBytes(12), randomBytes(40), randomBytes(16)];
  return parts.map((part) => part.toString('base64url')).join('.');
}

function refuse(response: ServerResponse, failure: unknown): void {
  response.writeHead(400, { 'content-type': 'text/plain' }).end(String(failure));
}
