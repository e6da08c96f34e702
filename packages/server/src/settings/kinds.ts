import { errors } from '@parvis/protocol';

/** One thing that can be configured: what it is, how it is read and what it must be. */
export interface Setting<T> {
  /** One line for `--help`. */
  readonly help: string;
  /** What stands for its value in `--help`; empty for a switch, which needs none. */
  readonly placeholder: string;
  readonly initial: T;
  /** May be given several times on the command line, and as a list elsewhere. */
  readonly repeats: boolean;
  /** Its value must not be seen: on a command line or in a file that all can read, there is a warning. */
  readonly secret: boolean;
  /** Name of the flag, where it is not that of the option. */
  readonly flag?: string;
  /** Reads the text of a flag or an environment variable; what it comes to is checked afterwards. */
  read(text: string): unknown;
  /** The value if it is valid, else throws 40003 (or 40005 for a key) under the name it was given by. */
  check(value: unknown, name: string): T;
}

interface Extras {
  readonly secret?: boolean;
  readonly flag?: string;
}

function setting<T>(
  parts: Pick<Setting<T>, 'help' | 'placeholder' | 'initial' | 'read' | 'check'> & Partial<Setting<T>>,
): Setting<T> {
  return { repeats: false, secret: false, ...parts };
}

/** A whole number within bounds. */
export function integer(help: string, initial: number, bounds: { min?: number; max?: number } = {}): Setting<number> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = bounds;
  const rule = max === Number.MAX_SAFE_INTEGER ? `a whole number from ${min}` : `a whole number from ${min} to ${max}`;
  return setting({
    help,
    initial,
    placeholder: 'N',
    read: (text) => (/^-?\d{1,16}$/.test(text) ? Number(text) : text),
    check(value, name) {
      if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max) return value;
      throw errors.badParameter(name, `it must be ${rule}`);
    },
  });
}

/** On or off. */
export function flag(help: string, initial: boolean): Setting<boolean> {
  const words = new Map<string, unknown>([
    ['true', true],
    ['1', true],
    ['false', false],
    ['0', false],
  ]);
  return setting({
    help,
    initial,
    placeholder: '',
    read: (text) => words.get(text) ?? text,
    check(value, name) {
      if (typeof value === 'boolean') return value;
      throw errors.badParameter(name, 'it must be true or false');
    },
  });
}

/** One of a few words. */
export function choice<const Word extends string>(help: string, initial: Word, words: readonly Word[]): Setting<Word> {
  return setting({
    help,
    initial,
    placeholder: words.join('|'),
    read: (text) => text,
    check(value, name) {
      const word = words.find((each) => each === value);
      if (word === undefined) throw errors.badParameter(name, `it must be one of ${words.join(', ')}`);
      return word;
    },
  });
}

/** Text that is not empty; a minimal length is of secrets. */
export function text<T extends string | undefined>(
  help: string,
  initial: T,
  placeholder: string,
  extras: Extras & { readonly minLength?: number } = {},
): Setting<string | T> {
  const { minLength = 1, ...rest } = extras;
  return setting<string | T>({
    help,
    initial,
    placeholder,
    ...rest,
    read: (raw) => raw,
    check(value, name) {
      if (typeof value === 'string' && value.length >= minLength) return value;
      const rule = minLength === 1 ? 'it must be text' : `it must be text of at least ${minLength} characters`;
      throw errors.badParameter(name, rule);
    },
  });
}

/** Several values: a list, or text with commas in between; a text that begins with `[` or `{` is JSON. */
export function list<T>(
  help: string,
  placeholder: string,
  checkItem: (item: unknown, name: string) => T,
  extras: Extras = {},
): Setting<readonly T[]> {
  return setting<readonly T[]>({
    help,
    placeholder,
    initial: [],
    repeats: true,
    ...extras,
    read: readList,
    check(value, name) {
      if (!Array.isArray(value)) throw errors.badParameter(name, 'it must be a list');
      return value.map((item) => checkItem(item, name));
    },
  });
}

function readList(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return text.split(',').map((item) => item.trim());
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch {
    return text;
  }
}
