/** Time as the server sees it: an argument of every part that waits or stamps, so that tests can hold it still. */
export interface Clock {
  /** ms since the epoch. */
  now(): number;
  /** Runs once after this many ms; the result cancels it. Never keeps the process alive. */
  after(ms: number, run: () => void): () => void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
