/** A word of an expression. Literals and strings have their value, everything else its text. */
export interface Token {
  readonly kind: 'name' | 'value' | 'mark' | 'end';
  readonly text: string;
  readonly value?: unknown;
  /** Where it begins, in UTF-16 units. */
  readonly at: number;
}

/** An expression that is none, or uses more of JMESPath than there is here. */
export class FilterError extends Error {}

const marks = /\|\||&&|==|!=|<=|>=|[!<>()@.,]/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
/** Each part is one character or one escape, so that nothing is read twice. */
const quotedName = /"(?:[^"\\]|\\.)*"/sy;
const rawText = /'(?:[^'\\]|\\.)*'/sy;
const literal = /`(?:[^`\\]|\\.)*`/sy;
const space = /\s+/y;

/** The words of an expression, the last of which is its end. Each character is looked at a few times. Throws FilterError. */
export function tokensOf(expression: string): Token[] {
  const tokens: Token[] = [];
  let at = skip(expression, 0);
  while (at < expression.length) {
    const token = tokenAt(expression, at);
    tokens.push(token);
    at = skip(expression, at + token.text.length);
  }
  tokens.push({ kind: 'end', text: '', at });
  return tokens;
}

function tokenAt(expression: string, at: number): Token {
  const take = (pattern: RegExp) => match(pattern, expression, at);
  const mark = take(marks);
  if (mark !== undefined) return { kind: 'mark', text: mark, at };
  const plain = take(name);
  if (plain !== undefined) return { kind: 'name', text: plain, value: plain, at };
  const quoted = take(quotedName);
  if (quoted !== undefined) return { kind: 'name', text: quoted, value: jsonOf(quoted, at), at };
  const raw = take(rawText);
  if (raw !== undefined) return { kind: 'value', text: raw, value: raw.slice(1, -1).replaceAll("\\'", "'"), at };
  const given = take(literal);
  if (given !== undefined) return { kind: 'value', text: given, value: literalOf(given), at };
  throw new FilterError(`character ${at + 1} does not begin anything that filters know`);
}

/** JSON between backticks. Text that is no JSON stands for itself, as in the first days of JMESPath. */
function literalOf(token: string): unknown {
  const text = token.slice(1, -1).replaceAll('\\`', '`').trim();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function jsonOf(text: string, at: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new FilterError(`the quoted name at character ${at + 1} is not valid`);
  }
}

function skip(expression: string, at: number): number {
  return at + (match(space, expression, at)?.length ?? 0);
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
