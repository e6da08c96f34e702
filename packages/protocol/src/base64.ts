const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const codeOf = Uint8Array.from(alphabet, (letter) => letter.charCodeAt(0));
const NONE = 255;
const sextetOf = new Uint8Array(256).fill(NONE);
for (let value = 0; value < 64; value++) sextetOf[alphabet.charCodeAt(value)] = value;
/** Both alphabets at once: some write the standard one where the one for URLs is due. */
const anySextetOf = sextetOf.slice();
anySextetOf['-'.charCodeAt(0)] = 62;
anySextetOf['_'.charCodeAt(0)] = 63;
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
  return decode(text, sextetOf);
}

/** The same for text in the standard alphabet, the one for URLs, or a mix of both. */
export function decodeAnyBase64(text: string): Uint8Array | undefined {
  return decode(text, anySextetOf);
}

function decode(text: string, table: Uint8Array): Uint8Array | undefined {
  const length = lengthWithoutPadding(text);
  if (length % 4 === 1) return undefined;
  const bytes = new Uint8Array((length * 3) >> 2);
  let to = 0;
  for (let from = 0; from < length; from += 4) {
    const a = sextet(table, text, from);
    const b = sextet(table, text, from + 1);
    const c = from + 2 < length ? sextet(table, text, from + 2) : 0;
    const d = from + 3 < length ? sextet(table, text, from + 3) : 0;
    // Only what is no digit has the highest bit.
    if ((a | b | c | d) >= 128) return undefined;
    // What lies beyond the end is not stored.
    bytes[to] = (a << 2) | (b >> 4);
    bytes[to + 1] = (b << 4) | (c >> 2);
    bytes[to + 2] = (c << 6) | d;
    to += 3;
  }
  return bytes;
}

function sextet(table: Uint8Array, text: string, index: number): number {
  const code = text.charCodeAt(index);
  return code < 256 ? at(table, code) : NONE;
}

function lengthWithoutPadding(text: string): number {
  if (text.length % 4 !== 0) return text.length;
  if (text.endsWith('==')) return text.length - 2;
  return text.endsWith('=') ? text.length - 1 : text.length;
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}
