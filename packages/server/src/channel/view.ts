import type { ProtocolMessage } from '@parvis/protocol';
import type { Entry } from '../engine/engine.ts';
import type { Frame } from './frame.ts';
import type { QualifiedName } from './qualifiedName.ts';
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

/** The view of an attachment under that name, or none if it sees what everybody sees. */
export function viewOf(name: QualifiedName, steps: readonly ViewStep[]): View | undefined {
  if (steps.length === 0 && name.requested === name.channel) return undefined;
  return new View({
    name: name.requested === name.channel ? undefined : name.requested,
    messagesOnly: name.qualifier === 'filter',
    steps,
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
}

/**
 * How one attachment sees its channel, where that differs from how all see it. Live, replayed and rewound messages go
 * through it alike. Most attachments have none, and the fan-out to them knows nothing of views.
 */
export class View {
  readonly name: string | undefined;
  readonly messagesOnly: boolean;
  readonly #steps: readonly ViewStep[];

  constructor({ name, messagesOnly, steps }: ViewParts) {
    this.name = name;
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
    return showing.frameOf(key, seen, this.name, false);
  }
}
