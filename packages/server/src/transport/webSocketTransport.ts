import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Transport, TransportEvents, Wire } from './transport.ts';
import { pingFrame, pongFrame } from './webSocketFrame.ts';

/** ms that a client has to take what is left and answer the close frame. */
const CLOSE_TIMEOUT_MS = 5_000;

/**
 * A WebSocket as a pipe. `ws` does the handshake, reads and closes; what we send is framed by us and written straight to
 * the socket, each write holding whole frames, so the two never interleave.
 */
export class WebSocketTransport implements Transport {
  readonly wire: Wire;
  readonly remote: string;
  readonly ping = pingFrame;
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  #ended = false;
  /** Payload of the last ping: of those that come in one turn, or while the peer reads nothing, it is answered (RFC 6455, 5.5.3). */
  #owedPong: Buffer | undefined;

  constructor(webSocket: WebSocket, socket: Duplex, wire: Wire, remote: string) {
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.wire = wire;
    this.remote = remote;
  }

  get backlog(): number {
    return this.#socket.writableLength;
  }

  listen(events: TransportEvents): void {
    const webSocket = this.#webSocket;
    const isText = this.wire.format === 'json';
    webSocket.on('message', (data: Buffer, isBinary: boolean) => {
      if (this.#ended) return;
      if (isBinary === isText) this.#end(1003, 'frame type does not fit the format of the connection');
      else events.frame(data);
    });
    webSocket.on('ping', (payload: Buffer) => {
      if (this.#ended) return;
      events.alive();
      if (this.#owedPong === undefined) setImmediate(() => this.#answerPing());
      this.#owedPong = payload;
    });
    webSocket.on('pong', () => {
      if (!this.#ended) events.alive();
    });
    // `ws` answers an error with a close frame of its own, and nothing may follow it.
    webSocket.on('error', () => {
      this.#ended = true;
    });
    webSocket.on('close', () => events.closed());
    this.#socket.on('drain', () => {
      this.#answerPing();
      events.drain();
    });
  }

  write(bytes: Uint8Array): void {
    if (!this.#ended && this.#socket.writable) this.#socket.write(bytes);
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }

  close(): void {
    this.#end(1000);
  }

  #answerPing(): void {
    if (this.#owedPong === undefined || this.#socket.writableNeedDrain) return;
    this.write(pongFrame(this.#owedPong));
    this.#owedPong = undefined;
  }

  #end(code: number, reason?: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#webSocket.close(code, reason);
    setTimeout(() => this.#webSocket.terminate(), CLOSE_TIMEOUT_MS).unref();
  }
}
