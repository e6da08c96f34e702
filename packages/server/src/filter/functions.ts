import { containsText } from './containsText.ts';
import type { Steps } from './steps.ts';

type Values = readonly unknown[];

/**
 * The functions of JMESPath that filters have. What they cannot be asked of comes to null, which no filter lets through: a
 * message without a header is not an error of whoever subscribes.
 */
const functions = {
  contains: ([subject, part], steps) => {
    if (typeof subject === 'string') return typeof part === 'string' ? containsText(subject, part, steps) : null;
    return Array.isArray(subject) ? subject.some((item) => isEqual(item, part, steps)) : null;
  },
  ends_with: ([text, end], steps) => {
    if (typeof text !== 'string' || typeof end !== 'string') return null;
    steps.take(end.length);
    return text.endsWith(end);
  },
  length: ([subject], steps) => {
    if (typeof subject === 'string') {
      steps.take(subject.length);
      return [...subject].length;
    }
    if (Array.isArray(subject)) return subject.length;
    return isMap(subject) ? keysOf(subject, steps).length : null;
  },
  not_null: (values) => values.find((value) => value !== null) ?? null,
  starts_with: ([text, start], steps) => {
    if (typeof text !== 'string' || typeof start !== 'string') return null;
    steps.take(start.length);
    return text.startsWith(start);
  },
  to_number: ([value], steps) => {
    if (typeof value === 'number') return value;
    if (typeof value === 'string') steps.take(value.length);
    return typeof value === 'string' && /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : null;
  },
  type: ([value]) => {
    if (value === null) return 'null';
    return Array.isArray(value) ? 'array' : typeof value;
  },
} satisfies Record<string, (values: Values, steps: Steps) => unknown>;

export type FunctionName = keyof typeof functions;

/** Whether there is a function of this name. */
export function isFunctionName(name: string): name is FunctionName {
  return Object.hasOwn(functions, name);
}

/** What a function makes of these values; null where it makes nothing of them. */
export function call(name: FunctionName, values: Values, steps: Steps): unknown {
  return functions[name](
    values.map((value) => value ?? null),
    steps,
  );
}

/** Whether two values are the same JSON. */
export function isEqual(a: unknown, b: unknown, steps: Steps): boolean {
  steps.take(1);
  if (typeof a === 'string' && typeof b === 'string') {
    if (a.length === b.length) steps.take(a.length);
    return a === b;
  }
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => isEqual(item, b[index], steps));
  }
  if (!isMap(a) || !isMap(b)) return a === b;
  const keys = keysOf(a, steps);
  if (keys.length !== keysOf(b, steps).length) return false;
  return keys.every((key) => Object.hasOwn(b, key) && isEqual(a[key], b[key], steps));
}

/** The keys of an object, each of which is a step. */
export function keysOf(map: object, steps: Steps): string[] {
  const keys = Object.keys(map);
  steps.take(keys.length);
  return keys;
}

/** Whether a value is a JSON object. */
export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
