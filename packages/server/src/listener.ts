import { readFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errors } from '@parvis/protocol';
import type { Settings } from './settings/settings.ts';
import { readUpgradeHead, type UpgradeHead } from './transport/upgradeHead.ts';

/** What comes of a request. */
export interface ListenerEvents {
  request(request: IncomingMessage, response: ServerResponse): void;
  /** @param early what the client sent behind its request */
  upgrade(head: UpgradeHead, socket: Duplex, early: Buffer): void;
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

/**
 * The HTTP server under everything: plain, or TLS where a certificate is configured. Throws 40003 for one that is unusable.
 *
 * A socket that begins with a plain WebSocket upgrade is taken before the HTTP server sees it, which is most of what a
 * connection would cost; all others are handed to it with the bytes they began with.
 */
export class Listener {
  readonly isSecure: boolean;
  readonly #server: Server;
  readonly #events: ListenerEvents;
  /** What Node's HTTP server does with a new socket. */
  readonly #serve: ReturnType<Server['listeners']>;
  /** Sockets without a whole request head, oldest first, and when they came (ms). */
  readonly #waiting = new Map<Socket, number>();
  readonly #maxWaiting: number;
  readonly #headersTimeoutMs: number;
  readonly #arrived: (this: Socket) => void;
  readonly #begins: (this: Socket, bytes: Buffer) => void;
  #sweep: NodeJS.Timeout | undefined;

  /** @param maxWaiting sockets that may be without a whole request head; past it the oldest makes room */
  constructor(settings: ListenerSettings, events: ListenerEvents, maxWaiting = MAX_WAITING) {
    this.isSecure = settings.tls.cert !== undefined || settings.tls.key !== undefined;
    this.#server = this.isSecure ? createTlsServer(settings) : createHttpServer(optionsOf(settings));
    this.#maxWaiting = maxWaiting;
    this.#headersTimeoutMs = settings.headersTimeoutMs;
    this.#server.maxHeadersCount = MAX_HEADERS + 1;
    const waiting = this.#waiting;
    this.#arrived = function () {
      waiting.delete(this);
    };
    const listener = this;
    this.#begins = function (bytes) {
      listener.#begin(this, bytes);
    };
    this.#events = events;
    const arrival = this.isSecure ? 'secureConnection' : 'connection';
    this.#serve = this.#server.listeners(arrival);
    this.#server.removeAllListeners(arrival);
    this.#server.on(arrival, (socket: Socket) => this.#admit(socket));
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
      else events.upgrade({ target: request.url ?? '/', headers: request.headers }, socket, head);
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
    clearInterval(this.#sweep);
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#waiting.keys()) socket.destroy();
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
        this.#sweep = setInterval(() => this.#endOverdue(), checkingInterval(this.#headersTimeoutMs)).unref();
        resolve(server.address() as AddressInfo);
      });
    });
  }

  #admit(socket: Socket): void {
    this.#waiting.set(socket, performance.now());
    socket.on('close', this.#arrived);
    socket.on('error', ignore);
    socket.on('data', this.#begins);
    if (this.#waiting.size <= this.#maxWaiting) return;
    const [oldest] = this.#waiting.keys();
    if (oldest === undefined) return;
    this.#waiting.delete(oldest);
    oldest.destroy();
  }

  /** Looks at the first bytes of a socket and gives it to whom it belongs. */
  #begin(socket: Socket, bytes: Buffer): void {
    socket.off('data', this.#begins);
    const found = readUpgradeHead(bytes);
    if (found !== undefined) {
      this.#waiting.delete(socket);
      socket.off('close', this.#arrived);
      this.#events.upgrade(found.head, socket, bytes.subarray(found.length));
      return;
    }
    socket.off('error', ignore);
    socket.pause();
    socket.unshift(bytes);
    for (const serve of this.#serve) serve.call(this.#server, socket);
    socket.resume();
  }

  /** The HTTP server knows nothing of sockets that have not sent a byte. */
  #endOverdue(): void {
    const since = performance.now() - this.#headersTimeoutMs;
    for (const [socket, at] of this.#waiting) {
      if (at > since) return;
      if (socket.listeners('data').includes(this.#begins)) socket.destroy();
    }
  }
}

function optionsOf({ headersTimeoutMs, requestTimeoutMs }: ListenerSettings) {
  return {
    noDelay: true,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: headersTimeoutMs,
    requestTimeout: Math.max(requestTimeoutMs, headersTimeoutMs),
    connectionsCheckingInterval: checkingInterval(headersTimeoutMs),
  };
}

/** How often sockets are looked through for those that take too long, ms. */
function checkingInterval(headersTimeoutMs: number): number {
  return Math.min(2_000, Math.ceil(headersTimeoutMs / 2));
}

function ignore(): void {}

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
