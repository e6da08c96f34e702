import { errors } from '@parvis/protocol';
import type { Entry, Row } from './engine.ts';

/** Bytes of an entry around its id and payload: itself, its serial, its places in the log and among the ids. */
const aroundEntry = 256;
/** Bytes of a row around its key and value: itself and its places in its table and with its owner. */
const aroundRow = 224;
/** Up to this length a text counts two bytes a character: looking through it costs more than it tells. */
const shortText = 512;
/** Deeper than anything that comes from a codec, and less than the stack holds. */
const maxDepth = 256;

/** Bytes of memory an entry takes, about: never much less, whatever it is made of. Throws 40013 if its payload has no end. */
export function weighEntry({ id, payload }: Entry): number {
  return aroundEntry + (id === undefined ? 0 : weighText(id)) + weigh(payload, 0);
}

/** Bytes of memory a row takes, about. Throws as `weighEntry`. */
export function weighRow({ key, value }: Row): number {
  return aroundRow + weighText(key) + weigh(value, 0);
}

function weigh(value: unknown, depth: number): number {
  if (typeof value === 'string') return weighText(value);
  if (typeof value !== 'object' || value === null) return 16;
  if (depth > maxDepth) throw errors.badData(`nesting is deeper than ${maxDepth}`);
  if (Array.isArray(value)) return weighList(value, depth + 1);
  if (ArrayBuffer.isView(value)) return 208 + value.byteLength;
  return weighMap(value as Record<string, unknown>, depth + 1);
}

function weighList(list: readonly unknown[], depth: number): number {
  let bytes = 40;
  for (let i = 0; i < list.length; i++) bytes += 8 + weigh(list[i], depth);
  return bytes;
}

function weighMap(map: Readonly<Record<string, unknown>>, depth: number): number {
  let bytes = 56;
  // Faster than a list of the keys: the engine knows the places of what it goes through.
  for (const key in map) bytes += 16 + key.length + weigh(map[key], depth);
  return bytes;
}

/** One character beyond Latin makes all of a text take two bytes each. */
function weighText(text: string): number {
  const { length } = text;
  if (length > shortText && Buffer.byteLength(text) === length) return 24 + length;
  return 24 + 2 * length;
}
