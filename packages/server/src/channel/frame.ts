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

  /** The whole frame as this kind of pipe carries it. Shared: never written to. */
  bytes(wire: Wire): Buffer {
    const known = this.#bytes[wire.slot];
    if (known !== undefined) return known;
    const made = wire.wrap(codecs[wire.format].encode(this.message));
    this.#bytes[wire.slot] = made;
    return made;
  }
}
