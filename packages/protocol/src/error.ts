/** An error as it travels: `message`, `code` and `statusCode` are always there, or the client drops the frame (spec TI1). */
export interface ErrorShape {
  message: string;
  code: number;
  statusCode: number;
  href?: string;
  cause?: ErrorShape;
  detail?: Record<string, string>;
}

/** The one error class: what failed, Ably's code for it and the HTTP status that fits. */
export class ErrorInfo extends Error {
  override readonly name = 'ErrorInfo';
  readonly code: number;
  readonly statusCode: number;

  constructor(message: string, code: number, statusCode: number, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.statusCode = statusCode;
  }

  /** The error as it goes on the wire; the cause only if it is an ErrorInfo, so no internal text leaks. */
  toJSON(): ErrorShape {
    const shape: ErrorShape = {
      message: this.message,
      code: this.code,
      statusCode: this.statusCode,
      href: `https://help.ably.io/error/${this.code}`,
    };
    if (this.cause instanceof ErrorInfo) shape.cause = this.cause.toJSON();
    return shape;
  }
}
