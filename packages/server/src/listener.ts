import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errors } from '@parvis/protocol';
import type { Settings } from './settings/settings.ts';

/** What comes of a request. */
export interface ListenerEvents {
  request(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

type ListenerSettings = Pick<Settings, 'tls' | 'headersTimeoutMs' | 'requestTimeoutMs'>;

/** Bytes of a request line with its headers: a JWT in a query has 8 KB at most. More is answered with 431. */
const MAX_HEADER_BYTES = 32_768;
const MAX_HEADERS = 200;
/** Above the idle time of common load balancers, which else send a request while we close. */
const KEEP_ALIVE_MS = 65_000;
/** As many as a storm of clients opens at once. */
const MAX_WAITING = 5_000;
const BACKLOG = 1_024;

/** The HTTP server under everything: plain, or TLS where a certificate is configured. Throws 40003 for one that is unusable. */
export class Listener {
  readonly isSecure: boolean;
  readonly #server: Server;
  readonly #waiting = new Set<Socket>();
  readonly #maxWaiting: number;
  readonly #arrived: (this: Socket) => void;

  /** @param maxWaiting sockets that may be without a whole request head; past it the oldest makes room */
  constructor(settings: ListenerSettings, events: ListenerEvents, maxWaiting = MAX_WAITING) {
    this.isSecure = settings.tls.cert !== undefined || settings.tls.key !== undefined;
    this.#server = this.isSecure ? createTlsServer(settings) : createHttpServer(optionsOf(settings));
    this.#maxWaiting = maxWaiting;
    this.#server.maxHeadersCount = MAX_HEADERS + 1;
    const waiting = this.#waiting;
    this.#arrived = function () {
      waiting.delete(this);
    };
    this.#server.on(this.isSecure ? 'secureConnection' : 'connection', (socket: Socket) => this.#admit(socket));
    this.#server.on('request', (request, response) => {
      waiting.delete(request.socket);
      if (tooManyHeaders(request)) response.writeHead(431, { connection: 'close' }).end();
      else events.request(request, response);
    });
    this.#server.on('upgrade', (request, socket, head) => {
      waiting.delete(request.socket);
      request.socket.off('close', this.#arrived);
      if (tooManyHeaders(request))
        socket.end('HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\r\n');
      else events.upgrade(request, socket, head);
    });
  }

  /** Resolves with the address once it is bound; rejects with Node's error, such as EADDRINUSE. */
  async listen(host: string, port: number): Promise<AddressInfo> {
    try {
      return await this.#bind(host, port);
    } catch (failure) {
      // A machine without IPv6 has no `::` that stands for everything.
      if (host !== '::' || !isCode(failure, 'EAFNOSUPPORT', 'EADDRNOTAVAIL')) throw failure;
      return this.#bind('0.0.0.0', port);
    }
  }

  /** Takes no new sockets, and resolves when those there are have ended, or after this many ms ends them. */
  async close(graceMs: number): Promise<void> {
    const server = this.#server;
    if (!server.listening) return;
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#waiting) socket.destroy();
    server.closeIdleConnections();
    await closed;
    clearTimeout(timer);
  }

  #bind(host: string, port: number): Promise<AddressInfo> {
    const server = this.#server;
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog: BACKLOG }, () => {
        server.off('error', reject);
        resolve(server.address() as AddressInfo);
      });
    });
  }

  #admit(socket: Socket): void {
    this.#waiting.add(socket);
    socket.on('close', this.#arrived);
    if (this.#waiting.size <= this.#maxWaiting) return;
    const [oldest] = this.#waiting;
    if (oldest === undefined) return;
    this.#waiting.delete(oldest);
    oldest.destroy();
  }
}

function optionsOf({ headersTimeoutMs, requestTimeoutMs }: ListenerSettings) {
  return {
    noDelay: true,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: headersTimeoutMs,
    requestTimeout: Math.max(requestTimeoutMs, headersTimeoutMs),
    connectionsCheckingInterval: Math.min(2_000, Math.ceil(headersTimeoutMs / 2)),
  };
}

function createTlsServer(settings: ListenerSettings): Server {
  const { cert, key } = settings.tls;
  if (cert === undefined || key === undefined) throw errors.badParameter('tls', 'it needs both cert and key');
  const options = {
    ...optionsOf(settings),
    handshakeTimeout: settings.headersTimeoutMs,
    minVersion: 'TLSv1.2' as const,
  };
  const [certPem, keyPem] = [pemOf(cert, 'tls.cert'), pemOf(key, 'tls.key')];
  try {
    return createHttpsServer({ ...options, cert: certPem, key: keyPem });
  } catch (failure) {
    throw errors.badParameter('tls', `the certificate cannot be used (${(failure as Error).message})`);
  }
}

/** PEM text as it is, else that of the file of this name. */
function pemOf(value: string, name: string): string {
  if (value.includes('-----BEGIN')) return value;
  try {
    return readFileSync(value, 'utf8');
  } catch (failure) {
    throw errors.badParameter(
      name,
      `the file cannot be read (${(failure as NodeJS.ErrnoException).code ?? 'unknown'})`,
    );
  }
}

function tooManyHeaders({ rawHeaders }: IncomingMessage): boolean {
  return rawHeaders.length > 2 * MAX_HEADERS;
}

function isCode(failure: unknown, ...codes: string[]): boolean {
  return failure instanceof Error && 'code' in failure && codes.includes(String(failure.code));
}
