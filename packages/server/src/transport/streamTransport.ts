import type { ServerResponse } from 'node:http';
import type { ErrorInfo } from '@parvis/protocol';
import { refuseRequest, unbuffered } from './httpPipe.ts';
import type { Transport, TransportEvents, Wire } from './transport.ts';

/** What a request for a stream of events says, as it came. */
export interface StreamAsked {
  readonly query: URLSearchParams;
  readonly secure: boolean;
  readonly authorization: string | undefined;
  /** Where a browser's EventSource goes on by itself. */
  readonly lastEventId: string | undefined;
  readonly version: string | undefined;
}

/** ms that a client has to take what is left once the stream ends. */
const CLOSE_TIMEOUT_MS = 5_000;
const contentTypes = { events: 'text/event-stream', lines: 'application/json' };

/** Streams have lines of text; which ones a message makes depends on where the stream stands. */
const streamWire: Wire = { slot: 3, format: 'json', wrap: (payload) => Buffer.concat([payload, Buffer.from('\n')]) };

/** One response without end as a pipe that goes one way: nothing comes from the client but its leaving. */
export class StreamTransport implements Transport {
  readonly wire = streamWire;
  readonly ping = undefined;
  /** Server-sent events, or lines that hold a JSON object each. */
  readonly form: 'events' | 'lines';
  readonly remote: string;
  readonly #response: ServerResponse;
  readonly #headers: Readonly<Record<string, string>>;
  #events: TransportEvents | undefined;
  #ended = false;

  constructor(
    response: ServerResponse,
    form: 'events' | 'lines',
    { remote, headers }: { readonly remote: string; readonly headers: Readonly<Record<string, string>> },
  ) {
    this.#response = response;
    this.form = form;
    this.remote = remote;
    this.#headers = headers;
    response.on('error', () => {});
    response.on('drain', () => this.#events?.drain());
    response.on('close', () => this.#left());
  }

  get backlog(): number {
    return this.#response.writableLength;
  }

  listen(events: TransportEvents): void {
    this.#events = events;
    if (this.#response.destroyed) this.#left();
  }

  /** Tells the client that the stream begins. */
  start(): void {
    if (this.#ended) return;
    this.#response.writeHead(200, { ...this.#headers, ...unbuffered, 'Content-Type': contentTypes[this.form] });
    this.#response.flushHeaders();
  }

  /** Answers with an error instead of a stream. */
  refuse(error: ErrorInfo): void {
    if (this.#ended) return;
    this.#ended = true;
    refuseRequest(this.#response, error, this.#headers);
  }

  write(bytes: Uint8Array): void {
    if (!this.#ended) this.#response.write(bytes);
  }

  pause(): void {}

  resume(): void {}

  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#response.end();
    setTimeout(() => this.#response.destroy(), CLOSE_TIMEOUT_MS).unref();
  }

  #left(): void {
    this.#ended = true;
    setImmediate(() => this.#events?.closed());
  }
}
