/** The world around a command, so that tests can be that world. */
export interface Terminal {
  /** Results, to standard output. */
  print(text: string): void;
  /** Warnings and errors, to standard error. */
  complain(text: string): void;
  /** Makes text stand out, where it is a person who reads. */
  bold(text: string): string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Calls back for each request to end: SIGINT or SIGTERM. The result stops listening. */
  onSignal(listener: (signal: NodeJS.Signals) => void): () => void;
  /** Ends the process at once. */
  abort(exitCode: number): void;
}

/** What a command ends with: 0 for success, 1 for a failure on the way, 2 for a mistake in how it was called. */
export type ExitCode = 0 | 1 | 2;

const signals = ['SIGINT', 'SIGTERM'] as const;

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout, stderr, env } = process;
  const isPlain = !stdout.isTTY || Boolean(env.NO_COLOR);
  return {
    print: (text) => void stdout.write(`${text}\n`),
    complain: (text) => void stderr.write(`${text}\n`),
    bold: (text) => (isPlain ? text : `\u001b[1m${text}\u001b[22m`),
    environment: env,
    onSignal(listener) {
      for (const signal of signals) process.on(signal, listener);
      return () => {
        for (const signal of signals) process.off(signal, listener);
      };
    },
    abort: (exitCode) => process.exit(exitCode),
  };
}
