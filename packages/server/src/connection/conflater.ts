import { Action, type Message, type PresenceMessage, type ProtocolMessage, sizeOf } from '@parvis/protocol';
import { Frame } from '../channel/frame.ts';

/** What is held back on one channel: the last part of each key, in the order in which the keys were last touched. */
interface Held {
  messages: Map<string, Message>;
  presence: Map<string, PresenceMessage>;
  channelSerial: string | undefined;
}

/**
 * Holds conflatable frames of a slow client: of all cursor positions or presence updates with one key the last is kept.
 */
export class Conflater {
  readonly #channels = new Map<string, Held>();
  #size = 0;

  /** Bytes held, roughly: frames replaced by later ones count no more. */
  get size(): number {
    return this.#size;
  }

  /** Takes a frame that has a conflation; returns the bytes held after it. */
  hold(frame: Frame): number {
    const conflation = frame.conflation?.();
    const channel = frame.message.channel;
    if (conflation === undefined || channel === undefined) return this.#size;
    let held = this.#channels.get(channel);
    if (held === undefined) {
      held = { messages: new Map(), presence: new Map(), channelSerial: undefined };
      this.#channels.set(channel, held);
    }
    held.channelSerial = frame.message.channelSerial ?? held.channelSerial;
    if (conflation.kind === 'message') this.#replace(held.messages, conflation.parts);
    else this.#replace(held.presence, conflation.parts);
    return this.#size;
  }

  /** What was held on one channel, merged, when something that cannot be conflated follows on it. */
  releaseChannel(channel: string): Frame[] {
    const held = this.#channels.get(channel);
    if (held === undefined) return [];
    this.#forget(channel, held);
    return framesOf(channel, held);
  }

  /** Everything held, channel by channel. */
  *release(): Generator<Frame> {
    for (const [channel, held] of this.#channels) {
      this.#forget(channel, held);
      yield* framesOf(channel, held);
    }
  }

  #replace<T extends Message | PresenceMessage>(into: Map<string, T>, parts: ReadonlyMap<string, T>): void {
    for (const [key, part] of parts) {
      const before = into.get(key);
      if (before !== undefined) this.#size -= weight(before);
      into.delete(key);
      into.set(key, part);
      this.#size += weight(part);
    }
  }

  #forget(channel: string, held: Held): void {
    this.#channels.delete(channel);
    for (const part of held.messages.values()) this.#size -= weight(part);
    for (const part of held.presence.values()) this.#size -= weight(part);
  }
}

function framesOf(channel: string, held: Held): Frame[] {
  const common = { channel, ...(held.channelSerial === undefined ? {} : { channelSerial: held.channelSerial }) };
  const frames: Frame[] = [];
  const add = (message: ProtocolMessage) => frames.push(new Frame(message));
  if (held.presence.size > 0) add({ action: Action.PRESENCE, ...common, presence: [...held.presence.values()] });
  if (held.messages.size > 0) add({ action: Action.MESSAGE, ...common, messages: [...held.messages.values()] });
  return frames;
}

/** Bytes that one part will take, its ids and keys included. */
function weight(part: Message | PresenceMessage): number {
  return 200 + sizeOf(part);
}
