import { ErrorInfo } from './error.ts';

const make = (code: number, statusCode: number, message: string, cause?: unknown) =>
  new ErrorInfo(message, code, statusCode, cause);

/** The one table of errors: each entry makes an ErrorInfo with Ably's code and status (protocol reference 5.8 and 7). */
export const errors = {
  badRequest: (what: string, cause?: unknown) => make(40000, 400, what, cause),
  badBody: (what: string, cause?: unknown) => make(40001, 400, what, cause),
  bodyTooSlow: () => make(40000, 408, 'request body did not arrive in time'),
  badParameter: (name: string, rule: string) => make(40003, 400, `parameter ${name} is not valid: ${rule}`),
  badCredentials: (what: string) => make(40005, 400, what),
  badConnectionKey: () => make(40006, 400, 'the connectionKey of the message belongs to no connection of yours'),
  messageTooLarge: (size: number, limit: number, statusCode = 413) =>
    make(40009, statusCode, `publish of ${size} bytes is over maxMessageSize (${limit} bytes); send less at once`),
  summaryFull: (limit: number) =>
    make(40009, 413, `summaries of the message are over ${limit} bytes; use fewer annotation types and names`),
  bodyTooLarge: (limit: number) => make(40009, 413, `request body is over ${limit} bytes; send less at once`),
  replyTooLarge: (limit: number) => make(40009, 413, `reply would be over ${limit} bytes; ask for less at once`),
  badChannelName: (rule: string) => make(40010, 400, `channel name is not valid: ${rule}`),
  derivedChannel: (channel: string) =>
    make(40010, 400, `a derived channel is for subscribing alone; use channel ${channel} itself for all else`),
  badCursor: () => make(40011, 400, 'page cursor is not valid for this request; start again at the first page'),
  badDeviceId: (rule: string) => make(40015, 400, `id of the device is not valid: ${rule}`),
  badClientId: (what: string, statusCode = 400) => make(40012, statusCode, what),
  badData: (what: string) => make(40013, 400, what),
  badVersion: (version: string | null) =>
    make(
      40017,
      400,
      version === null ? 'protocol version missing: send v=6' : 'protocol version is not supported: send v=6',
    ),
  batchPartlyFailed: () => make(40020, 400, 'the batch failed in part: each result says for itself'),
  foreignAttachPoint: () =>
    make(40024, 400, 'from_serial is no position of this channel; attach again and ask for what was before that'),
  badPublish: (what: string) => make(40030, 400, what),
  badMessageIds: (what: string) => make(40031, 400, what),
  badExtras: (what: string) => make(40032, 400, what),
  tooManyMessages: (count: number, limit: number) =>
    make(40034, 400, `publish of ${count} messages is over the limit of ${limit}`),
  forcedNack: () => make(40099, 400, 'rejected, as _forceNack asked for'),
  unauthorized: (what: string) => make(40100, 401, what),
  invalidCredentials: (what = 'invalid credentials') => make(40101, 401, what),
  incompatibleCredentials: (what: string) => make(40102, 401, what),
  plaintextKey: () => make(40103, 401, 'an API key must not travel without TLS; use https, or a token'),
  timestampSkew: () => make(40104, 401, 'timestamp of the token request is more than 2 minutes off; check the clock'),
  nonceReplayed: () => make(40105, 401, 'nonce of the token request was used before; sign a new request'),
  otherKeyRevokes: () => make(40133, 401, 'tokens can be revoked with their own API key alone'),
  tokenRevoked: () => make(40141, 401, 'token was revoked; obtain a new one'),
  tokenExpired: () => make(40142, 401, 'token has expired; obtain a new one'),
  tokenNotRecognised: () => make(40143, 401, 'token is not recognised; obtain a new one'),
  badJwt: (what: string) => make(40144, 401, `JWT is not valid: ${what}`),
  badToken: (what: string) => make(40145, 401, what),
  capabilityDenied: (operation: string, resource: string) =>
    make(40160, 401, `capability does not allow ${operation} on ${resource}`),
  notIdentified: (what: string) => make(40161, 401, `${what} needs a clientId; connect or authenticate with one`),
  capabilityEmpty: () => make(40160, 401, 'the requested capability and that of the key have nothing in common'),
  readOnlyChannel: (channel: string) =>
    make(
      40160,
      401,
      `channel ${channel} is written by the service alone: nobody may publish to it or be present on it`,
    ),
  basicAuthRequired: () => make(40162, 401, 'this route needs the API key itself, not a token'),
  notRevocable: (keyName: string) =>
    make(40163, 401, `tokens of API key ${keyName} cannot be revoked: set revocableTokens on the key`),
  modeNotRequested: (operation: string) =>
    make(40165, 401, `${operation} was not among the modes requested when attaching`),
  ownNeedsIdentity: (operation: string) =>
    make(40166, 401, `${operation} is for clients with a clientId of their own, and this one has none`),
  forbidden: (what: string) => make(40300, 403, what),
  tooManyRegistrations: (what: string, limit: number) =>
    make(40300, 403, `the app has ${limit} ${what} registered for push; remove some first`),
  originRefused: () => make(40300, 403, 'this origin is not on the allow-list'),
  notFound: (what: string, statusCode = 404) => make(40400, statusCode, `${what} not found`),
  methodNotAllowed: (method: string) => make(40500, 405, `method ${method} is not allowed here`),
  rateLimited: (what: string) => make(42910, 429, what),
  connectionRateExceeded: (limit: number) =>
    make(42911, 429, `publish rate of the connection is over ${limit} messages a second; message dropped`),
  enumerationBusy: () => make(42912, 429, 'channels of this app are being enumerated already; ask one call at a time'),
  inboundFlood: (limit: number) => make(42924, 429, `more than ${limit} protocol messages a second on one connection`),
  internal: () => make(50000, 500, 'internal error'),
  timeout: (what: string) => make(50003, 500, what),
  unavailable: (what: string, cause?: unknown) => make(50004, 503, what, cause),
  otherClientsDevice: () => make(61002, 400, 'the device is registered for another clientId'),
  disconnected: (what: string, statusCode = 400) => make(80003, statusCode, what),
  connectionExpired: () => make(80008, 400, 'connection state has expired; a new connection was made'),
  recoverIncompatible: () => make(80011, 400, 'credentials do not fit the connection to be resumed'),
  protocolViolation: (what: string) => make(80013, 400, what),
  connectionReplaced: () => make(80016, 410, 'this connection goes on over another transport'),
  sessionKeyInvalid: () => make(80018, 404, 'the connection key in the path is not valid; connect again'),
  sessionUnknown: () => make(80022, 410, 'no connection is open under this key any more; connect again with resume'),
  backlogExceeded: () => make(80020, 400, 'client did not keep up with what was sent to it; resume to continue'),
  connectionKeyInvalid: () => make(80018, 400, 'connection key is not valid; a new connection was made'),
  channelFailed: (what: string) => make(90000, 400, what),
  notAttached: (channel: string) => make(90001, 404, `not attached to channel ${channel}`),
  serialExpired: () => make(90003, 404, 'position is older than what is kept; messages may have been missed'),
  backlogTooLong: () => make(90004, 404, 'more messages were missed than can be replayed'),
  serialForeign: () => make(90005, 404, 'position belongs to another log; messages may have been missed'),
  tooManyChannels: (limit: number) => make(90010, 400, `a connection may attach at most ${limit} channels`),
  presenceNoClientId: () => make(91000, 400, 'presence needs a clientId, and this connection has none'),
  tooManyMembers: (limit: number) => make(91003, 400, `presence set of the channel is full (${limit} members)`),
  notMutable: () => make(93002, 400, 'updates and annotations need a namespace with mutableMessages'),
  presenceTooLarge: (limit: number) => make(91006, 400, `presence data of the channel is over ${limit} bytes in all`),
  notEntered: () => make(101001, 400, 'enter the space before you ask for a lock, renew one or answer for one'),
  lockHeld: () => make(101003, 400, 'the lock is held by another member, or others wait for it already'),
  lockTaken: () => make(101004, 400, 'the lock was taken by another member'),
  lockExpired: () => make(101005, 400, 'the lock was not renewed within its ttl'),
  tooManyLocks: () =>
    make(101006, 400, 'too many locks: of this member, of this space, or too many wait for this one already'),
  lockDataTooLarge: (limit: number) => make(40009, 413, `attributes and note of a lock may have ${limit} bytes`),
  noPushRecipient: () =>
    make(103002, 400, 'a notification needs a recipient: a deviceId, a clientId or a transportType'),
  badPush: (what: string) => make(103003, 400, what),
  noPushTransport: (transport: string) =>
    make(103006, 400, `no notification is delivered through ${transport}: this server calls no vendor's push service`),
} as const;

/** Any thrown value as an ErrorInfo: itself if it is one, else 50000 without its text. */
export function toErrorInfo(thrown: unknown): ErrorInfo {
  return thrown instanceof ErrorInfo ? thrown : errors.internal();
}

/** Whether a code is of the family that makes clients fetch a new token (40140 to 40149). */
export function isTokenError(code: number): boolean {
  return code >= 40140 && code < 40150;
}
