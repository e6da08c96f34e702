import { createHash } from 'node:crypto';
import { type Node, parseExpression } from './expression.ts';
import { call, isEqual, isMap, keysOf } from './functions.ts';
import { Steps, TooManySteps } from './steps.ts';
import { FilterError } from './tokens.ts';

/** Longest expression, in UTF-16 units. */
const MAX_LENGTH = 1_024;

/** What of a message a filter sees. Payloads are not looked into: they may be anything, and encrypted. */
export interface Subject {
  readonly name?: string | undefined;
  readonly clientId?: string | undefined;
  readonly connectionId?: string | undefined;
  readonly extras?: unknown;
}

/** An expression that lets some messages through: those for which it is neither null, false nor empty. */
export class Filter {
  /** The same for the same expression, and short. */
  readonly key: string;
  readonly #expression: Node;

  /** Throws FilterError for an expression that is none, or too long or deep. */
  constructor(expression: string) {
    if (expression.length > MAX_LENGTH) throw new FilterError(`a filter may have ${MAX_LENGTH} characters at most`);
    this.#expression = parseExpression(expression);
    this.key = createHash('sha256').update(expression).digest('base64');
  }

  /** Whether a message passes. One that would take too much work to tell does not. */
  matches(message: Subject, steps = new Steps()): boolean {
    try {
      return isTrue(evaluate(this.#expression, documentOf(message), steps), steps);
    } catch (failure) {
      if (failure instanceof TooManySteps) return false;
      throw failure;
    }
  }
}

/** Headers stand at the top too: that is how filters are mostly written. */
function documentOf({ name, clientId, connectionId, extras }: Subject): Record<string, unknown> {
  const headers = isMap(extras) && Object.hasOwn(extras, 'headers') ? extras.headers : undefined;
  return { name, clientId, connectionId, headers, extras };
}

function evaluate(node: Node, document: unknown, steps: Steps): unknown {
  steps.take(1);
  const inner = (part: Node) => evaluate(part, document, steps);
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

function isTrue(value: unknown, steps: Steps): boolean {
  if (value === null || value === undefined || value === false || value === '') return false;
  if (Array.isArray(value)) return value.length > 0;
  return !isMap(value) || keysOf(value, steps).length > 0;
}
