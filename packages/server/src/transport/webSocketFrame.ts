import type { Wire } from './transport.ts';

const FIN_TEXT = 0x81;
const FIN_BINARY = 0x82;

/** A WebSocket message of one unmasked server frame (RFC 6455, 5.2). */
function frame(firstByte: number, payload: Uint8Array): Buffer {
  const length = payload.length;
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = Buffer.allocUnsafeSlow(header + length);
  bytes[0] = firstByte;
  if (header === 2) {
    bytes[1] = length;
  } else if (header === 4) {
    bytes[1] = 126;
    bytes.writeUInt16BE(length, 2);
  } else {
    bytes[1] = 127;
    bytes.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
    bytes.writeUInt32BE(length >>> 0, 6);
  }
  bytes.set(payload, header);
  return bytes;
}

/** WebSocket pipes that speak JSON in text frames. */
export const jsonWebSocketWire: Wire = { slot: 0, format: 'json', wrap: (payload) => frame(FIN_TEXT, payload) };

/** WebSocket pipes that speak MessagePack in binary frames. */
export const msgpackWebSocketWire: Wire = {
  slot: 1,
  format: 'msgpack',
  wrap: (payload) => frame(FIN_BINARY, payload),
};

/** A ping without payload. */
export const pingFrame: Buffer = Buffer.from([0x89, 0x00]);

/** The pong that answers a ping: the same payload, at most 125 bytes. */
export function pongFrame(payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([0x8a, payload.length]), payload]);
}

/** A close frame; without a code it has no reason either. */
export function closeFrame(code: number | undefined, reason: string): Buffer {
  if (code === undefined) return Buffer.from([0x88, 0x00]);
  const text = Buffer.from(reason);
  return Buffer.concat([Buffer.from([0x88, 2 + text.length, code >> 8, code & 0xff]), text]);
}
