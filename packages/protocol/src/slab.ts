const slabSize = 16_384;
const encoder = new TextEncoder();
let slab = new Uint8Array(slabSize);
let used = 0;

/**
 * UTF-8 of text as bytes that nothing else writes to. Short results share a buffer with others, because a buffer of its
 * own costs more than encoding does: use the view with its offset and length, never `.buffer` alone.
 */
export function bytesOfText(text: string): Uint8Array {
  const room = text.length * 3;
  if (room * 2 > slabSize) return encoder.encode(text);
  const target = freeBytes(room);
  return taken(encoder.encodeInto(text, target).written);
}

/** A copy of bytes, under the terms of `bytesOfText`. */
export function copyOfBytes(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length * 2 > slabSize) return new Uint8Array(bytes);
  freeBytes(length).set(bytes);
  return taken(length);
}

function freeBytes(length: number): Uint8Array {
  if (used + length > slabSize) {
    slab = new Uint8Array(slabSize);
    used = 0;
  }
  return slab.subarray(used);
}

function taken(length: number): Uint8Array {
  const start = used;
  used += length;
  return slab.subarray(start, used);
}
