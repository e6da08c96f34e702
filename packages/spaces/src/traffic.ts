import type { PresenceMessageLike, SpacesClient } from './client.ts';
import type { Space } from './space.ts';
import type { SpaceTypes } from './types.ts';

/** Messages, and their bytes: data and extras as JSON text in UTF-8, and the clientId. */
export interface TrafficCount {
  readonly messages: number;
  readonly bytes: number;
}

/** Options of {@link Traffic}. */
export interface TrafficOptions {
  /** The largest message that the service takes, in bytes. Default 65 536. */
  maxMessageSize?: number;
  /** Told when an own message takes more than four fifths of that. */
  warn?: (bytes: number, maxMessageSize: number) => void;
}

const encoder = new TextEncoder();
const sizeOf = (value: unknown): number => (value === undefined ? 0 : encoder.encode(JSON.stringify(value)).length);
const NEARLY = 0.8;

/**
 * Counts the presence of a space from now on. What this client sends is counted as it comes back, and so once it has been
 * taken. Ends with the space.
 */
export class Traffic<T extends SpaceTypes = SpaceTypes> {
  readonly #space: Space<T, SpacesClient>;
  readonly #options: Required<Pick<TrafficOptions, 'maxMessageSize'>> & TrafficOptions;
  readonly #undo: () => void;
  #received: TrafficCount = { messages: 0, bytes: 0 };
  #sent: TrafficCount = { messages: 0, bytes: 0 };

  constructor(space: Space<T, SpacesClient>, options: TrafficOptions = {}) {
    this.#space = space;
    this.#options = { maxMessageSize: 65_536, ...options };
    this.#undo = space.subscribe('dispose', () => this.dispose());
    space.channel.presence.subscribe(this.#count).catch((error) => space.emitNamed('error', error));
  }

  /** All that arrived, own messages too. */
  get received(): TrafficCount {
    return this.#received;
  }

  /** What this client sent. */
  get sent(): TrafficCount {
    return this.#sent;
  }

  /** Stops counting. */
  dispose(): void {
    this.#undo();
    this.#space.channel.presence.unsubscribe(this.#count);
  }

  readonly #count = ({ action, clientId, connectionId, data, extras }: PresenceMessageLike): void => {
    // Those who were there before did not send this now.
    if (action === 'present') return;
    const bytes = encoder.encode(clientId).length + sizeOf(data) + sizeOf(extras);
    this.#received = plus(this.#received, bytes);
    if (connectionId !== this.#space.connectionId) return;
    this.#sent = plus(this.#sent, bytes);
    const { maxMessageSize, warn } = this.#options;
    if (bytes > maxMessageSize * NEARLY) warn?.(bytes, maxMessageSize);
  };
}

const plus = ({ messages, bytes }: TrafficCount, more: number): TrafficCount => ({
  messages: messages + 1,
  bytes: bytes + more,
});
