import { isUtf8 } from 'node:buffer';

/** What a receiver makes of the bytes of a client. All are called from within `push`. */
export interface ReceiverEvents {
  /** One whole message. Its bytes belong to the callee. */
  message(payload: Buffer, isText: boolean): void;
  pinged(payload: Buffer): void;
  ponged(): void;
  /** The client closes; nothing is read after it. */
  closing(code: number | undefined): void;
  /** The client broke the rules; nothing is read after it. The code is that of a close frame. */
  failed(code: number, reason: string): void;
}

const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

const PROTOCOL_ERROR = 1002;
const INVALID_DATA = 1007;
const POLICY = 1008;
const TOO_BIG = 1009;

/** Clients send a message as one frame; this bounds what a hostile one makes us hold for an unfinished message. */
const MAX_PARTS = 128;
const nothing: Buffer = Buffer.alloc(0);

/** A message that came in several frames so far. */
interface Unfinished {
  readonly isText: boolean;
  readonly parts: Buffer[];
  length: number;
}

/** The header of one frame, and where its payload lies. */
interface FrameHeader {
  readonly opcode: number;
  readonly isFinal: boolean;
  /** Where the mask lies; the payload follows it. */
  readonly mask: number;
  readonly length: number;
}

/** Why a frame is refused. */
interface Fault {
  readonly code: number;
  readonly reason: string;
}

/**
 * The reading half of a WebSocket server (RFC 6455, 5): bytes in, messages out. It holds what has come of an unfinished
 * frame or message and never more than twice that; a frame that tells of more than `maxPayload` is refused by its header.
 */
export class WebSocketReceiver {
  readonly #events: ReceiverEvents;
  readonly #maxPayload: number;
  /** Bytes that have come and are not read: the first `#waiting` of this buffer. */
  #buffer = nothing;
  #waiting = 0;
  #unfinished: Unfinished | undefined;
  #isHeld = false;
  #isDone = false;

  constructor(events: ReceiverEvents, maxPayload: number) {
    this.#events = events;
    this.#maxPayload = maxPayload;
  }

  /** Takes bytes as they came and owns them from here on: payloads are unmasked in place. */
  push(bytes: Buffer): void {
    if (this.#isDone) return;
    const isWhole = this.#waiting === 0;
    if (!isWhole) this.#append(bytes);
    const source = isWhole ? bytes : this.#buffer.subarray(0, this.#waiting);
    let at = 0;
    while (!this.#isHeld && !this.#isDone) {
      const next = this.#frame(source, at);
      if (next < 0) break;
      at = next;
    }
    if (this.#isDone) this.#keep(nothing);
    else if (isWhole || at > 0) this.#keep(source.subarray(at));
  }

  /** Bytes wait and are not looked at until `release`, from within an event as well. */
  hold(): void {
    this.#isHeld = true;
  }

  /** Goes on with the next `push`, be it one of nothing. */
  release(): void {
    this.#isHeld = false;
  }

  /** Adds to what waits; the buffer doubles, so that a frame in many small pieces is copied a bounded number of times. */
  #append(bytes: Buffer): void {
    const needed = this.#waiting + bytes.length;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#waiting);
      this.#buffer = larger;
    }
    bytes.copy(this.#buffer, this.#waiting);
    this.#waiting = needed;
  }

  /** What is left is copied: the bytes before it were given away, and would live as long as a view of the rest. */
  #keep(rest: Buffer): void {
    this.#waiting = rest.length;
    if (rest.length === 0) {
      this.#buffer = nothing;
      return;
    }
    this.#buffer = Buffer.allocUnsafeSlow(rest.length);
    rest.copy(this.#buffer);
  }

  /** Reads the frame that begins at `at`, and tells where the next one does; -1 while it is not whole. */
  #frame(bytes: Buffer, at: number): number {
    const header = this.#header(bytes, at);
    if (header === undefined) return -1;
    if ('code' in header) return this.#fail(header);
    const start = header.mask + 4;
    const end = start + header.length;
    if (end > bytes.length) return -1;
    unmask(bytes, header.mask, end);
    const payload = bytes.subarray(start, end);
    if (header.opcode < Opcode.CLOSE) this.#data(header, payload);
    else if (header.opcode === Opcode.PING) this.#events.pinged(payload);
    else if (header.opcode === Opcode.PONG) this.#events.ponged();
    else this.#close(payload);
    return end;
  }

