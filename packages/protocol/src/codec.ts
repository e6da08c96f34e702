import type { ProtocolMessage } from './message.ts';

/** The two encodings of a frame or an HTTP body. */
export type Format = 'json' | 'msgpack';

/**
 * What a decoder accepts, whatever the sender claims. Meant for what clients send: a reader of what the service wrote itself
 * needs room for the fields that were added to it.
 */
export interface DecodeLimits {
  /** Nesting of arrays and maps. */
  maxDepth: number;
  /** Arrays, maps, keys and values in all. */
  maxElements: number;
}

/** Limits of a decoder that was given none: deep enough for any real payload, small enough to be refused at once. */
export const defaultDecodeLimits: DecodeLimits = { maxDepth: 64, maxElements: 100_000 };

/** Limits for HTTP bodies: two levels less, so that a message published in one still fits into the lists of a frame. */
export const bodyDecodeLimits: DecodeLimits = { ...defaultDecodeLimits, maxDepth: defaultDecodeLimits.maxDepth - 2 };

/**
 * Turns protocol messages into bytes and back, one per format.
 * Payloads are in canonical form on this side (see Data): a codec moves `base64` in and out where its format needs it.
 * Both directions are pure and total: `decode` returns a ProtocolMessage or throws one ErrorInfo of the 40000 family.
 */
export interface Codec {
  readonly format: Format;
  encode(message: ProtocolMessage): Uint8Array;
  decode(bytes: Uint8Array, limits?: DecodeLimits): ProtocolMessage;
  /** The same for any plain value, as HTTP bodies hold: no payload is touched. */
  encodeValue(value: unknown): Uint8Array;
  decodeValue(bytes: Uint8Array, limits?: DecodeLimits): unknown;
}
