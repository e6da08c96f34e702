import { ErrorInfo } from './error.ts';

/** What could still be read of a frame that was refused; each part only if it was valid. */
export interface FrameEnvelope {
  action?: number;
  channel?: string;
  msgSerial?: number;
}

/**
 * Why a frame was refused, and enough of the frame to answer it: with `action` and `msgSerial` the sender gets a NACK
 * for that one publish and keeps its connection.
 */
export class FrameError extends ErrorInfo {
  readonly action: number | undefined;
  readonly channel: string | undefined;
  readonly msgSerial: number | undefined;

  constructor(error: ErrorInfo, envelope: FrameEnvelope) {
    super(error.message, error.code, error.statusCode, error.cause);
    this.action = envelope.action;
    this.channel = envelope.channel;
    this.msgSerial = envelope.msgSerial;
  }
}
