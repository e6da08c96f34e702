import { codecs, type Message, type PresenceMessage, type ProtocolMessage } from '@parvis/protocol';
import type { Wire } from '../transport/transport.ts';

/**
 * What a slow client may be sent the last of only: the parts of a frame with the key that makes a later part replace an
 * earlier one of the same channel.
 */
export type Conflation =
  | { readonly kind: 'message'; readonly parts: ReadonlyMap<string, Message> }
  | { readonly kind: 'presence'; readonly parts: ReadonlyMap<string, PresenceMessage> };

/** One protocol message on its way to many: encoded on first ask, once for each kind of pipe, then remembered. */
export class Frame {
  readonly message: ProtocolMessage;
  /** Made only when some client is slow. */
  readonly conflation: (() => Conflation) | undefined;
  readonly #bytes: (Buffer | undefined)[] = [];

  constructor(message: ProtocolMessage, conflation?: () => Conflation) {
    this.message = message;
    this.conflation = conflation;
  }

  /** The same, told as of the channel of another name. */
  under(channel: string): Frame {
    return new Frame({ ...this.message, channel }, this.conflation);
  }

  /** The whole frame as this kind of pipe carries it. Shared: never written to. */
  bytes(wire: Wire): Buffer {
    const known = this.#bytes[wire.slot];
    if (known !== undefined) return known;
    const made = wire.wrap(codecs[wire.format].encode(this.message));
    this.#bytes[wire.slot] = made;
    return made;
  }
}

/** Of one publisher's messages of one name, the last is enough for a client that cannot keep up. Each is whole by itself. */
export function conflationOf(messages: readonly Message[]): Conflation {
  return { kind: 'message', parts: new Map(messages.map((each) => [`${each.connectionId}:${each.name}`, each])) };
}
