import { isAscii } from 'node:buffer';
import type { Wire } from './transport.ts';

const NEWLINE = 0x0a;
const COMMA = 0x2c;
const BLANK = 0x20;

/**
 * Comet pipes: each frame is a line that holds an array of one message. The text is ASCII alone, since clients turn each
 * piece that the network hands them into text by itself, wherever it was cut.
 */
export const cometWire: Wire = {
  slot: 2,
  format: 'json',
  wrap: (payload) => Buffer.from(`[${asciiOf(payload)}]\n`, 'latin1'),
};

/** Lines of a stream as the one array that a poll is answered with: `[a]`, `[b]` become `[a , b]`. Does not change them. */
export function oneArrayOf(lines: Uint8Array): Uint8Array {
  if (lines.indexOf(NEWLINE) === lines.length - 1) return lines;
  const bytes = Buffer.from(lines);
  // No text has a newline of its own in JSON, and each line begins and ends with a bracket.
  for (let at = bytes.indexOf(NEWLINE); at >= 0 && at < bytes.length - 1; at = bytes.indexOf(NEWLINE, at + 1)) {
    bytes[at - 1] = BLANK;
    bytes[at] = COMMA;
    bytes[at + 1] = BLANK;
  }
  return bytes;
}

function asciiOf(payload: Uint8Array): string {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  if (isAscii(bytes)) return bytes.toString('latin1');
  return bytes.toString().replace(/[\u0080-\uffff]/g, escaped);
}

function escaped(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
