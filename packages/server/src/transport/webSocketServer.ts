import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { Action, codecs, type ErrorInfo, errors } from '@parvis/protocol';
import { WebSocketServer as Handshake, type WebSocket } from 'ws';
import { type Peer, peerOf } from './peer.ts';
import { rejectUpgrade } from './rejectUpgrade.ts';
import type { Transport, Wire } from './transport.ts';
import { jsonWebSocketWire, msgpackWebSocketWire } from './webSocketFrame.ts';
import { WebSocketTransport } from './webSocketTransport.ts';

/** What a WebSocket server needs to know. */
export interface WebSocketServerOptions {
  /** Bytes of one message; a larger one ends its socket with 1009 before it is buffered. */
  readonly maxPayload: number;
  readonly trustProxy: boolean;
  /** Whether a browser page of that origin may connect. A request without an origin is no browser's and is let in. */
  isOriginAllowed(origin: string): boolean;
  /** Takes over a new pipe. Credentials are judged there, after the handshake (protocol reference 2.5). */
  accept(transport: Transport, query: URLSearchParams, secure: boolean): void;
  /** A client was turned away before it reached a connection. */
  refused(error: ErrorInfo, remote: string): void;
}

const wires: ReadonlyMap<string, Wire> = new Map([
  ['json', jsonWebSocketWire],
  ['msgpack', msgpackWebSocketWire],
]);

/** Clients send a message as one frame; these bound what a hostile one makes us hold for an unfinished message. */
const bounds = { maxFragments: 128, maxBufferedChunks: 4_096 };
/** ms that a peer has to answer a close frame. */
const CLOSE_TIMEOUT_MS = 5_000;
/** Connectivity checks: how many at once, and for how many ms each may stay. */
const MAX_CHECKS = 200;
const CHECK_MS = 3_000;

/** Turns upgrade requests into pipes: `/` opens a connection, `/ws-up` only shows that WebSockets get through. */
export class WebSocketServer {
  readonly #options: WebSocketServerOptions;
  readonly #handshake: Handshake;
  readonly #sockets = new Set<Duplex>();
  /** One listener for all sockets: it finds its socket in `this`. */
  readonly #forget: (this: Duplex) => void;
  #checks = 0;
  #isDraining = false;

  constructor(options: WebSocketServerOptions) {
    this.#options = options;
    const handshake = {
      ...bounds,
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      autoPong: false,
      skipUTF8Validation: false,
      maxPayload: options.maxPayload,
      closeTimeout: CLOSE_TIMEOUT_MS,
    };
    this.#handshake = new Handshake(handshake);
    const sockets = this.#sockets;
    this.#forget = function () {
      sockets.delete(this);
    };
  }

  /** Sockets that are open, whatever became of their connections. */
  get size(): number {
    return this.#sockets.size;
  }

  /** Answers the upgrade request of an HTTP server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const { origin } = request.headers;
    const url = request.url ?? '/';
    const end = url.indexOf('?');
    const path = end < 0 ? url : url.slice(0, end);
    const peer = peerOf(request, this.#options.trustProxy);
    if (origin !== undefined && !this.#options.isOriginAllowed(origin)) {
      this.#reject(socket, errors.originRefused(), peer);
    } else if (path === '/') {
      const query = new URLSearchParams(end < 0 ? '' : url.slice(end + 1));
      // The handshake leaves in one write with CONNECTED, which comes at the end of this turn of the event loop.
      socket.cork();
      this.#handshake.handleUpgrade(request, socket, head, (webSocket) => this.#open(webSocket, socket, query, peer));
      setImmediate(uncork, socket);
    } else if (path === '/ws-up' && this.#checks < MAX_CHECKS) {
      this.#handshake.handleUpgrade(request, socket, head, (webSocket) => this.#check(webSocket));
    } else {
      this.#reject(socket, errors.notFound('WebSocket path'), peer);
    }
  }

  /** From now on clients are told to go elsewhere as soon as they come. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Destroys what is still open. */
  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #open(webSocket: WebSocket, socket: Duplex, query: URLSearchParams, { remote, secure }: Peer): void {
    this.#sockets.add(socket);
    socket.on('close', this.#forget);
    const format = query.get('format') ?? 'json';
    const wire = wires.get(format);
    const transport = new WebSocketTransport(webSocket, socket, wire ?? jsonWebSocketWire, remote);
    if (wire === undefined) this.#refuse(transport, Action.ERROR, errors.badRequest('format must be json or msgpack'));
    else if (this.#isDraining) this.#refuse(transport, Action.DISCONNECTED, errors.unavailable('going down'));
    else this.#options.accept(transport, query, secure);
  }

  /** Tells a client, in its format as far as we know it, and ends its pipe. */
  #refuse(transport: Transport, action: number, error: ErrorInfo): void {
    this.#options.refused(error, transport.remote);
    const ignore = () => {};
    transport.listen({ frame: ignore, drain: ignore, alive: ignore, closed: ignore });
    const { wire } = transport;
    transport.write(wire.wrap(codecs[wire.format].encode({ action, error: error.toJSON() })));
    transport.close();
  }

  /** Stays open for a moment, without credentials, since all the client asks is whether it opens. */
  #check(webSocket: WebSocket): void {
    this.#checks += 1;
    const timer = setTimeout(() => webSocket.close(1000), CHECK_MS);
    timer.unref();
    webSocket.on('error', () => {});
    webSocket.on('close', () => {
      clearTimeout(timer);
      this.#checks -= 1;
    });
  }

  #reject(socket: Duplex, error: ErrorInfo, peer: Peer): void {
    this.#options.refused(error, peer.remote);
    rejectUpgrade(socket, error);
  }
}

function uncork(socket: Duplex): void {
  socket.uncork();
}
