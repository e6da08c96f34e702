import { ErrorInfo, errors, toErrorInfo } from '@parvis/protocol';
import { Capability } from './capability.ts';
import { isClientName } from './identity.ts';
import { issueJwt } from './jwt.ts';
import { type ApiKey, parseKey } from './key.ts';
import { createTokenRequest } from './tokenRequest.ts';

/** Who asks for a token, as the application knows it from its own session. */
export interface TokenUser {
  /** The name that the client will have; whatever the browser sends does not change it. */
  readonly clientId: string;
  /** A `Capability`, its JSON text or the map itself; default: that of the handler. */
  readonly capability?: unknown;
  readonly ttlMs?: number;
}

/** What `tokenHandler` needs to know. */
export interface TokenHandlerOptions {
  /** `appId.keyId:secret`. It signs here and never leaves. */
  readonly key: string | ApiKey;
  /** Tells who sent the request, from its cookie or header; nothing means nobody, who gets 401. May throw an ErrorInfo. */
  getUser(request: Request): TokenUser | null | undefined | Promise<TokenUser | null | undefined>;
  /** `jwt` (default) answers with a token; `tokenRequest` with a signed request that the client exchanges at the server. */
  readonly kind?: 'jwt' | 'tokenRequest';
  /** What tokens may do where `getUser` does not say; default `defaultCapability`. The server narrows it by that of the key. */
  readonly capability?: unknown;
  /** Told of anything thrown that is not an ErrorInfo, for which the client gets 500; default `console.error`. */
  onError?(thrown: unknown): void;
}

const everydayOperations = ['publish', 'subscribe', 'presence', 'history'];

/** What Spaces and ordinary channels need, everywhere: publish, subscribe, presence and history on `*`. */
export const defaultCapability = Capability.parse({ '*': everydayOperations });

/** What everything in Spaces needs, in those spaces only: publish, subscribe, presence and history on `<space>::*`. */
export function spaceCapability(...spaces: string[]): Capability {
  return Capability.parse(Object.fromEntries(spaces.map((space) => [`${space}::*`, everydayOperations])));
}

/**
 * A token endpoint: what the `authUrl` of a client asks, GET or POST. It fits wherever a handler takes a Request and returns a
 * Response; for Node's http and Express wrap it in `toNodeHandler`. Throws 40000 or 40005 at once for a bad capability or key.
 *
 *     export const GET = tokenHandler({ key: process.env.PARVIS_KEY, getUser: (request) => sessionOf(request) });
 */
export function tokenHandler(options: TokenHandlerOptions): (request: Request) => Promise<Response> {
  const key = typeof options.key === 'string' ? parseKey(options.key) : options.key;
  const capability = Capability.parse(options.capability ?? defaultCapability);
  const report = options.onError ?? ((thrown) => console.error('token endpoint failed', thrown));
  const answer = options.kind === 'tokenRequest' ? answerWithTokenRequest : answerWithJwt;
  return async (request) => {
    try {
      if (request.method !== 'GET' && request.method !== 'POST') throw errors.methodNotAllowed(request.method);
      const user = await options.getUser(request);
      if (!user) throw errors.unauthorized('sign in first');
      if (!isClientName(user.clientId)) throw errors.badClientId('getUser gave no usable clientId');
      return await answer(key, { capability, ...withoutUndefined(user) });
    } catch (thrown) {
      if (!(thrown instanceof ErrorInfo)) report(thrown);
      return errorResponse(toErrorInfo(thrown));
    }
  };
}

async function answerWithJwt(key: ApiKey, user: TokenUser): Promise<Response> {
  return respond(200, 'application/jwt', await issueJwt({ key, ...user }));
}

async function answerWithTokenRequest(key: ApiKey, user: TokenUser): Promise<Response> {
  return respond(200, 'application/json', JSON.stringify(await createTokenRequest({ key, ...user })));
}

/** Just the fields we know, so that a whole user record may be handed over and none of it ends up in a token by accident. */
function withoutUndefined({ clientId, capability, ttlMs }: TokenUser): TokenUser {
  return {
    clientId,
    ...(capability === undefined ? {} : { capability }),
    ...(ttlMs === undefined ? {} : { ttlMs }),
  };
}

function errorResponse(error: ErrorInfo): Response {
  const response = respond(error.statusCode, 'application/json', JSON.stringify({ error }));
  response.headers.set('x-ably-errorcode', String(error.code));
  response.headers.set('x-ably-errormessage', error.message.replaceAll(/[^ -~]/g, '?'));
  if (error.statusCode === 405) response.headers.set('allow', 'GET, POST');
  return response;
}

function respond(status: number, contentType: string, body: string): Response {
  const headers = { 'content-type': contentType, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
  return new Response(body, { status, headers });
}
