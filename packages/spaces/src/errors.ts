/** An error with the shape and codes that a realtime client uses: `message`, `code`, `statusCode`, perhaps a `cause`. */
export class ErrorInfo extends Error {
  override readonly name = 'ErrorInfo';
  readonly code: number;
  readonly statusCode: number;
  declare readonly cause?: ErrorInfo;

  constructor(message: string, code: number, statusCode = 400) {
    super(message);
    this.code = code;
    this.statusCode = statusCode;
  }
}

/** Wrong or missing arguments. Thrown at once by `subscribe` and its like, as a rejection by methods that return a promise. */
export class InvalidArgumentError extends Error {
  override readonly name = 'InvalidArgumentError';
}

/** The one table of the errors this package makes; whatever the realtime client throws passes through as it is. */
export const errors = {
  clientIdMissing: () => new ErrorInfo('a space needs a clientId other than *: set it in the token or options', 40012),
  notPermitted: (mode: string, channel: string) =>
    new ErrorInfo(`no right to ${mode} on ${channel}: add the capability`, 40160, 401),
  notConnected: (state: string) =>
    new ErrorInfo(`the connection is ${state}: connect the client`, state === 'closed' ? 80017 : 80000),
  detached: (channel: string) => new ErrorInfo(`${channel} was detached: enter again`, 90001),
  disposed: (name: string) => new ErrorInfo(`${name} was disposed: get the space anew`, 90001),
  echoMissing: (name: string) => new ErrorInfo(`${name} does not show this member: enter again`, 91005, 500),
  nameMissing: () => new ErrorInfo('a space needs a name, a string that is not empty', 101000),
  notEntered: () => new ErrorInfo('not in the space: enter before', 101001),
  rateExceeded: (channel: string) => new ErrorInfo(`too many messages to ${channel}: send fewer`, 42911, 429),
  lockRequested: (id: string) => new ErrorInfo(`lock ${id} was acquired before: release it`, 101002),
  lockHeld: (id: string) => new ErrorInfo(`lock ${id} is held by another member`, 101003),
  lockLost: (id: string) => new ErrorInfo(`lock ${id} was lost with the connection: acquire it again`, 80008),
  lockTaken: (id: string) => new ErrorInfo(`lock ${id} went to an earlier request of another member`, 101004),
};
