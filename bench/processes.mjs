import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Servers run on core 0 and the load generator on core 1, where the machine can hold them there. */
export const pinned = availableParallelism() > 1 && spawnSync('taskset', ['-c', '0,1', 'true']).status === 0;

/** A child of the bench: answers one request at a time over IPC, and ends when it is told to or when the bench ends. */
class Child {
  #process;
  #stderr = '';
  /** Rejects when the process ends. @type {Promise<never>} */
  #ended;

  /**
   * @param {number} core
   * @param {string} file relative to this one
   * @param {string[]} args
   * @param {string[]} nodeOptions
   */
  constructor(core, file, args = [], nodeOptions = []) {
    const command = [process.execPath, ...nodeOptions, fileURLToPath(new URL(file, import.meta.url)), ...args];
    const [name, ...rest] = pinned ? ['taskset', '-c', String(core), ...command] : command;
    this.#process = spawn(/** @type {string} */ (name), rest, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
    this.#process.stderr?.on('data', (bytes) => {
      this.#stderr = (this.#stderr + bytes).slice(-4_000);
    });
    this.#ended = new Promise((_, reject) => {
      this.#process.once('error', reject);
      this.#process.once('exit', (code, signal) => {
        reject(new Error(`${file} ${args[0] ?? ''} ended (${signal ?? code}) ${this.#stderr}`));
      });
    });
    this.#ended.catch(() => {});
  }

  get pid() {
    return /** @type {number} */ (this.#process.pid);
  }

  /**
   * The child's next message; throws when it ends first or takes longer than `limitMs`.
   * @param {number} limitMs
   * @returns {Promise<any>}
   */
  async next(limitMs) {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), limitMs);
    try {
      const [message] = await Promise.race([once(this.#process, 'message', { signal: late.signal }), this.#ended]);
      return message;
    } catch (error) {
      throw late.signal.aborted ? new Error(`no answer in ${limitMs} ms`) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * @param {object} request
   * @param {number} limitMs
   */
  ask(request, limitMs) {
    this.#process.send(request);
    return this.next(limitMs);
  }

  /** Lets the child end by itself, and ends it when it has not after a second. */
  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exit = once(this.#process, 'exit');
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 1_000);
    await exit;
    clearTimeout(timer);
  }
}

/** A server of bench/servers that listens. */
export class ServerProcess {
  #child;
  port = 0;

  /**
   * @param {string} name
   * @param {object} options
   */
  constructor(name, options) {
    this.#child = new Child(0, './servers/child.mjs', [name, JSON.stringify(options)], ['--expose-gc']);
  }

  /** Resolves when it listens. */
  async ready() {
    this.port = (await this.#child.next(10_000)).port;
    return this;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Resident bytes after a full collection. @returns {Promise<number>} */
  async rss() {
    return (await this.#child.ask({ memory: true }, 10_000)).rss;
  }

  stop() {
    return this.#child.stop();
  }
}

/** The load generator; started again when a job has left it in doubt. */
export class LoadProcess {
  /** @type {Child | undefined} */
  #child;

  /**
   * Does one job; throws with its reason when it is void. Bounded by 30 s.
   * @param {string} kind
   * @param {object} job
   * @returns {Promise<any>}
   */
  async run(kind, job) {
    this.#child ??= new Child(1, './load/load.mjs');
    const answer = await this.#child.ask({ kind, job }, 30_000).catch((error) => ({ error: String(error) }));
    if (answer.error === undefined) return answer.result;
    await this.stop();
    throw new Error(answer.error);
  }

  async stop() {
    const child = this.#child;
    this.#child = undefined;
    await child?.stop();
  }
}
