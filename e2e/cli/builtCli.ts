import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const bin = fileURLToPath(new URL('../../packages/server/dist/bin.js', import.meta.url));

/** `parvis` as it was built, in a process of its own. */
export class BuiltCli {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  stdout = '';
  stderr = '';

  constructor(words: readonly string[], environment: Record<string, string> = {}) {
    this.#child = spawn(process.execPath, [bin, ...words], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#ended = once(this.#child, 'close');
    this.#child.stdout?.on('data', (bytes) => {
      this.stdout += bytes;
    });
    this.#child.stderr?.on('data', (bytes) => {
      this.stderr += bytes;
    });
    onTestFinished(async () => {
      if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
      await this.#ended;
    });
  }

  /** Resolves with the standard output once it matches; rejects when the process ends before. */
  async said(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.stdout)) {
      const { stdout } = this.#child;
      if (stdout === null || this.#child.exitCode !== null)
        throw new Error(`parvis ended: ${this.stdout}${this.stderr}`);
      await Promise.race([once(stdout, 'data'), this.#ended]);
    }
    return this.stdout;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves with what the process ends with: its exit code, or the signal that ended it. */
  async ended(): Promise<number | NodeJS.Signals> {
    const [code, signal] = await this.#ended;
    return (code ?? signal) as number | NodeJS.Signals;
  }
}
