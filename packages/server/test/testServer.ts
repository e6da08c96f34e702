import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Action, codecs, type Format, type ProtocolMessage } from '@parvis/protocol';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { createLog } from '../src/observe/log.ts';
import { createServer, type ParvisServer, type ServerOptions } from '../src/server.ts';

export const fullKey = 'app.full:full-secret-full-secret-full-secret';

/** A server for one test, on a free port of loopback, and everything it has logged. */
export interface TestServer {
  readonly server: ParvisServer;
  readonly url: string;
  readonly log: string[];
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  connect(query?: string, options?: Knocking): TestSocket;
}

/** How a WebSocket is asked for. */
export interface Knocking {
  readonly format?: Format;
  readonly origin?: string;
  readonly headers?: Record<string, string>;
  readonly path?: string;
}

/** Starts a server that is stopped when the test is over. */
export async function testServer(options: ServerOptions = {}): Promise<TestServer> {
  const log: string[] = [];
  const server = createServer({
    port: 0,
    keys: [fullKey],
    log: createLog('debug', { write: (line) => void log.push(line) }),
    ...options,
  });
  const { url } = await server.listen();
  onTestFinished(() => server.stop());
  return {
    server,
    url,
    log,
    get: (path, headers = {}) => fetch(`${url}${path}`, { headers, redirect: 'manual' }),
    connect: (query = `key=${fullKey}&v=6`, { format = 'json', origin, headers, path = '/' } = {}) =>
      new TestSocket(`${url}${path}?${query}`, format, { ...headers, ...(origin === undefined ? {} : { origin }) }),
  };
}

/** A WebSocket that keeps what it gets. */
export class TestSocket {
  readonly socket: WebSocket;
  readonly received: ProtocolMessage[] = [];
  closeCode: number | undefined;
  /** Status of an answer that was no upgrade. */
  refusal: IncomingMessage | undefined;
  readonly #format: Format;
  readonly #closed: Promise<void>;

  constructor(url: string, format: Format, headers: Record<string, string> = {}) {
    this.#format = format;
    const address = url.replace(/^http/, 'ws') + (format === 'json' ? '' : `&format=${format}`);
    this.socket = new WebSocket(address, { rejectUnauthorized: false, headers });
    this.socket.on('message', (data: Buffer) => this.received.push(codecs[format].decode(data)));
    this.#closed = new Promise((resolve) => {
      this.socket.on('close', (code) => {
        this.closeCode = code;
        resolve();
      });
    });
    this.socket.on('unexpected-response', (_request, response) => {
      this.refusal = response;
      response.resume();
      this.socket.terminate();
    });
    this.socket.on('error', () => {});
  }

  send(message: ProtocolMessage): void {
    this.socket.send(codecs[this.#format].encode(message), { binary: this.#format === 'msgpack' });
  }

  /** The next message with this action, or one that has come already. */
  async message(action: number): Promise<ProtocolMessage> {
    for (;;) {
      const found = this.received.find((message) => message.action === action);
      if (found !== undefined) return found;
      await once(this.socket, 'message', { signal: AbortSignal.timeout(5_000) });
    }
  }

  async connected(): Promise<ProtocolMessage> {
    return this.message(Action.CONNECTED);
  }

  /** Resolves when the socket is closed, whoever closed it; the test's own time limit is the bound. */
  closed(): Promise<void> {
    return this.#closed;
  }
}
