import type { ProtocolMessage } from '@parvis/protocol';
import type { Entry } from '../engine/engine.ts';
import type { AttachRequest } from './attachment.ts';
import { DeltaPosition } from './delta.ts';
import type { Frame } from './frame.ts';
import type { Showing } from './showing.ts';

/** One thing that an attachment wants otherwise than all others: a pure function of the frame of messages that those get. */
export interface ViewStep {
  /** Steps with the same key make the same of the same frame, so that one of them does it for all. */
  readonly key: string;
  /**
   * The frame to send instead: the very same if nothing changes, undefined if nothing is to be sent. What it is given is
   * shared and must not be written to. Entries are those the frame was made of, in order.
   */
  show(frame: ProtocolMessage, entries: readonly Entry[]): ProtocolMessage | undefined;
}

/** The view of an attachment that was asked for so, or none if it sees what everybody sees. */
export function viewOf({ name, steps, delta }: Pick<AttachRequest, 'name' | 'steps' | 'delta'>): View | undefined {
  const isPlain = name.requested === name.channel;
  if (steps.length === 0 && !delta && isPlain) return undefined;
  return new View({
    name: isPlain ? undefined : name.requested,
    messagesOnly: name.qualifier === 'filter',
    steps,
    delta: delta ? new DeltaPosition() : undefined,
  });
}

/** What a view is made of. */
export interface ViewParts {
  /** Name under which the client knows the channel, unless it is the channel's own. */
  readonly name: string | undefined;
  /** Nothing but messages is shown: derived channels have no presence. */
  readonly messagesOnly: boolean;
  /** In the order in which they apply. */
  readonly steps: readonly ViewStep[];
  /** There if it gets deltas of what the steps leave. */
  readonly delta: DeltaPosition | undefined;
}

/**
 * How one attachment sees its channel, where that differs from how all see it. Live, replayed and rewound messages go
 * through it alike. Most attachments have none, and the fan-out to them knows nothing of views.
 */
export class View {
  readonly name: string | undefined;
  readonly messagesOnly: boolean;
  readonly delta: DeltaPosition | undefined;
  readonly #steps: readonly ViewStep[];

  constructor({ name, messagesOnly, steps, delta }: ViewParts) {
    this.name = name;
    this.delta = delta;
    this.messagesOnly = messagesOnly;
    this.#steps = steps;
  }

  /** The frame of messages that this attachment gets; undefined for none. */
  show(showing: Showing): Frame | undefined {
    let key = '';
    let seen: ProtocolMessage | undefined = showing.frame.message;
    for (const step of this.#steps) {
      const before: ProtocolMessage = seen;
      key += `${step.key}\n`;
      seen = showing.once(key, () => step.show(before, showing.entries));
      if (seen === undefined) return undefined;
    }
    return this.delta === undefined
      ? showing.frameOf(key, seen, this.name, false)
      : this.#showDelta(this.delta, key, showing, seen);
  }

  /** Whether any of these messages is for this attachment. */
  wants(frame: ProtocolMessage, entries: readonly Entry[]): boolean {
    let seen: ProtocolMessage | undefined = frame;
    for (const step of this.#steps) if (seen !== undefined) seen = step.show(seen, entries);
    return seen !== undefined;
  }

  #showDelta(delta: DeltaPosition, key: string, showing: Showing, seen: ProtocolMessage): Frame {
    const { previous } = delta;
    delta.sent(seen);
    const full = `${key}delta ${previous}\n`;
    const shown = showing.once(full, () => showing.run?.show(seen, previous) ?? seen) ?? seen;
    // Deltas stand on what came right before them: of such a chain nothing may be left out.
    return showing.frameOf(full, shown, this.name, true);
  }
}
