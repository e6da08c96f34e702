import { ErrorInfo } from '@parvis/protocol';
import { version } from '../../package.json';
import { entries } from '../settings/entries.ts';
import { nearestName } from '../settings/nearestName.ts';
import type { Command } from './command.ts';
import { dev } from './dev.ts';
import { type Flag, parseFlags } from './flags.ts';
import { helpOf, overview } from './help.ts';
import { keysCreate } from './keys.ts';
import { start } from './start.ts';
import type { ExitCode, Terminal } from './terminal.ts';
import { token } from './token.ts';

/** Every command, in the order of `--help`. */
export const commands: readonly Command[] = [dev, start, keysCreate, token];

const help = new Set(['--help', '-h', 'help']);

/** Runs the command that the words of a command line name, and tells what the process should end with. */
export async function run(words: readonly string[], terminal: Terminal): Promise<ExitCode> {
  const [first, second] = words;
  if (first === '--version' || first === '-v') {
    terminal.print(version);
    return 0;
  }
  const command = commands.find(({ name }) => name === first || name === `${first} ${second}`);
  if (command === undefined) return guide(words, terminal);
  const rest = words.slice(command.name.split(' ').length);
  if (rest.some((word) => word === '--help' || word === '-h')) {
    terminal.print(helpOf(command, terminal));
    return 0;
  }
  try {
    return await command.run(parseFlags(rest, flagsOf(command)), terminal);
  } catch (failure) {
    if (!(failure instanceof ErrorInfo)) throw failure;
    terminal.complain(`parvis: ${failure.message}\nSee parvis ${command.name} --help`);
    return 2;
  }
}

/** Flags of a command; where it takes settings, one for each of the table. */
export function flagsOf({ flags, defaults }: Command): readonly Flag[] {
  if (defaults === undefined) return flags;
  const ofSettings = entries.map(({ flag, setting: { placeholder, help: text } }) => ({
    name: flag,
    placeholder,
    help: text,
  }));
  return [...flags, ...ofSettings];
}

function guide(words: readonly string[], terminal: Terminal): ExitCode {
  const [first] = words;
  if (first === undefined || words.some((word) => help.has(word))) {
    terminal.print(overview(commands, terminal));
    return first === undefined ? 2 : 0;
  }
  const name =
    words
      .filter((word) => !word.startsWith('-'))
      .slice(0, 2)
      .join(' ') || first;
  const longer = commands.find((command) => command.name.startsWith(`${first} `))?.name;
  const names = commands.map((command) => command.name);
  const hint = longer === undefined ? nearestName(name, names) : `; did you mean ${longer}?`;
  terminal.complain(`parvis: there is no command ${name}${hint}\nSee parvis --help`);
  return 2;
}
