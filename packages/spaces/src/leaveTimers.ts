type Timer = ReturnType<typeof setTimeout>;

/** One timer per member who left; none of them keeps a process alive. */
export class LeaveTimers {
  private readonly timers = new Map<string, Timer>();

  /** Runs `action` after `ms`, in place of what was planned for this key. */
  start(key: string, ms: number, action: () => void): void {
    this.stop(key);
    const timer = setTimeout(() => {
      this.timers.delete(key);
      action();
    }, ms);
    (timer as { unref?: () => void }).unref?.();
    this.timers.set(key, timer);
  }

  /** Forgets what was planned for this key. */
  stop(key: string): void {
    clearTimeout(this.timers.get(key));
    this.timers.delete(key);
  }

  /** Forgets everything. */
  clear(): void {
    for (const key of [...this.timers.keys()]) this.stop(key);
  }
}
