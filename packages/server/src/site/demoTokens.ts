import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tokenHandler, toNodeHandler } from '@parvis/auth';

const PATH = '/api/token';
const COOKIE = 'parvis_visitor';
/** Pages of this machine: served by anything that listens here, or opened as files. */
const localOrigin = /^(null|https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?)$/;

/**
 * The token endpoint of the demo: a JWT for whoever asks, under a clientId that the server makes. A visitor who comes
 * again with the same secret (`visitor` in the query, else a cookie) is the same client; nobody can ask for another's name.
 * For development alone, since it knows no users.
 */
export class DemoTokens {
  readonly #secret: string;
  readonly #answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;

  /** @param key `appId.keyId:secret`, which signs */
  constructor(key: string) {
    this.#secret = key;
    this.#answer = toNodeHandler(
      tokenHandler({ key, getUser: (request) => ({ clientId: this.#clientIdOf(request), ttlMs: DAY_MS }) }),
    );
  }

  /** Answers if it is asked for a token; else leaves the request alone and returns false. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    if ((request.url ?? '').split('?', 1)[0] !== PATH) return false;
    const { origin } = request.headers;
    response.setHeader('vary', 'Origin');
    // Without credentials: a page elsewhere gets a client of its own, never that of a cookie.
    if (origin !== undefined && localOrigin.test(origin)) response.setHeader('access-control-allow-origin', origin);
    if (visitorOf(request.headers.cookie ?? '') === undefined) {
      const visitor = randomBytes(16).toString('base64url');
      request.headers.cookie = `${COOKIE}=${visitor}`;
      response.setHeader('set-cookie', `${COOKIE}=${visitor}; Path=${PATH}; HttpOnly; SameSite=Strict`);
    }
    void this.#answer(request, response);
    return true;
  }

  #clientIdOf(request: Request): string {
    const asked = new URL(request.url).searchParams.get('visitor');
    const visitor = isVisitor(asked) ? `query ${asked}` : `cookie ${visitorOf(request.headers.get('cookie') ?? '')}`;
    return `guest-${createHmac('sha256', this.#secret).update(visitor).digest('base64url').replaceAll(/[-_]/g, '').slice(0, 10)}`;
  }
}

const DAY_MS = 24 * 3_600_000;

function visitorOf(cookies: string): string | undefined {
  const values = cookies.split(';').map((pair) => pair.trim().split('='));
  return values.find(([name, value]) => name === COOKIE && isVisitor(value ?? null))?.[1];
}

/** Long enough that nobody guesses another's. */
function isVisitor(text: string | null): text is string {
  return text !== null && /^[\w-]{16,128}$/.test(text);
}
