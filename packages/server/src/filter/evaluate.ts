import type { Node } from './expression.ts';
import { call, isEqual, isMap, keysOf } from './functions.ts';
import type { Steps } from './steps.ts';

/** What of a message an expression sees. Payloads are not looked into: they may be anything, and encrypted. */
export interface Subject {
  readonly name?: string | undefined;
  readonly clientId?: string | undefined;
  readonly connectionId?: string | undefined;
  readonly extras?: unknown;
}

/** What an expression comes to for a message. Throws TooManySteps. */
export function evaluate(expression: Node, message: Subject, steps: Steps): unknown {
  return comesTo(expression, documentOf(message), steps);
}

/** Whether JMESPath takes a value for true: anything but null, false and what is empty. */
export function isTrue(value: unknown, steps: Steps): boolean {
  if (value === null || value === undefined || value === false || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isMap(value) || keysOf(value, steps).length > 0;
}

/** Headers stand at the top too: that is how filters are mostly written. */
function documentOf({ name, clientId, connectionId, extras }: Subject): Record<string, unknown> {
  const headers = isMap(extras) && Object.hasOwn(extras, 'headers') ? extras.headers : undefined;
  return { name, clientId, connectionId, headers, extras };
}

function comesTo(node: Node, document: unknown, steps: Steps): unknown {
  steps.take(1);
  const inner = (part: Node) => comesTo(part, document, steps);
  switch (node.kind) {
    case 'value':
      return node.value;
    case 'whole':
      return document;
    case 'field':
      return fieldOf(inner(node.of), node.name);
    case 'not':
      return !isTrue(inner(node.of), steps);
    case 'and': {
      const left = inner(node.left);
      return isTrue(left, steps) ? inner(node.right) : left;
    }
    case 'or': {
      const left = inner(node.left);
      return isTrue(left, steps) ? left : inner(node.right);
    }
    case 'compare':
      return compare(node.by, inner(node.left), inner(node.right), steps);
    case 'call':
      return call(node.name, node.args.map(inner), steps);
  }
}

function fieldOf(value: unknown, name: string): unknown {
  return isMap(value) && Object.hasOwn(value, name) ? (value[name] ?? null) : null;
}

function compare(by: string, left: unknown, right: unknown, steps: Steps): boolean | null {
  if (by === '==') return isEqual(left, right, steps);
  if (by === '!=') return !isEqual(left, right, steps);
  // Only numbers have an order in JMESPath.
  if (typeof left !== 'number' || typeof right !== 'number') return null;
  if (by === '<') return left < right;
  if (by === '<=') return left <= right;
  return by === '>' ? left > right : left >= right;
}
