import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorInfo } from '@parvis/protocol';
import { corsHeaders } from './http/cors.ts';
import type { HttpHost } from './http/httpHost.ts';
import { originCheck } from './originCheck.ts';
import type { Settings } from './settings/settings.ts';
import { CometServer } from './transport/cometServer.ts';
import type { HttpSide } from './transport/httpPipe.ts';
import { StreamServer } from './transport/streamServer.ts';
import type { StreamAsked, StreamTransport } from './transport/streamTransport.ts';
import type { Transport } from './transport/transport.ts';

/** A node, as much as pipes over plain requests have to do with it. */
export interface PipeNode {
  readonly parts: Pick<HttpHost, 'clock' | 'limits' | 'log' | 'meter' | 'serverId'>;
  accept(transport: Transport, query: URLSearchParams, secure: boolean): void;
  admit(connectionKey: string, query: URLSearchParams, secure: boolean): Promise<void>;
  whyGone(connectionKey: string): ErrorInfo;
  stream(pipe: StreamTransport, asked: StreamAsked): void;
}

/** The pipes that are made of plain HTTP requests, for clients that cannot or do not use a WebSocket. */
export class HttpPipes {
  readonly comet: CometServer;
  readonly #streams: StreamServer;

  constructor(node: PipeNode, settings: Settings) {
    const { clock, limits } = node.parts;
    const side = httpSideOf(node, settings);
    this.comet = new CometServer({
      ...side,
      clock,
      maxFrameSize: limits.maxFrameSize,
      maxIdleIntervalMs: limits.maxIdleIntervalMs,
      accept: (transport, query, secure) => node.accept(transport, query, secure),
      admit: (connectionKey, query, secure) => node.admit(connectionKey, query, secure),
      whyGone: (connectionKey) => node.whyGone(connectionKey),
    });
    this.#streams = new StreamServer({ ...side, accept: (pipe, asked) => node.stream(pipe, asked) });
  }

  /** Answers a request that makes a pipe or belongs to one; else leaves it alone and returns false. */
  handle(request: IncomingMessage, response: ServerResponse): boolean {
    return this.comet.handle(request, response) || this.#streams.handle(request, response);
  }

  /** From now on clients are told to go elsewhere as soon as they come. */
  drain(): void {
    this.comet.drain();
    this.#streams.drain();
  }

  /** Resolves when everybody has fetched what was left, or after this many ms. */
  emptied(ms: number): Promise<void> {
    return this.comet.emptied(ms);
  }

  /** Ends what is still open. */
  stop(): void {
    this.comet.stop();
  }
}

function httpSideOf({ parts: { meter, log, serverId } }: PipeNode, settings: Settings): HttpSide {
  const originAllowed = originCheck(settings.allowedOrigins);
  return {
    trustProxy: settings.trustProxy,
    isOriginAllowed: originAllowed,
    headersFor: ({ headers }) => ({ ...corsHeaders(headers, { originAllowed }), 'X-Ably-ServerId': serverId }),
    refused(error, remote) {
      meter.refused(error.code);
      log.info({ code: error.code, reason: error.message, remote }, 'a client was refused');
    },
  };
}
