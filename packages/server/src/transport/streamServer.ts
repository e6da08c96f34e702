import type { IncomingMessage, ServerResponse } from 'node:http';
import { errors, toErrorInfo } from '@parvis/protocol';
import { type HttpSide, refuseRequest } from './httpPipe.ts';
import { peerOf } from './peer.ts';
import { type StreamAsked, StreamTransport } from './streamTransport.ts';

/** What a server of event streams needs to know. */
export interface StreamServerOptions extends HttpSide {
  /** Takes over a new pipe: starts it, or refuses. */
  accept(pipe: StreamTransport, asked: StreamAsked): void;
}

/** Turns requests for `/sse` and `/event-stream` into pipes (protocol reference 6.1). */
export class StreamServer {
  readonly #options: StreamServerOptions;
  #isDraining = false;

  constructor(options: StreamServerOptions) {
    this.#options = options;
  }

  /** Answers a request if it asks for a stream; else leaves it alone and returns false. Preflights are not ours either. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    const { url = '/', method } = request;
    const mark = url.indexOf('?');
    const path = mark < 0 ? url : url.slice(0, mark);
    if ((path !== '/sse' && path !== '/event-stream') || method === 'OPTIONS') return false;
    const { remote, secure } = peerOf(request, this.#options.trustProxy);
    const headers = this.#options.headersFor(request);
    try {
      this.#check(request);
      const { accept, authorization, 'last-event-id': lastEventId, 'x-ably-version': version } = request.headers;
      const wantsEvents = path === '/sse' || (accept?.includes('text/event-stream') ?? false);
      const pipe = new StreamTransport(response, wantsEvents ? 'events' : 'lines', { remote, headers });
      this.#options.accept(pipe, {
        query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)),
        secure,
        authorization,
        lastEventId: textOf(lastEventId),
        version: textOf(version),
      });
    } catch (failure) {
      const error = toErrorInfo(failure);
      this.#options.refused(error, remote);
      refuseRequest(response, error, headers);
    }
    return true;
  }

  /** From now on nobody is let in. */
  drain(): void {
    this.#isDraining = true;
  }

  #check({ method = 'GET', headers: { origin } }: IncomingMessage): void {
    if (origin !== undefined && !this.#options.isOriginAllowed(origin)) throw errors.originRefused();
    if (method !== 'GET') throw errors.methodNotAllowed(method);
    if (this.#isDraining) throw errors.unavailable('going down');
  }
}

function textOf(header: string | string[] | undefined): string | undefined {
  return header === undefined ? undefined : String(header);
}
