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

/** The fields of a patch as they will arrive, and the keys that it takes away: those that are undefined. */
export function patchParts(patch: unknown, method: string): [fields: object, gone: string[]] {
  if (!isObject(patch)) throw new InvalidArgumentError(`${method}(): Invalid arguments: no object`);
  return [toJson(patch) as object, Object.keys(patch).filter((key) => patch[key] === undefined)];
}

/** Whether a value is a plain object, so neither null nor an array. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether two JSON values read the same; a different order of keys counts as different. */
export function sameJson(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
