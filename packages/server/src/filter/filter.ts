import { createHash } from 'node:crypto';
import { evaluate, isTrue, type Subject } from './evaluate.ts';
import { type Node, parseExpression } from './expression.ts';
import { Steps, TooManySteps } from './steps.ts';

/** An expression that lets some messages through: those for which it is neither null, false nor empty. */
export class Filter {
  /** The same for the same expression, and short. */
  readonly key: string;
  readonly #expression: Node;

  /** Throws FilterError for an expression that is none, or too long or deep. */
  constructor(expression: string) {
    this.#expression = parseExpression(expression);
    this.key = createHash('sha256').update(expression).digest('base64');
  }

  /** Whether a message passes. One that would take too much work to tell does not. */
  matches(message: Subject, steps = new Steps()): boolean {
    try {
      return isTrue(evaluate(this.#expression, message, steps), steps);
    } catch (failure) {
      if (failure instanceof TooManySteps) return false;
      throw failure;
    }
  }
}
