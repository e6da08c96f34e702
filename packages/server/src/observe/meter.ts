/** What the parts of the server count. None of it is named by a client, so no metric can be made to grow. */
export interface Meter {
  connectionOpened(format: string): void;
  connectionEnded(reason: 'closed' | 'lost' | 'failed' | 'replaced'): void;
  frameReceived(): void;
  /** A frame or request was answered with this error code of ours. */
  refused(code: number): void;
  unknownAction(): void;
  messagesPublished(count: number): void;
  /** Frames handed to live attachments. */
  framesDelivered(count: number): void;
}

/** Counts nothing. */
export const silentMeter: Meter = {
  connectionOpened() {},
  connectionEnded() {},
  frameReceived() {},
  refused() {},
  unknownAction() {},
  messagesPublished() {},
  framesDelivered() {},
};
