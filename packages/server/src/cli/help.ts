import { type Entry, entries } from '../settings/entries.ts';
import type { Command } from './command.ts';
import type { Flag } from './flags.ts';
import type { Terminal } from './terminal.ts';

const WIDTH = 28;

/** The list of commands. */
export function overview(commands: readonly Command[], { bold }: Pick<Terminal, 'bold'>): string {
  return [
    'Multiplayer spaces a team can run itself. Speaks the Ably protocol; not affiliated with Ably.',
    '',
    bold('Usage: parvis <command> [flags]'),
    '',
    ...commands.map(({ name, summary }) => column(name, summary)),
    '',
    'parvis <command> --help tells more, parvis --version which one this is.',
  ].join('\n');
}

/** All about one command. */
export function helpOf(command: Command, { bold }: Pick<Terminal, 'bold'>): string {
  const lines = [bold(`Usage: parvis ${command.name} [flags]`), '', ...command.description, ''];
  lines.push(...command.flags.map(flagLine), column('--help', 'this text'));
  const { defaults } = command;
  if (defaults !== undefined) {
    lines.push('', bold('Settings: flag, environment variable and key of the config file'), '');
    lines.push(...entries.flatMap((entry) => entryLines(entry, defaults.get(entry.path) ?? entry.setting.initial)));
    lines.push('', 'Flags win over the environment, which wins over the config file.');
  }
  return lines.join('\n');
}

function flagLine({ name, placeholder, help }: Flag): string {
  return column(`--${name} ${placeholder}`, help);
}

function entryLines({ path, flag, variable, setting }: Entry, initial: unknown): string[] {
  const { placeholder, help, repeats } = setting;
  const shown = typeof initial === 'number' || typeof initial === 'string' || initial === true ? ` [${initial}]` : '';
  return [
    column(`--${flag} ${placeholder}`, `${help}${shown}${repeats ? ' (repeats)' : ''}`),
    column('', `${variable}  ${path}`),
  ];
}

/** A long name has its text in the next line. */
function column(left: string, right: string): string {
  const name = left.trimEnd();
  if (name.length < WIDTH) return `  ${name.padEnd(WIDTH)}${right}`.trimEnd();
  return `  ${name}\n  ${' '.repeat(WIDTH)}${right}`;
}
