import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { startNode } from './childProcess.ts';

/** A `parvis dev --sandbox` of its own, in a process. */
export class SandboxServer {
  readonly #child: ReturnType<typeof startNode>;
  readonly #closed: Promise<unknown[]>;
  /** What it logged: it is shown when a run does not end as it should. */
  log = '';
  port = 0;

  /** `bin` is the file to run, built or bundled. */
  constructor(bin: string) {
    const words = ['dev', '--sandbox', '--port', '0', '--json', '--log-level', 'warn'];
    this.#child = startNode([bin, ...words]);
    this.#closed = once(this.#child, 'close');
    this.#child.stderr.on('data', (bytes) => {
      this.log = `${this.log}${bytes}`.slice(-20_000);
    });
  }

  /** Resolves when it listens. Rejects with what it said if it ends before. */
  async ready(): Promise<this> {
    const lines = createInterface(this.#child.stdout);
    const [line] = await Promise.race([once(lines, 'line'), this.#closed.then(() => [''])]);
    if (line === '') throw new Error(`the server did not start\n${this.log}`);
    this.port = JSON.parse(String(line)).port;
    lines.on('line', (more) => {
      this.log = `${this.log}${more}\n`.slice(-20_000);
    });
    return this;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }
}