  #header(bytes: Buffer, at: number): FrameHeader | Fault | undefined {
    const left = bytes.length - at;
    if (left < 2) return undefined;
    const [first, second] = [bytes[at] ?? 0, bytes[at + 1] ?? 0];
    const opcode = first & 0x0f;
    const isFinal = first >= 0x80;
    let length = second & 0x7f;
    const fault = this.#faultOf(first, second, opcode, isFinal, length);
    if (fault !== undefined) return { code: PROTOCOL_ERROR, reason: fault };
    let mask = at + 2;
    if (length === 126) {
      if (left < 4) return undefined;
      length = bytes.readUInt16BE(mask);
      mask += 2;
    } else if (length === 127) {
      if (left < 10) return undefined;
      length = bytes.readUInt32BE(mask) * 2 ** 32 + bytes.readUInt32BE(mask + 4);
      mask += 8;
    }
    if (length + (opcode < Opcode.CLOSE ? (this.#unfinished?.length ?? 0) : 0) > this.#maxPayload) {
      return { code: TOO_BIG, reason: `a message may have ${this.#maxPayload} bytes at most` };
    }
    return { opcode, isFinal, mask, length };
  }

  #faultOf(first: number, second: number, opcode: number, isFinal: boolean, length: number): string | undefined {
    if ((first & 0x70) !== 0) return 'reserved bits must be 0';
    if (second < 0x80) return 'frames of a client must be masked';
    if (opcode >= Opcode.CLOSE) {
      if (opcode > Opcode.PONG) return 'unknown opcode';
      return isFinal && length <= 125 ? undefined : 'a control frame must be whole and of 125 bytes at most';
    }
    if (opcode > Opcode.BINARY) return 'unknown opcode';
    if ((opcode === Opcode.CONTINUATION) === (this.#unfinished === undefined)) return 'a frame out of its order';
    return undefined;
  }

  #data({ opcode, isFinal }: FrameHeader, payload: Buffer): void {
    if (isFinal && this.#unfinished === undefined) {
      this.#message(payload, opcode === Opcode.TEXT);
      return;
    }
    this.#unfinished ??= { isText: opcode === Opcode.TEXT, parts: [], length: 0 };
    const { parts, isText } = this.#unfinished;
    if (parts.length === MAX_PARTS) {
      this.#fail({ code: POLICY, reason: `a message may have ${MAX_PARTS} fragments at most` });
      return;
    }
    // A small part must not keep alive all that was read with it.
    const part = Buffer.allocUnsafeSlow(payload.length);
    payload.copy(part);
    parts.push(part);
    this.#unfinished.length += part.length;
    if (!isFinal) return;
    this.#unfinished = undefined;
    this.#message(Buffer.concat(parts), isText);
  }

  #message(payload: Buffer, isText: boolean): void {
    if (isText && !isUtf8(payload)) this.#fail({ code: INVALID_DATA, reason: 'text is not valid UTF-8' });
    else this.#events.message(payload, isText);
  }

  #close(payload: Buffer): void {
    if (payload.length === 0) {
      this.#isDone = true;
      this.#events.closing(undefined);
      return;
    }
    const code = payload.length === 1 ? 0 : payload.readUInt16BE(0);
    if (!isCloseCode(code)) this.#fail({ code: PROTOCOL_ERROR, reason: 'not a close code' });
    else if (!isUtf8(payload.subarray(2))) this.#fail({ code: INVALID_DATA, reason: 'text is not valid UTF-8' });
    else {
      this.#isDone = true;
      this.#events.closing(code);
    }
  }

  #fail({ code, reason }: Fault): number {
    this.#isDone = true;
    this.#unfinished = undefined;
    this.#events.failed(code, reason);
    return -1;
  }
}

function unmask(bytes: Buffer, mask: number, end: number): void {
  const start = mask + 4;
  const [a, b, c, d] = [bytes[mask] ?? 0, bytes[mask + 1] ?? 0, bytes[mask + 2] ?? 0, bytes[mask + 3] ?? 0];
  let i = start;
  for (; i + 3 < end; i += 4) {
    bytes[i] = (bytes[i] ?? 0) ^ a;
    bytes[i + 1] = (bytes[i + 1] ?? 0) ^ b;
    bytes[i + 2] = (bytes[i + 2] ?? 0) ^ c;
    bytes[i + 3] = (bytes[i + 3] ?? 0) ^ d;
  }
  for (; i < end; i++) bytes[i] = (bytes[i] ?? 0) ^ (bytes[mask + ((i - start) & 3)] ?? 0);
}

/** Codes that may stand in a close frame (RFC 6455, 7.4). */
function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}
