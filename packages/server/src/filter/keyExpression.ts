import { evaluate, type Subject } from './evaluate.ts';
import { type Node, parseExpression } from './expression.ts';
import { Steps, TooManySteps } from './steps.ts';

/** An expression that says of messages which of them are about the same thing: `name`, or `headers.market`. */
export class KeyExpression {
  readonly #expression: Node;

  /** Throws FilterError for an expression that is none. */
  constructor(expression: string) {
    this.#expression = parseExpression(expression);
  }

  /** What a message is about, as text; undefined if it is about nothing that another could be about, too. */
  keyOf(message: Subject): string | undefined {
    try {
      const value = evaluate(this.#expression, message, new Steps()) ?? null;
      return value === null ? undefined : JSON.stringify(value);
    } catch (failure) {
      if (failure instanceof TooManySteps) return undefined;
      throw failure;
    }
  }
}
