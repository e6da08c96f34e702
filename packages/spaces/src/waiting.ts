/** Those who wait until something is so. */
export class Waiting {
  private readonly checks = new Set<() => void>();

  /** Resolves with true as soon as `isMet` holds at a {@link check}, or with false after `ms`. */
  until(isMet: () => boolean, ms: number): Promise<boolean> {
    if (isMet()) return Promise.resolve(true);
    return new Promise((resolve) => {
      const end = (result: boolean) => {
        clearTimeout(timer);
        this.checks.delete(check);
        resolve(result);
      };
      const check = () => isMet() && end(true);
      const timer = setTimeout(end, ms, false);
      this.checks.add(check);
    });
  }

  /** Something may have changed. */
  check(): void {
    for (const check of [...this.checks]) check();
  }
}
