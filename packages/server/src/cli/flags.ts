import { errors } from '@parvis/protocol';
import { nearestName } from '../settings/nearestName.ts';

/** A flag of a command. */
export interface Flag {
  /** Without its dashes. */
  readonly name: string;
  readonly help: string;
  /** What stands for its value in `--help`; empty for a switch. */
  readonly placeholder: string;
}

/** Texts given for each flag, in order; a switch that was turned on has `true`, one turned off `false`. */
export type GivenFlags = ReadonlyMap<string, readonly string[]>;

/**
 * Reads `--name value`, `--name=value`, `--switch` and `--no-switch`. Throws 40000, with the nearest name, for a flag that
 * is unknown, for one without its value and for any other word.
 */
export function parseFlags(words: readonly string[], flags: readonly Flag[]): GivenFlags {
  const byName = new Map(flags.map((flag) => [flag.name, flag]));
  const given = new Map<string, string[]>();
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    if (!word.startsWith('--')) throw errors.badRequest(`${word} is not expected here: flags begin with --`);
    const { flag, text } = readWord(word.slice(2), byName);
    const value = text ?? left.shift();
    if (value === undefined) throw errors.badRequest(`--${flag.name} needs a value: ${flag.placeholder}`);
    given.set(flag.name, [...(given.get(flag.name) ?? []), value]);
  }
  return given;
}

/** The last text given for a flag. */
export function lastOf(given: GivenFlags, name: string): string | undefined {
  return given.get(name)?.at(-1);
}

/** Whether a switch was turned on. */
export function isOn(given: GivenFlags, name: string): boolean {
  return lastOf(given, name) === 'true';
}

/** Text is undefined where the value is the next word. */
function readWord(word: string, byName: ReadonlyMap<string, Flag>): { flag: Flag; text: string | undefined } {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word : word.slice(0, equals);
  const text = equals < 0 ? undefined : word.slice(equals + 1);
  const flag = byName.get(name);
  if (flag !== undefined) return { flag, text: text ?? (flag.placeholder === '' ? 'true' : undefined) };
  const negated = name.startsWith('no-') ? byName.get(name.slice(3)) : undefined;
  if (negated?.placeholder === '' && text === undefined) return { flag: negated, text: 'false' };
  const names = [...byName.keys()].map((each) => `--${each}`);
  throw errors.badRequest(`there is no flag --${name}${nearestName(`--${name}`, names)}`);
}
