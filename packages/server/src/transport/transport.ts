import type { Format } from '@parvis/protocol';

/** How frames look on one kind of pipe. One constant per kind, shared by all its pipes, so that bytes can be shared too. */
export interface Wire {
  /** Slot of this kind in the memo of a Frame. */
  readonly slot: number;
  readonly format: Format;
  /** Bytes of one encoded protocol message as they are written to the pipe. */
  wrap(payload: Uint8Array): Buffer;
}

/** What a pipe reports. All are called asynchronously, never from within `write` or `close`. */
export interface TransportEvents {
  /** One whole frame of the client. */
  frame(bytes: Uint8Array): void;
  /** The network took enough of what was written that more can follow. */
  drain(): void;
  /** Any sign of life that is no frame, such as a pong. */
  alive(): void;
  /** The pipe is gone, by whichever side; called once. */
  closed(): void;
}

/**
 * One open pipe to one client. Moves frames, knows nothing of connections or channels.
 * `write` and `close` never throw and never block; what is written after the end is dropped.
 */
export interface Transport {
  readonly wire: Wire;
  /** Bytes handed to `write` that the network has not taken yet. */
  readonly backlog: number;
  /** Address of the peer, for logs. */
  readonly remote: string;
  listen(events: TransportEvents): void;
  /** Tells the key of the connection, once there is one, to a pipe that is made of many requests: they name it. */
  named?(connectionKey: string): void;
  /** All that one turn of the event loop has for this client: whole frames, back to back, in one call. */
  write(bytes: Uint8Array): void;
  /** Bytes that ask the peer for a sign of life, or undefined where the pipe has no such thing. */
  readonly ping: Uint8Array | undefined;
  /** Stops or restarts reading, for a client that sends faster than storage takes. */
  pause(): void;
  resume(): void;
  /** Ends the pipe once what was written is out, and destroys it when the peer does not take that in time. */
  close(): void;
}
