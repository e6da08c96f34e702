/**
 * The work that one message may make of one filter, a look at a character being a step: some tens of microseconds. A
 * channel may have thousands of filters, and whoever publishes chooses the headers that all of them look at.
 */
export const MAX_STEPS = 20_000;

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
