import type { IncomingMessage, ServerResponse } from 'node:http';
import { Action, codecs, type ErrorInfo, errors, isTokenError, toErrorInfo } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import { readSend } from './cometSend.ts';
import { CometTransport } from './cometTransport.ts';
import { cometWire } from './cometWire.ts';
import { type HttpSide, refuseRequest } from './httpPipe.ts';
import { peerOf } from './peer.ts';
import type { Transport } from './transport.ts';

/** What a comet server needs to know. */
export interface CometServerOptions extends HttpSide {
  readonly clock: Clock;
  /** Bytes of one frame of a client (40009). */
  readonly maxFrameSize: number;
  /** ms of silence that clients are promised at most. */
  readonly maxIdleIntervalMs: number;
  /** Takes over a new pipe; credentials are judged there, and refusals travel on it. */
  accept(transport: Transport, query: URLSearchParams, secure: boolean): void;
  /** Rejects unless the key is one of ours and this request shows credentials of the client it was given to. */
  admit(connectionKey: string, query: URLSearchParams, secure: boolean): Promise<void>;
  /** What to say about a key of ours that no session has any more. */
  whyGone(connectionKey: string): ErrorInfo;
}

/** ms without a byte after which the body of a send is given up. */
const STALL_MS = 10_000;
/** ms beyond the promised interval after which a client that does not come back is taken for gone. */
const ABSENCE_SLACK_MS = 10_000;

/** What a client asks of a session, by the last segment of the path. A page that is left can only post. */
const methods: ReadonlyMap<string, readonly string[]> = new Map([
  ['recv', ['GET']],
  ['send', ['POST']],
  ['close', ['GET', 'POST']],
  ['disconnect', ['GET', 'POST']],
]);
const closeFrame = codecs.json.encode({ action: Action.CLOSE });
const disconnectFrame = codecs.json.encode({ action: Action.DISCONNECT });

/** One request for a session, as far as it was understood. */
interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly query: URLSearchParams;
  readonly secure: boolean;
  readonly remote: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Turns requests under `/comet/` into pipes and what goes through them (protocol reference 3). */
export class CometServer {
  readonly #options: CometServerOptions;
  readonly #sessions = new Set<CometTransport>();
  readonly #byKey = new Map<string, CometTransport>();
  #isDraining = false;
  #emptied: (() => void) | undefined;

  constructor(options: CometServerOptions) {
    this.#options = options;
  }

  /** Sessions that are open, or have something left to fetch. */
  get size(): number {
    return this.#sessions.size;
  }

  /** Answers a request if it is under `/comet/`; else leaves it alone and returns false. Preflights are not ours either. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { url = '/', method } = request;
    if (!url.startsWith('/comet/') || method === 'OPTIONS') return false;
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    const { trustProxy } = this.#options;
    const asked: Asked = {
      request,
      response,
      query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
      ...peerOf(request, trustProxy),
      headers: this.#options.headersFor(request),
    };
    this.#answer(path.split('/').slice(2), asked).catch((failure) => this.#refuse(asked, failure));
    return true;
  }

  /** From now on clients are told to go elsewhere as soon as they come. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Resolves when everybody has fetched what was left, or after this many ms. */
  async emptied(ms: number): Promise<void> {
    if (this.#sessions.size === 0) return;
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    const timer = setTimeout(() => this.#emptied?.(), ms);
    await emptied;
    clearTimeout(timer);
  }

  /** Ends what is still open. */
  stop(): void {
    for (const session of this.#sessions) session.destroy();
  }

  async #answer(path: readonly string[], asked: Asked): Promise<void> {
    const { origin } = asked.request.headers;
    if (origin !== undefined && !this.#options.isOriginAllowed(origin)) throw errors.originRefused();
    const [key = '', verb = ''] = path;
    if (path.length === 1 && key === 'connect') return this.#connect(asked);
    const allowed = methods.get(verb);
    if (path.length !== 2 || allowed === undefined) throw errors.notFound('comet path');
    requireMethod(asked, allowed);
    await this.#options.admit(key, asked.query, asked.secure);
    const session = this.#byKey.get(key);
    if (session === undefined) throw this.#options.whyGone(key);
    if (verb === 'recv') return session.receive(asked.response, asked.headers);
    if (!session.isOpen) throw this.#options.whyGone(key);
    await session.send((take) => this.#read(verb, asked, take));
    asked.response.writeHead(204, asked.headers).end();
  }

  #connect(asked: Asked): void {
    requireMethod(asked, ['GET']);
    const { response, query, secure, remote, headers } = asked;
    if (this.#isDraining) throw errors.unavailable('going down');
    const { clock, maxIdleIntervalMs } = this.#options;
    const session = new CometTransport({
      streaming: query.get('stream') !== 'false',
      remote,
      holdMs: 2 * maxIdleIntervalMs,
      absenceMs: maxIdleIntervalMs + ABSENCE_SLACK_MS,
      clock,
      named: (key, named) => this.#byKey.set(key, named),
      ended: (ended) => this.#forget(ended),
    });
    this.#sessions.add(session);
    session.receive(response, headers);
    // There are no pings here that could do instead.
    query.set('heartbeats', 'true');
    this.#options.accept(session, query, secure);
  }

  #read(verb: string, { request }: Asked, take: (frames: readonly Uint8Array[]) => Promise<void>): Promise<void> {
    if (verb === 'close') return take([closeFrame]);
    if (verb === 'disconnect') return take([disconnectFrame]);
    const { maxFrameSize, clock } = this.#options;
    return readSend(request, { maxFrame: maxFrameSize, stallMs: STALL_MS, clock }, take);
  }

  #forget(session: CometTransport): void {
    this.#sessions.delete(session);
    if (session.key !== undefined) this.#byKey.delete(session.key);
    if (this.#sessions.size === 0) this.#emptied?.();
  }

  /** What the client is to mend by itself it gets as a message of the connection, which it takes whatever the status is. */
  #refuse({ request, response, remote, headers }: Asked, failure: unknown): void {
    const error = toErrorInfo(failure);
    this.#options.refused(error, remote);
    if (response.headersSent || response.destroyed) return;
    const retryable = isTokenError(error.code) || error.statusCode >= 500;
    const message = { action: Action.DISCONNECTED, error: error.toJSON() };
    // What is left of a body that was not read would be taken for the next request.
    const rest = request.complete ? {} : { Connection: 'close' };
    const body = retryable ? cometWire.wrap(codecs.json.encode(message)) : undefined;
    refuseRequest(response, error, { ...headers, ...rest }, body);
  }
}

function requireMethod({ request: { method = 'GET' } }: Asked, allowed: readonly string[]): void {
  if (!allowed.includes(method)) throw errors.methodNotAllowed(method);
}
