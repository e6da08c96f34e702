import type { Flag, GivenFlags } from './flags.ts';
import type { ExitCode, Terminal } from './terminal.ts';

/** One command of `parvis`. */
export interface Command {
  /** One or two words, such as `keys create`. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Lines for `--help`, above the flags. */
  readonly description: readonly string[];
  readonly flags: readonly Flag[];
  /** Given if every setting of the table is a flag of it, too: what it has instead of initial values. */
  readonly defaults?: ReadonlyMap<string, unknown>;
  run(given: GivenFlags, terminal: Terminal): Promise<ExitCode>;
}
