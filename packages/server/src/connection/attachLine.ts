/**
 * The line of one connection's channels that want to attach: one at a time, and each channel stands in it once. A client
 * that asks anew, or gives up, leaves nothing behind, however long the line has to wait.
 */
export class AttachLine {
  /** There only while somebody waits: most connections attach once and are quiet. */
  #waiting: Map<string, (isTurn: boolean) => void> | undefined;
  #busy = false;

  /** Channels that wait. */
  get size(): number {
    return this.#waiting?.size ?? 0;
  }

  /** Whether nobody is before a channel that comes now: its turn has begun then, and lasts until `done`. */
  take(): boolean {
    if (this.#busy || this.#waiting !== undefined) return false;
    this.#busy = true;
    return true;
  }

  /** Resolves with true when it is this channel's turn, which lasts until `done`; with false once it is not wanted any more. */
  wait(name: string): Promise<boolean> {
    this.leave(name);
    return new Promise((resolve) => {
      this.#waiting ??= new Map();
      this.#waiting.set(name, resolve);
      this.#next();
    });
  }

  /** The turn is over. */
  done(): void {
    this.#busy = false;
    this.#next();
  }

  /** The channel is not wanted any more; one whose turn it is goes on. */
  leave(name: string): void {
    this.#take(name)?.(false);
  }

  /** No channel is wanted any more. */
  clear(): void {
    for (const name of this.#waiting?.keys() ?? []) this.leave(name);
  }

  #next(): void {
    if (this.#busy) return;
    for (const name of this.#waiting?.keys() ?? []) {
      this.#busy = true;
      this.#take(name)?.(true);
      return;
    }
  }

  #take(name: string): ((isTurn: boolean) => void) | undefined {
    const resolve = this.#waiting?.get(name);
    this.#waiting?.delete(name);
    if (this.#waiting?.size === 0) this.#waiting = undefined;
    return resolve;
  }
}
