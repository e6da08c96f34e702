import { connect } from 'node:net';
import { clientFrame, FrameWalker, headerBytes, Opcode, payloadLength } from '../frame.mjs';
import { marker, payloadBytes } from '../payload.mjs';

/** Read buffer shared by all connections: each read is used up before the next one begins. */
const shared = Buffer.allocUnsafe(256 * 1024);
const markerBytes = Buffer.from(marker);
const firstMarkerByte = /** @type {number} */ (markerBytes[0]);
/** From the end of one marker to the next there is at least the rest of a payload. */
const stride = payloadBytes - markerBytes.length;

/**
 * What all connections of one run have received, and who wants to know after each read.
 * @typedef {{ messages: number, frames: number, bytes: number, onRead?: (() => void) | undefined }} Meter
 */

/**
 * @typedef {object} ConnectionOptions
 * @property {number} port
 * @property {import('./dialects.mjs').Dialect} dialect
 * @property {Meter} meter
 * @property {() => void} onReady the connection is a subscriber
 * @property {(error: Error) => void} onFail it was refused, or was closed by the other side; at most once
 */

/** One WebSocket client on a raw socket. Until it is ready it reads frames, from then on it only counts them. */
export class Connection {
  /** Messages that this connection has received. */
  received = 0;
  /** Called for each message whose sequence and time lie whole in one read. @type {((sequence: number, timeMicros: number) => void) | undefined} */
  onSample;
  /** Called with each whole frame and its payload while set; the frames are counted as well. @type {((payload: Buffer, frame: Buffer) => void) | undefined} */
  onFrame;

