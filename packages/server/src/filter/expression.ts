import { type FunctionName, isFunctionName } from './functions.ts';
import { FilterError, type Token, tokensOf } from './tokens.ts';

/** An expression, taken apart. */
export type Node =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'whole' }
  | { readonly kind: 'field'; readonly of: Node; readonly name: string }
  | { readonly kind: 'not'; readonly of: Node }
  | { readonly kind: 'and' | 'or'; readonly left: Node; readonly right: Node }
  | { readonly kind: 'compare'; readonly by: Comparator; readonly left: Node; readonly right: Node }
  | { readonly kind: 'call'; readonly name: FunctionName; readonly args: readonly Node[] };

export type Comparator = (typeof comparators)[number];

const comparators = ['==', '!=', '<', '<=', '>', '>='] as const;
/** Longest expression, in UTF-16 units. */
const MAX_LENGTH = 1_024;
/** Expressions within expressions. */
const MAX_DEPTH = 32;
const whole: Node = { kind: 'whole' };

/**
 * Reads an expression of the part of JMESPath that filters have: fields (`headers.color`, `extras."x-y"`), literals
 * (`` `26095` ``, `'text'`), comparisons, `&&`, `||`, `!`, parentheses and functions. Throws FilterError.
 */
export function parseExpression(text: string): Node {
  if (text.length > MAX_LENGTH) throw new FilterError(`a filter may have ${MAX_LENGTH} characters at most`);
  return new Parser(tokensOf(text)).parse();
}

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): Node {
    const node = this.#or();
    if (this.#token.kind !== 'end') throw this.#unexpected();
    return node;
  }

  #or(): Node {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new FilterError(`a filter may be nested ${MAX_DEPTH} deep at most`);
    let left = this.#and();
    while (this.#takes('||')) left = { kind: 'or', left, right: this.#and() };
    this.#depth -= 1;
    return left;
  }

  #and(): Node {
    let left = this.#comparison();
    while (this.#takes('&&')) left = { kind: 'and', left, right: this.#comparison() };
    return left;
  }

  #comparison(): Node {
    const left = this.#negation();
    const by = comparators.find((each) => this.#takes(each));
    return by === undefined ? left : { kind: 'compare', by, left, right: this.#negation() };
  }

  #negation(): Node {
    let isNegated = false;
    let count = 0;
    for (; this.#takes('!'); count++) isNegated = !isNegated;
    const node = this.#path();
    if (count === 0) return node;
    const negated: Node = { kind: 'not', of: node };
    return isNegated ? negated : { kind: 'not', of: negated };
  }

  #path(): Node {
    let node = this.#primary();
    while (this.#takes('.')) node = { kind: 'field', of: node, name: this.#name() };
    return node;
  }

  #primary(): Node {
    const token = this.#token;
    if (this.#takes('(')) {
      const node = this.#or();
      this.#expect(')');
      return node;
    }
    if (this.#takes('@')) return whole;
    if (token.kind === 'value') {
      this.#next += 1;
      return { kind: 'value', value: token.value };
    }
    const name = this.#name();
    return token.text === name && this.#takes('(') ? this.#call(name) : { kind: 'field', of: whole, name };
  }

  #call(name: string): Node {
    if (!isFunctionName(name)) throw new FilterError(`filters have no function ${name}`);
    const args: Node[] = [];
    if (!this.#takes(')')) {
      do args.push(this.#or());
      while (this.#takes(','));
      this.#expect(')');
    }
    return { kind: 'call', name, args };
  }

  #name(): string {
    const { kind, value } = this.#token;
    if (kind !== 'name' || typeof value !== 'string') throw this.#unexpected();
    this.#next += 1;
    return value;
  }

  #takes(mark: string): boolean {
    const { kind, text } = this.#token;
    if (kind !== 'mark' || text !== mark) return false;
    this.#next += 1;
    return true;
  }

  #expect(mark: string): void {
    if (!this.#takes(mark)) throw this.#unexpected();
  }

  get #token(): Token {
    return this.#tokens[this.#next] ?? { kind: 'end', text: '', at: 0 };
  }

  #unexpected(): FilterError {
    const { kind, text, at } = this.#token;
    return new FilterError(
      kind === 'end' ? 'it ends too early' : `${text.slice(0, 40)} does not belong at character ${at + 1}`,
    );
  }
}
