import type { DecodeLimits } from './codec.ts';
import { errors } from './codes.ts';

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const colon = 0x3a;

/**
 * Throws 40013 if JSON text nests deeper or holds more than the limits allow, in one pass that builds nothing. Takes the
 * text and its UTF-8, because some questions are cheaper to ask of one and some of the other. Text that is no JSON may
 * pass: the parser refuses it.
 */
export function checkJsonBudget(bytes: Uint8Array, text: string, limits: DecodeLimits): void {
  if (bytes.length <= limits.maxElements && hasAtMost(text, limits.maxDepth)) return;
  let depth = 0;
  let elements = 1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) at = endOfString(bytes, at);
    else if (byte === comma || byte === colon) elements++;
    else if (byte === 0x7b || byte === 0x5b) {
      if (++depth > limits.maxDepth) throw errors.badData(`nesting is deeper than ${limits.maxDepth}`);
      if (!closesAt(bytes, at + 1)) elements++;
    } else if (byte === 0x7d || byte === 0x5d) depth--;
    if (elements > limits.maxElements) throw errors.badData(`more than ${limits.maxElements} keys and values`);
  }
}

/** Whether no more than so many brackets and braces open, those inside strings too: text of that kind cannot nest deeper. */
function hasAtMost(text: string, openings: number): boolean {
  let left = openings;
  for (let at = text.indexOf('{'); at >= 0; at = text.indexOf('{', at + 1)) if (--left < 0) return false;
  for (let at = text.indexOf('['); at >= 0; at = text.indexOf('[', at + 1)) if (--left < 0) return false;
  return true;
}

function endOfString(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== quote) at += bytes[at] === backslash ? 2 : 1;
  return at;
}

function closesAt(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x7d || bytes[at] === 0x5d;
}