  #options;
  #socket;
  #walker = new FrameWalker();
  /** Marker bytes that ended the last read. */
  #matched = 0;
  /** Bytes kept until they make a whole frame, before the connection is ready and while `onFrame` is set. */
  #pending = Buffer.alloc(0);
  #onControl = (/** @type {number} */ opcode) => {
    if (opcode === Opcode.CLOSE) this.#fail(new Error('closed by the server'));
  };
  /** @type {'upgrade' | 'greeting' | 'ready' | 'closed'} */
  #phase = 'upgrade';

  /** @param {ConnectionOptions} options */
  constructor(options) {
    this.#options = options;
    this.#socket = connect({
      port: options.port,
      host: '127.0.0.1',
      noDelay: true,
      onread: { buffer: shared, callback: (length) => this.#read(length) },
    });
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('closed by the server')));
    this.#socket.write(
      `GET ${options.dialect.path} HTTP/1.1\r\nHost: 127.0.0.1:${options.port}\r\nConnection: Upgrade\r\n` +
        'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    );
  }

  /**
   * Sends frames, made by `frame`, in one write.
   * @param {Buffer} frames
   */
  write(frames) {
    this.#socket.write(frames);
  }

  /**
   * The frame that publishes this payload.
   * @param {number} sequence
   * @param {string} data
   */
  frame(sequence, data) {
    const { dialect } = this.#options;
    return clientFrame(dialect.opcode, dialect.publish(sequence, data));
  }

  /** Reads nothing more. */
  stall() {
    this.#socket.pause();
  }

  /** Cuts the connection. By a reset, so that thousands of them leave no ports in TIME_WAIT. */
  destroy() {
    this.#phase = 'closed';
    this.#socket.resetAndDestroy();
  }

  /** @param {Error} error */
  #fail(error) {
    if (this.#phase === 'closed') return;
    this.destroy();
    this.#options.onFail(error);
  }

  /** @param {number} length @returns {boolean} true to go on reading */
  #read(length) {
    if (this.#phase === 'ready' && !this.onFrame) this.#count(shared, length);
    else if (this.#phase !== 'closed') this.#collect(length);
    return true;
  }

  /** @param {number} length */
  #collect(length) {
    if (this.#phase === 'ready') this.#count(shared, length);
    this.#pending = Buffer.concat([this.#pending, shared.subarray(0, length)]);
    try {
      if (this.#phase !== 'upgrade' || this.#upgraded()) this.#takeFrames();
    } catch (error) {
      this.#fail(/** @type {Error} */ (error));
    }
  }

  #upgraded() {
    const end = this.#pending.indexOf('\r\n\r\n');
    if (end < 0) return false;
    if (!this.#pending.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) {
      throw new Error(`no upgrade: ${this.#pending.subarray(0, 200).toString()}`);
    }
    this.#pending = this.#pending.subarray(end + 4);
    this.#phase = 'greeting';
    const { readyAtOpen, greeting, opcode } = this.#options.dialect;
    if (greeting !== undefined) this.#socket.write(clientFrame(opcode, greeting));
    if (readyAtOpen) this.#ready();
    return true;
  }

  #takeFrames() {
    while (this.#phase === 'greeting' || this.onFrame) {
      const frame = this.#takeFrame();
      if (!frame) return;
      const payload = frame.subarray(headerBytes(/** @type {number} */ (frame[1])));
      const opcode = /** @type {number} */ (frame[0]) & 15;
      if (opcode === Opcode.CLOSE) throw new Error(`closed by the server: ${payload.subarray(2).toString()}`);
      if (opcode > Opcode.CLOSE) continue;
      if (this.#phase === 'ready') this.onFrame?.(payload, frame);
      else this.#greet(payload);
    }
  }

  /** @returns {Buffer | undefined} */
  #takeFrame() {
    const bytes = this.#pending;
    if (bytes.length < 2 || bytes.length < headerBytes(/** @type {number} */ (bytes[1]))) return undefined;
    const size = headerBytes(/** @type {number} */ (bytes[1])) + payloadLength(bytes, 0);
    if (bytes.length < size) return undefined;
    this.#pending = bytes.subarray(size);
    return bytes.subarray(0, size);
  }

  /** @param {Buffer} payload */
  #greet(payload) {
    const { dialect } = this.#options;
    const { send, sendAfter, ready } = dialect.answer(payload);
    if (send !== undefined) this.#socket.write(clientFrame(dialect.opcode, send));
    const sendAll = (/** @type {string[]} */ frames) => {
      for (const frame of frames) this.#socket.write(clientFrame(dialect.opcode, frame));
    };
    sendAfter?.then(sendAll, (error) => this.#fail(error));
    if (ready) this.#ready();
  }

  #ready() {
    this.#phase = 'ready';
    const rest = this.#pending;
    if (rest.length > 0) this.#count(rest, rest.length);
    if (!this.onFrame) this.#pending = Buffer.alloc(0);
    this.#options.onReady();
  }

  /**
   * Counts frames by their lengths and messages by their markers.
   * @param {Buffer} bytes
   * @param {number} length
   */
  #count(bytes, length) {
    const { meter } = this.#options;
    meter.bytes += length;
    meter.frames += this.#walker.walk(bytes, length, this.#onControl);
    const before = this.received;
    let at = this.#finishMarker(bytes, length);
    const view = bytes.subarray(0, length);
    while (at < length) {
      at = view.indexOf(firstMarkerByte, at);
      if (at < 0) break;
      at = this.#matchMarker(bytes, at, length);
    }
    meter.messages += this.received - before;
    meter.onRead?.();
  }

  /**
   * Ends a marker that the last read cut; returns where to go on.
   * @param {Buffer} bytes
   * @param {number} length
   */
  #finishMarker(bytes, length) {
    let at = 0;
    while (this.#matched > 0 && at < length) {
      this.#matched = bytes[at] === markerBytes[this.#matched] ? this.#matched + 1 : 0;
      if (this.#matched > 0) at++;
      if (this.#matched === markerBytes.length) {
        this.#matched = 0;
        this.received++;
      }
    }
    return at;
  }

  /**
   * Looks at a possible marker; returns where to go on.
   * @param {Buffer} bytes
   * @param {number} at
   * @param {number} length
   */
  #matchMarker(bytes, at, length) {
    let k = 1;
    while (k < markerBytes.length && at + k < length && bytes[at + k] === markerBytes[k]) k++;
    if (k < markerBytes.length) {
      if (at + k === length) this.#matched = k;
      return at + k;
    }
    this.received++;
    if (this.onSample && at + 30 <= length) this.onSample(digits(bytes, at + 4, 10), digits(bytes, at + 14, 16));
    return at + k + stride;
  }
}

/**
 * @param {Buffer} bytes
 * @param {number} from
 * @param {number} count
 */
function digits(bytes, from, count) {
  let value = 0;
  for (let i = from; i < from + count; i++) {
    const digit = /** @type {number} */ (bytes[i]);
    value = value * 10 + digit - 48;
  }
  return value;
}
