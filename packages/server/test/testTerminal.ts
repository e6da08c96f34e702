import type { Terminal } from '../src/cli/terminal.ts';

/** A terminal that remembers what is said, and whose signals a test sends. */
export class TestTerminal implements Terminal {
  readonly printed: string[] = [];
  readonly complaints: string[] = [];
  readonly aborts: number[] = [];
  readonly environment: Record<string, string>;
  readonly #listeners = new Set<(signal: NodeJS.Signals) => void>();
  readonly #waiting: (() => void)[] = [];

  constructor(environment: Record<string, string> = {}) {
    this.environment = environment;
  }

  get output(): string {
    return this.printed.join('\n');
  }

  get errors(): string {
    return this.complaints.join('\n');
  }

  readonly print = (text: string): void => {
    this.printed.push(text);
  };

  readonly complain = (text: string): void => {
    this.complaints.push(text);
  };

  readonly bold = (text: string): string => text;

  onSignal(listener: (signal: NodeJS.Signals) => void): () => void {
    this.#listeners.add(listener);
    for (const resolve of this.#waiting.splice(0)) resolve();
    return () => this.#listeners.delete(listener);
  }

  abort(exitCode: number): void {
    this.aborts.push(exitCode);
  }

  signal(name: NodeJS.Signals): void {
    for (const listener of [...this.#listeners]) listener(name);
  }

  /** Resolves when a command listens for signals: its server is up. */
  serving(): Promise<void> {
    if (this.#listeners.size > 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}
