import { errors } from './codes.ts';

/** A map as a decoder made it: own keys only, values of any kind. */
export type Fields = Record<string, unknown>;

/** Whether a decoded value is a map: no array, no bytes, no null. */
export function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

/** A text field; null counts as absent. Throws 40000 with the field's name. */
export function readText(value: unknown, field: string): string | undefined {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return undefined;
  throw errors.badRequest(`${field} must be a string`);
}

/** A clientId; null counts as absent. Throws 40012. */
export function readClientId(value: unknown, field: string): string | undefined {
  if (typeof value === 'string') return value;
  if (value === undefined || value === null) return undefined;
  throw errors.badClientId(`${field} must be a string`);
}

/** A field that counts something: a safe integer, not negative; null counts as absent. Throws 40000 with the field's name. */
export function readCount(value: unknown, field: string): number | undefined {
  if (isCount(value)) return value;
  if (value === undefined || value === null) return undefined;
  throw errors.badRequest(`${field} must be a whole number from 0 to 2^53-1`);
}

/** An action: an integer from 0 to 255; null counts as absent. Throws 40000 with the field's name. */
export function readAction(value: unknown, field: string): number | undefined {
  if (isAction(value)) return value;
  if (value === undefined || value === null) return undefined;
  throw errors.badRequest(`${field} must be a whole number from 0 to 255`);
}

/** A time in ms: any finite number; null counts as absent. Throws 40000 with the field's name. */
export function readTime(value: unknown, field: string): number | undefined {
  if (Number.isFinite(value)) return value as number;
  if (value === undefined || value === null) return undefined;
  throw errors.badRequest(`${field} must be a number`);
}

/** A map field; null counts as absent. Throws 40000 with the field's name. */
export function readMap(value: unknown, field: string): Fields | undefined {
  if (value === undefined || value === null) return undefined;
  if (isMap(value)) return value;
  throw errors.badRequest(`${field} must be an object`);
}

/** A list field; null counts as absent. Throws 40000 with the field's name. */
export function readList(value: unknown, field: string): unknown[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value;
  throw errors.badRequest(`${field} must be an array`);
}

/**
 * A map of text to text: numbers and booleans become text, null counts as absent. It has no prototype, so that a lookup
 * finds what the client sent and nothing else. Throws 40000 with the field's name.
 */
export function readTextMap(value: unknown, field: string): Record<string, string> | undefined {
  const map = readMap(value, field);
  if (map === undefined) return undefined;
  const texts: Record<string, string> = Object.create(null);
  for (const [key, item] of Object.entries(map)) {
    if (item === null || item === undefined) continue;
    if (typeof item !== 'string' && typeof item !== 'number' && typeof item !== 'boolean') {
      throw errors.badRequest(`values of ${field} must be strings`);
    }
    texts[key] = String(item);
  }
  return texts;
}

/** Whether a value can be an action at all, known or not. */
export function isAction(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255;
}

/** Whether a value is a safe integer that is not negative. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
