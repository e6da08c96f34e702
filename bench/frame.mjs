// WebSocket frames by hand (RFC 6455), for the load generator and the bare `net` server.

export const Opcode = { TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 };

/** Not zero: a receiver may skip the unmasking of a zero mask, and no real client sends one. */
const mask = Buffer.from([0x9d, 0x37, 0xc5, 0x6a]);

/**
 * One frame as a client sends it: masked.
 * @param {number} opcode
 * @param {string | Uint8Array} payload
 */
export function clientFrame(opcode, payload) {
  const body = Buffer.from(payload);
  for (let i = 0; i < body.length; i++) body[i] = /** @type {number} */ (body[i]) ^ /** @type {number} */ (mask[i & 3]);
  const head = header(opcode, body.length);
  head[1] = /** @type {number} */ (head[1]) | 0x80;
  return Buffer.concat([head, mask, body]);
}

/**
 * One frame as a server sends it.
 * @param {number} opcode
 * @param {string | Uint8Array} payload
 */
export function serverFrame(opcode, payload) {
  const body = Buffer.from(payload);
  return Buffer.concat([header(opcode, body.length), body]);
}

/**
 * @param {number} opcode
 * @param {number} length
 */
function header(opcode, length) {
  if (length < 126) return Buffer.from([0x80 | opcode, length]);
  if (length < 65_536) return Buffer.from([0x80 | opcode, 126, length >> 8, length & 255]);
  const head = Buffer.alloc(10);
  head[0] = 0x80 | opcode;
  head[1] = 127;
  head.writeBigUInt64BE(BigInt(length), 2);
  return head;
}

/**
 * Bytes of a frame's header, mask included, as its second byte tells.
 * @param {number} second
 */
export function headerBytes(second) {
  const length = second & 127;
  return (length < 126 ? 2 : length === 126 ? 4 : 10) + (second & 128 ? 4 : 0);
}

/**
 * Bytes of payload that a whole header at `at` announces.
 * @param {Uint8Array} bytes
 * @param {number} at
 */
export function payloadLength(bytes, at) {
  const length = /** @type {number} */ (bytes[at + 1]) & 127;
  if (length < 126) return length;
  const last = at + (length === 126 ? 4 : 10);
  let value = 0;
  for (let i = at + 2; i < last; i++) value = value * 256 + /** @type {number} */ (bytes[i]);
  return value;
}

/** Follows a stream of frames by their lengths alone, across any split of the bytes. */
export class FrameWalker {
  /** Bytes of the present frame's payload that have not come yet. */
  #left = 0;
  #held = new Uint8Array(14);
  #heldBytes = 0;

  /**
   * Passes over one chunk; returns how many frames began in it. A frame counts when its header is complete.
   * @param {Uint8Array} bytes
   * @param {number} end
   * @param {(opcode: number) => void} onControl called for close, ping and pong
   */
  walk(bytes, end, onControl) {
    let frames = 0;
    let at = 0;
    while (at < end) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, end - at);
        this.#left -= step;
        at += step;
        continue;
      }
      const whole = this.#heldBytes === 0 && end - at >= 14;
      if (!whole && !this.#hold(/** @type {number} */ (bytes[at]))) {
        at++;
        continue;
      }
      const source = whole ? bytes : this.#held;
      const from = whole ? at : 0;
      at += whole ? headerBytes(/** @type {number} */ (bytes[at + 1])) : 1;
      this.#left = payloadLength(source, from);
      this.#heldBytes = 0;
      frames++;
      const opcode = /** @type {number} */ (source[from]) & 15;
      if (opcode >= 8) onControl(opcode);
    }
    return frames;
  }

  /** @param {number} byte @returns {boolean} whether a header is complete */
  #hold(byte) {
    this.#held[this.#heldBytes++] = byte;
    return this.#heldBytes >= 2 && this.#heldBytes === headerBytes(/** @type {number} */ (this.#held[1]));
  }

  /** Whether the last byte seen was the last of a frame. */
  get atBoundary() {
    return this.#left === 0 && this.#heldBytes === 0;
  }
}
