/** Bounds of the delay at which a sender is played, ms. */
export interface DelayBounds {
  readonly min: number;
  readonly max: number;
}

/** So many of the last batches tell how a sender's network is. */
const WINDOW = 48;
/** Share of the batches that are to be here in time. */
const IN_TIME = 0.9;
/** ms between what was measured and what is played. */
const MARGIN = 4;
/** How much of the way to a shorter delay is gone with each batch: a network that got worse is believed at once. */
const EASE = 0.1;
/** A transit that differs by more, ms, is another clock and no jitter. */
const CLOCK_SET = 2_000;

/**
 * When the moments of one sender are played here. Measures how long its batches take over the fastest of them, which
 * needs no clock in common, and so how long to wait that nearly all of them are here in time.
 */
export class SenderClock {
  /** ms between the earliest moment at which a position can be here and that at which it is played. */
  delay: number;
  private transits: number[] = [];
  private lates: number[] = [];
  private fastest = Number.POSITIVE_INFINITY;

  constructor(private readonly bounds: DelayBounds) {
    this.delay = bounds.min;
  }

  /** A batch is here: when its first and last position were on the sender's clock, and now. False if that clock was set anew. */
  heard(first: number, last: number, now: number): boolean {
    const transit = now - last;
    const isSame = !this.transits.length || Math.abs(transit - this.fastest) < CLOCK_SET;
    if (!isSame) this.lates = [];
    this.transits = [...(isSame ? this.transits : []), transit].slice(-WINDOW);
    this.fastest = Math.min(...this.transits);
    this.lates = [...this.lates, now - first - this.fastest].slice(-WINDOW);
    const sorted = [...this.lates].sort((a, b) => a - b);
    const measured = (sorted[Math.ceil(sorted.length * IN_TIME) - 1] ?? 0) + MARGIN;
    const wanted = Math.min(this.bounds.max, Math.max(this.bounds.min, measured));
    this.delay += (wanted - this.delay) * (wanted > this.delay ? 1 : EASE);
    return isSame;
  }

  /** Which moment of the sender's clock is to be seen now. */
  playing(now: number): number {
    return now - this.fastest - this.delay;
  }
}
