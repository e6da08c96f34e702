import { type Codec, type DecodeLimits, defaultDecodeLimits } from './codec.ts';
import { MsgpackReader } from './msgpackReader.ts';
import { MsgpackWriter } from './msgpackWriter.ts';
import { parseFrame } from './parseFrame.ts';

const writer = new MsgpackWriter();

/** The MessagePack format: one map of the current spec, `str` for text and `bin` for bytes. */
export const msgpackCodec: Codec = {
  format: 'msgpack',
  encode: encodeMsgpack,
  decode: (bytes, limits) => parseFrame(decodeMsgpack(bytes, limits), 'msgpack'),
  encodeValue: encodeMsgpack,
  decodeValue: decodeMsgpack,
};

/**
 * A value as MessagePack that `ably` can read. Keys whose value is undefined are left out, as JSON does. Integers take
 * their smallest form, what is beyond 2^53 or has a fraction is a float64, -0 is 0. Objects with `toJSON` are asked.
 */
export function encodeMsgpack(value: unknown): Uint8Array {
  return writer.write(value);
}

/**
 * The value that MessagePack bytes hold. Bytes in it are copies, so the input may be used again at once. Integers beyond
 * 2^53 become the nearest double; of duplicate keys the last counts; `__proto__` is a key like any other.
 * Throws 40000 for malformed or trailing bytes, invalid UTF-8, extension types and keys that are no strings, and 40013
 * beyond the limits. Depth, number of elements and every length are checked before anything is built.
 */
export function decodeMsgpack(bytes: Uint8Array, limits: DecodeLimits = defaultDecodeLimits): unknown {
  return new MsgpackReader(bytes, limits).readAll();
}
