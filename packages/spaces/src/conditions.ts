/** Waits for things to become true. */
export class Conditions {
  readonly #checks = new Set<() => void>();

  /** Resolves as soon as a check finds `isMet`, or after `ms`. */
  until(isMet: () => boolean, ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#checks.delete(check);
        resolve();
      };
      const check = () => isMet() && end();
      const timer = setTimeout(end, ms);
      this.#checks.add(check);
      check();
    });
  }

  /** Something changed. */
  check(): void {
    for (const check of this.#checks) check();
  }
}
