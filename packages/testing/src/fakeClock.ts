/**
 * A clock that stands still until a test moves it. Fits the server's Clock.
 *
 * Time that passes and the time of day are two things, as on a machine: timers count what passes, whatever the time of
 * day is set to.
 */
export interface FakeClock {
  /** Time of day, ms since the epoch. */
  now(): number;
  /** Runs once when this many ms have passed; the result cancels it. */
  after(ms: number, run: () => void): () => void;
  /** Lets time pass: what is due meanwhile runs in order, each at its own time. */
  advance(ms: number): void;
  /** Sets the time of day, as an operator might; nothing passes and nothing runs. */
  set(now: number): void;
  /** Timers that have neither run nor been cancelled. */
  readonly timers: number;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
}

/** A clock at 2025-01-01, or at another time of day. */
export function createFakeClock(start = 1_735_689_600_000): FakeClock {
  const timers = new Set<Timer>();
  let passed = 0;
  let offset = start;
  return {
    now: () => offset + passed,
    after(ms, run) {
      const timer = { at: passed + Math.max(ms, 0), run };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    advance(ms) {
      const end = passed + ms;
      for (let timer = nextOf(timers, end); timer !== undefined; timer = nextOf(timers, end)) {
        timers.delete(timer);
        passed = timer.at;
        timer.run();
      }
      passed = end;
    },
    set(now) {
      offset = now - passed;
    },
    get timers() {
      return timers.size;
    },
  };
}

function nextOf(timers: Set<Timer>, end: number): Timer | undefined {
  let next: Timer | undefined;
  for (const timer of timers) if (timer.at <= end && (next === undefined || timer.at < next.at)) next = timer;
  return next;
}
