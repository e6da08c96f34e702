import type { ProtocolMessage } from '@parvis/protocol';
import type { Entry } from '../engine/engine.ts';
import type { DeltaRun } from './delta.ts';
import { wholeMessagesOf } from './entryView.ts';
import { conflationOf, Frame } from './frame.ts';

/** One frame of messages on its way to attachments that have a view: what several of them see alike is made once. */
export class Showing {
  /** What everybody without a view gets. */
  readonly frame: Frame;
  /** The entries that it was made of, in order. */
  readonly entries: readonly Entry[];
  /** For those who get deltas. */
  readonly run: DeltaRun | undefined;
  readonly #messages = new Map<string, ProtocolMessage | undefined>();
  readonly #frames = new Map<string, Frame>();

  constructor(frame: Frame, entries: readonly Entry[], run?: DeltaRun) {
    this.run = run;
    this.frame = frame;
    this.entries = entries;
  }

  /** What was made under this key, or is now; undefined means that there is nothing to see. */
  once(key: string, make: () => ProtocolMessage | undefined): ProtocolMessage | undefined {
    const known = this.#messages.get(key);
    if (known !== undefined || this.#messages.has(key)) return known;
    const made = make();
    this.#messages.set(key, made);
    return made;
  }

  /** The frame of what was made under this key, told as of the channel of that name; `whole` frames are never conflated. */
  frameOf(key: string, message: ProtocolMessage, channel: string | undefined, whole: boolean): Frame {
    const full = `${key}${whole}${channel ?? ''}`;
    let frame = this.#frames.get(full);
    if (frame === undefined) {
      frame = this.#make(message, channel, whole);
      this.#frames.set(full, frame);
    }
    return frame;
  }

  #make(message: ProtocolMessage, channel: string | undefined, whole: boolean): Frame {
    const conflates = this.frame.conflation !== undefined && !whole;
    if (channel === undefined && message === this.frame.message && conflates) return this.frame;
    const conflation = conflates ? () => conflationOf(wholeMessagesOf(message)) : undefined;
    return new Frame(channel === undefined ? message : { ...message, channel }, conflation);
  }
}
