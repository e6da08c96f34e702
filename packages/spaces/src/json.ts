import { InvalidArgumentError } from './errors.ts';

/** A copy of a value as it will arrive at the others. `undefined` becomes null; what JSON cannot carry throws InvalidArgumentError. */
export function toJson(value: unknown): unknown {
  try {
    const text = JSON.stringify(value);
    return text === undefined ? null : JSON.parse(text);
  } catch (cause) {
    throw new InvalidArgumentError(`not a JSON value: ${(cause as Error).message}`);
  }
}

/** Whether a value is a plain object, so neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether two JSON values are equal; the order of keys does not matter. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  const isIn = Object.prototype.hasOwnProperty;
  return keys.length === Object.keys(b).length && keys.every((key) => isIn.call(b, key) && sameJson(a[key], b[key]));
}
