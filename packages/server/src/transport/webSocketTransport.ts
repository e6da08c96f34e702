import type { Duplex } from 'node:stream';
import type { Peer } from './peer.ts';
import type { Transport, TransportEvents, Wire } from './transport.ts';
import { closeFrame, pingFrame, pongFrame } from './webSocketFrame.ts';
import { type ReceiverEvents, WebSocketReceiver } from './webSocketReceiver.ts';

/** What a pipe is made with, once the upgrade was granted. */
export interface WebSocketParts {
  readonly wire: Wire;
  /** Bytes of one message of the client. */
  readonly maxPayload: number;
  /** The answer to the upgrade request; it leaves with the first frames, or with `greet`. */
  readonly answer: Buffer;
  /** What the client sent behind its request. */
  readonly early: Buffer;
  readonly peer: Peer;
}

/** ms that a client has to take what is left and answer the close frame. */
const CLOSE_TIMEOUT_MS = 5_000;
const NORMAL = 1000;
const WRONG_TYPE = 1003;
const nothing: Buffer = Buffer.alloc(0);

/** A socket finds its pipe here, so that one set of listeners serves all sockets. */
const pipe = Symbol('pipe');
type PipeSocket = Duplex & { [pipe]?: WebSocketTransport };

/** A WebSocket as a pipe, straight on its socket. Each write holds whole frames, so answers to pings never split one. */
export class WebSocketTransport implements Transport, ReceiverEvents {
  readonly wire: Wire;
  readonly ping = pingFrame;
  readonly #socket: PipeSocket;
  readonly #receiver: WebSocketReceiver;
  readonly #peer: Peer;
  #events: TransportEvents | undefined;
  #answer: Buffer | undefined;
  #early: Buffer | undefined;
  #ended = false;
  /** Payload of the last ping: of those that come in one turn, or while the peer reads nothing, it is answered (RFC 6455, 5.5.3). */
  #owedPong: Buffer | undefined;

  constructor(socket: Duplex, parts: WebSocketParts) {
    this.#socket = socket;
    this.wire = parts.wire;
    this.#receiver = new WebSocketReceiver(this, parts.maxPayload);
    this.#peer = parts.peer;
    this.#answer = parts.answer;
    this.#early = parts.early.length === 0 ? undefined : parts.early;
  }

  get remote(): string {
    return this.#peer.remote;
  }

  get backlog(): number {
    return this.#socket.writableLength;
  }

  listen(events: TransportEvents): void {
    const socket = this.#socket;
    this.#events = events;
    socket[pipe] = this;
    socket.on('error', ignore);
    socket.on('close', onClose);
    socket.on('drain', onDrain);
    socket.on('end', onEnd);
    socket.on('data', onData);
    if (this.#early !== undefined) setImmediate(onData.bind(socket, nothing));
  }

  write(bytes: Uint8Array): void {
    if (!this.#ended) this.#send(bytes);
  }

  /** Answers the upgrade request, if nothing that was written has carried the answer yet. */
  greet(): void {
    if (this.#answer !== undefined) this.#send(nothing);
  }

  pause(): void {
    this.#receiver.hold();
    this.#socket.pause();
  }

  resume(): void {
    this.#receiver.release();
    this.#socket.resume();
    // Frames that came with the one during which we were paused wait in the receiver.
    setImmediate(onData.bind(this.#socket, nothing));
  }

  close(): void {
    this.#end(NORMAL);
  }

  /** Bytes of the socket. */
  received(chunk: Buffer): void {
    const early = this.#early;
    this.#early = undefined;
    if (early !== undefined) this.#receiver.push(early);
    this.#receiver.push(chunk);
  }

  /** The network took what was written. */
  drained(): void {
    this.#answerPing();
    this.#events?.drain();
  }

  /** The socket is gone. */
  gone(): void {
    this.#ended = true;
    this.#events?.closed();
  }

  message(payload: Buffer, isText: boolean): void {
    if (this.#ended) return;
    if (isText === (this.wire.format === 'json')) this.#events?.frame(payload);
    else this.#end(WRONG_TYPE, 'frame type does not fit the format of the connection');
  }

  pinged(payload: Buffer): void {
    if (this.#ended) return;
    this.#events?.alive();
    if (this.#owedPong === undefined) setImmediate(() => this.#answerPing());
    this.#owedPong = payload;
  }

  ponged(): void {
    if (!this.#ended) this.#events?.alive();
  }

  /** The client closes, or answers our close frame: the socket has nothing more to say. */
  closing(code: number | undefined): void {
    this.#end(code);
    this.#socket.end();
  }

  /** What the client sends from here on makes no sense any more. */
  failed(code: number, reason: string): void {
    this.#end(code, reason);
    this.#socket.end();
  }

  #answerPing(): void {
    if (this.#owedPong === undefined || this.#socket.writableNeedDrain) return;
    this.write(pongFrame(this.#owedPong));
    this.#owedPong = undefined;
  }

  #end(code: number | undefined, reason = ''): void {
    if (this.#ended) return;
    this.#send(closeFrame(code, reason));
    this.#ended = true;
    // The client's answer may stand behind frames that are not wanted any more.
    this.resume();
    setTimeout(() => this.#socket.destroy(), CLOSE_TIMEOUT_MS).unref();
  }

  #send(bytes: Uint8Array): void {
    const answer = this.#answer;
    this.#answer = undefined;
    if (!this.#socket.writable) return;
    this.#socket.write(answer === undefined ? bytes : Buffer.concat([answer, bytes]));
  }
}

function onData(this: PipeSocket, chunk: Buffer): void {
  this[pipe]?.received(chunk);
}

function onDrain(this: PipeSocket): void {
  this[pipe]?.drained();
}

/** The client will send nothing more: without a close frame, that is its end. */
function onEnd(this: PipeSocket): void {
  this.end();
}

function onClose(this: PipeSocket): void {
  this[pipe]?.gone();
}

/** `close` follows. */
function ignore(): void {}
