import type { Duplex } from 'node:stream';
import { Action, codecs, type ErrorInfo, errors } from '@parvis/protocol';
import { handshakeAnswer, handshakeFault } from './handshake.ts';
import { type Peer, peerOf } from './peer.ts';
import { rejectUpgrade } from './rejectUpgrade.ts';
import type { Transport, Wire } from './transport.ts';
import type { UpgradeHead } from './upgradeHead.ts';
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

/** Connectivity checks: how many at once, and for how many ms each may stay. */
const MAX_CHECKS = 200;
const CHECK_MS = 3_000;

/** Turns upgrade requests into pipes: `/` opens a connection, `/ws-up` only shows that WebSockets get through. */
export class WebSocketServer {
  readonly #options: WebSocketServerOptions;
  readonly #sockets = new Set<Duplex>();
  /** One listener for all sockets: it finds its socket in `this`. */
  readonly #forget: (this: Duplex) => void;
  /** Opened in this turn of the event loop. */
  readonly #fresh: WebSocketTransport[] = [];
  #checks = 0;
  #isDraining = false;

  constructor(options: WebSocketServerOptions) {
    this.#options = options;
    const sockets = this.#sockets;
    this.#forget = function () {
      sockets.delete(this);
    };
  }

  /** Sockets that are open, whatever became of their connections. */
  get size(): number {
    return this.#sockets.size;
  }

  /** Answers an upgrade request; `early` is what the client sent behind it. */
  upgrade(head: UpgradeHead, socket: Duplex, early: Buffer): void {
    const { target, headers } = head;
    const end = target.indexOf('?');
    const path = end < 0 ? target : target.slice(0, end);
    const peer = peerOf({ socket, headers }, this.#options.trustProxy);
    const fault = this.#faultOf(path, head);
    if (fault !== undefined) {
      this.#options.refused(fault, peer.remote);
      rejectUpgrade(socket, fault);
      return;
    }
    const query = new URLSearchParams(end < 0 ? '' : target.slice(end + 1));
    const format = query.get('format') ?? 'json';
    const transport = new WebSocketTransport(socket, {
      wire: wires.get(format) ?? jsonWebSocketWire,
      maxPayload: this.#options.maxPayload,
      answer: handshakeAnswer(head),
      early,
      peer,
    });
    this.#sockets.add(socket);
    socket.on('close', this.#forget);
    if (path === '/') this.#open(transport, query, peer, wires.has(format));
    else this.#check(transport);
    // The answer leaves in one write with CONNECTED, which comes at the end of this turn of the event loop.
    if (this.#fresh.push(transport) === 1) setImmediate(() => this.#greetAll());
  }

  /** From now on clients are told to go elsewhere as soon as they come. */
  drain(): void {
    this.#isDraining = true;
  }

  /** Destroys what is still open. */
  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #greetAll(): void {
    for (const transport of this.#fresh.splice(0)) transport.greet();
  }

  #faultOf(path: string, head: UpgradeHead): ErrorInfo | undefined {
    const { origin } = head.headers;
    if (origin !== undefined && !this.#options.isOriginAllowed(origin)) return errors.originRefused();
    if (path !== '/' && (path !== '/ws-up' || this.#checks >= MAX_CHECKS)) return errors.notFound('WebSocket path');
    return handshakeFault(head);
  }

  #open(transport: WebSocketTransport, query: URLSearchParams, { secure }: Peer, isKnownFormat: boolean): void {
    if (!isKnownFormat) this.#refuse(transport, Action.ERROR, errors.badRequest('format must be json or msgpack'));
    else if (this.#isDraining) this.#refuse(transport, Action.DISCONNECTED, errors.unavailable('going down'));
    else this.#options.accept(transport, query, secure);
  }

  /** Tells a client, in its format as far as we know it, and ends its pipe. */
  #refuse(transport: Transport, action: number, error: ErrorInfo): void {
    this.#options.refused(error, transport.remote);
    transport.listen({ frame: ignore, drain: ignore, alive: ignore, closed: ignore });
    const { wire } = transport;
    transport.write(wire.wrap(codecs[wire.format].encode({ action, error: error.toJSON() })));
    transport.close();
  }

  /** Stays open for a moment, without credentials, since all the client asks is whether it opens. */
  #check(transport: Transport): void {
    this.#checks += 1;
    const timer = setTimeout(() => transport.close(), CHECK_MS);
    timer.unref();
    const closed = () => {
      clearTimeout(timer);
      this.#checks -= 1;
    };
    transport.listen({ frame: ignore, drain: ignore, alive: ignore, closed });
  }
}

function ignore(): void {}
