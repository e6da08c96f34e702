/** How a client frame departs from an ordinary one. */
export interface FrameShape {
  readonly fin?: boolean;
  /** The three reserved bits, 0 to 7. */
  readonly rsv?: number;
  readonly masked?: boolean;
  readonly mask?: readonly number[];
  /** The length that the header tells, where it is not that of the payload. */
  readonly toldLength?: number;
}

/** Bytes of a client frame (RFC 6455, 5.2), well-formed unless the shape says otherwise. */
export function clientFrame(opcode: number, payload: Uint8Array | string = '', shape: FrameShape = {}): Buffer {
  const { fin = true, rsv = 0, masked = true, mask = [0x12, 0x34, 0x56, 0x78] } = shape;
  const body = Buffer.from(payload);
  const length = shape.toldLength ?? body.length;
  const flag = masked ? 0x80 : 0;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = flag | (head.length === 2 ? length : head.length === 4 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  if (!masked) return Buffer.concat([head, body]);
  for (const [i, byte] of body.entries()) body[i] = byte ^ (mask[i & 3] ?? 0);
  return Buffer.concat([head, Buffer.from(mask), body]);
}
