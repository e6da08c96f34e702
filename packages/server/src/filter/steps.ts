/** The work that one message may make of one filter: about one look at each character. */
export const MAX_STEPS = 200_000;

/** Counts the work that a filter makes of a message. */
export class Steps {
  taken = 0;

  /** So much more is about to be done; throws `TooManySteps` if that is more than there may be. */
  take(count: number): void {
    this.taken += count;
    if (this.taken > MAX_STEPS) throw new TooManySteps();
  }
}

/** A message is too much for a filter. */
export class TooManySteps extends Error {}
