import { errors } from '@parvis/protocol';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/**
 * The frames in the body of a send: the texts between the commas of a JSON array, cut out without being parsed, so that each
 * is judged by itself as on any other pipe. Throws 40000 for what is no array at all.
 */
export function framesOf(body: Uint8Array): Uint8Array[] {
  const [start, end] = trimmed(body);
  if (body[start] !== OPEN_ARRAY || body[end - 1] !== CLOSE_ARRAY || end - start < 2) {
    throw errors.badRequest('body of a send must be a JSON array of messages');
  }
  const frames: Uint8Array[] = [];
  let from = start + 1;
  let depth = 0;
  for (let at = from; at < end - 1; at++) {
    const byte = body[at];
    if (byte === QUOTE) at = endOfText(body, at, end);
    else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) depth++;
    else if (byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) depth--;
    else if (byte === COMMA && depth === 0) {
      frames.push(body.subarray(from, at));
      from = at + 1;
    }
  }
  const last = body.subarray(from, end - 1);
  if (frames.length > 0 || !isBlank(last)) frames.push(last);
  return frames;
}

/** Index of the quote that ends the text beginning here. */
function endOfText(body: Uint8Array, start: number, end: number): number {
  for (let at = start + 1; at < end; at++) {
    if (body[at] === BACKSLASH) at++;
    else if (body[at] === QUOTE) return at;
  }
  return end;
}

function trimmed(body: Uint8Array): [start: number, end: number] {
  let start = 0;
  let end = body.length;
  while (start < end && isSpace(body[start])) start++;
  while (end > start && isSpace(body[end - 1])) end--;
  return [start, end];
}

function isBlank(bytes: Uint8Array): boolean {
  return bytes.every(isSpace);
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
