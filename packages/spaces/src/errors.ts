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
  clientIdMissing: () =>
    new ErrorInfo(
      'a space needs a client with a clientId of its own (not none, not *): set it in the token or the client options',
      40012,
    ),
  notPermitted: (mode: string, channel: string) =>
    new ErrorInfo(`the key or token does not allow ${mode} on channel ${channel}: add the capability`, 40160, 401),
  notConnected: (state: string) =>
    new ErrorInfo(
      `the connection is ${state}: connect the client before asking for a space`,
      state === 'closed' ? 80017 : state === 'suspended' ? 80002 : 80000,
    ),
  detached: (channel: string) => new ErrorInfo(`channel ${channel} was detached: enter the space again`, 90001),
  disposed: (name: string) => new ErrorInfo(`space ${name} was disposed: get it anew from Spaces`, 90001),
  echoMissing: (name: string) =>
    new ErrorInfo(`the presence set of space ${name} did not show this member in time: try again`, 91005, 500),
  nameMissing: () => new ErrorInfo('a space needs a name: pass a string that is not empty', 101000),
  notEntered: () => new ErrorInfo('this client is not in the space: call enter() before', 101001),
  lockRequested: (id: string) =>
    new ErrorInfo(`lock ${id} is already held or asked for by this member: release it before acquiring again`, 101002),
  lockHeld: (id: string) => new ErrorInfo(`lock ${id} is held by another member`, 101003),
  lockTaken: (id: string) => new ErrorInfo(`lock ${id} went to another member whose request came before`, 101004),
};
