import type { Meter } from './meter.ts';

/** Counts of one label each; what the label can be is known to us alone. */
type Counts = Map<string, number>;

/** Counts in plain numbers, since some of it is counted in the hot path; `metrics.ts` shows them when it is asked. */
export class CountingMeter implements Meter {
  readonly opened: Counts = new Map();
  readonly ended: Counts = new Map();
  /** By error code: as many as our table of errors has. */
  readonly refusals: Counts = new Map();
  frames = 0;
  unknownActions = 0;
  published = 0;
  delivered = 0;

  connectionOpened(format: string): void {
    count(this.opened, format);
  }

  connectionEnded(reason: 'closed' | 'lost' | 'failed' | 'replaced'): void {
    count(this.ended, reason);
  }

  frameReceived(): void {
    this.frames += 1;
  }

  refused(code: number): void {
    count(this.refusals, String(code));
  }

  unknownAction(): void {
    this.unknownActions += 1;
  }

  messagesPublished(messages: number): void {
    this.published += messages;
  }

  framesDelivered(frames: number): void {
    this.delivered += frames;
  }
}

function count(counts: Counts, label: string): void {
  counts.set(label, (counts.get(label) ?? 0) + 1);
}
