const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const codeOf = Uint8Array.from(alphabet, (letter) => letter.charCodeAt(0));
const sextetOf = new Uint8Array(256).fill(255);
for (let value = 0; value < 64; value++) sextetOf[alphabet.charCodeAt(value)] = value;
const equals = 61;
const ascii = new TextDecoder();

/** Bytes as base64 text of the standard alphabet, padded. */
export function encodeBase64(bytes: Uint8Array): string {
  const codes = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(equals);
  let to = 0;
  for (let from = 0; from < bytes.length; from += 3) {
    const left = bytes.length - from;
    const group = (at(bytes, from) << 16) | (at(bytes, from + 1) << 8) | at(bytes, from + 2);
    codes[to] = at(codeOf, group >> 18);
    codes[to + 1] = at(codeOf, (group >> 12) & 63);
    if (left > 1) codes[to + 2] = at(codeOf, (group >> 6) & 63);
    if (left > 2) codes[to + 3] = at(codeOf, group & 63);
    to += 4;
  }
  return ascii.decode(codes);
}

/** Bytes of base64 text; undefined if it is malformed. Padding may be missing; white space and the URL alphabet are refused. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const length = lengthWithoutPadding(text);
  if (length % 4 === 1) return undefined;
  const bytes = new Uint8Array((length * 3) >> 2);
  let bits = 0;
  let to = 0;
  for (let from = 0; from < length; from++) {
    const code = text.charCodeAt(from);
    const value = code < 256 ? at(sextetOf, code) : 255;
    if (value === 255) return undefined;
    bits = (bits << 6) | value;
    const phase = from & 3;
    if (phase !== 0) bytes[to++] = bits >> (6 - 2 * phase);
  }
  return bytes;
}

function lengthWithoutPadding(text: string): number {
  if (text.length % 4 !== 0) return text.length;
  if (text.endsWith('==')) return text.length - 2;
  return text.endsWith('=') ? text.length - 1 : text.length;
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
