import type { Format } from './codec.ts';
import { errors } from './codes.ts';
import { ErrorInfo, type ErrorShape } from './error.ts';
import {
  type Fields,
  isAction,
  isCount,
  isMap,
  readAction,
  readCount,
  readList,
  readMap,
  readText,
  readTextMap,
  readTime,
} from './field.ts';
import { type FrameEnvelope, FrameError } from './frameError.ts';
import type { ConnectionDetails, ProtocolMessage, PublishResult } from './message.ts';
import { parseAnnotation } from './parseAnnotation.ts';
import { parseMessage, parsePresenceMessage } from './parseMessage.ts';

/**
 * A decoded value as a ProtocolMessage: every known field has its type, null counts as absent, unknown fields are dropped
 * and unknown actions pass. Throws 40000 for what is no object, else FrameError with what was readable of the envelope.
 */
export function parseFrame(value: unknown, format: Format): ProtocolMessage {
  if (!isMap(value)) throw errors.badRequest('frame must be an object');
  try {
    return readFrame(value, format);
  } catch (thrown) {
    throw thrown instanceof ErrorInfo ? new FrameError(thrown, envelopeOf(value)) : thrown;
  }
}

function readFrame(from: Fields, format: Format): ProtocolMessage {
  const action = readAction(from.action, 'action');
  if (action === undefined) throw errors.badRequest('action is missing');
  const frame: ProtocolMessage = { action };
  readEnvelope(frame, from);
  const messages = readList(from.messages, 'messages');
  if (messages !== undefined) frame.messages = readEach(messages, 'messages', (item) => parseMessage(item, format));
  const presence = readList(from.presence, 'presence');
  if (presence !== undefined) {
    frame.presence = readEach(presence, 'presence', (item) => parsePresenceMessage(item, format));
  }
  const annotations = readList(from.annotations, 'annotations');
  if (annotations !== undefined) {
    frame.annotations = readEach(annotations, 'annotations', (item) => parseAnnotation(item, format));
  }
  const params = readTextMap(from.params, 'params');
  if (params !== undefined) frame.params = params;
  const auth = readMap(from.auth, 'auth');
  if (auth !== undefined) {
    const accessToken = readText(auth.accessToken, 'auth.accessToken');
    frame.auth = accessToken === undefined ? {} : { accessToken };
  }
  readReply(frame, from);
  return frame;
}

function readEnvelope(frame: ProtocolMessage, from: Fields): void {
  const flags = readCount(from.flags, 'flags');
  if (flags !== undefined) frame.flags = flags;
  const id = readText(from.id, 'id');
  if (id !== undefined) frame.id = id;
  const timestamp = readTime(from.timestamp, 'timestamp');
  if (timestamp !== undefined) frame.timestamp = timestamp;
  const channel = readText(from.channel, 'channel');
  if (channel !== undefined) frame.channel = channel;
  const channelSerial = readText(from.channelSerial, 'channelSerial');
  if (channelSerial !== undefined) frame.channelSerial = channelSerial;
  const msgSerial = readCount(from.msgSerial, 'msgSerial');
  if (msgSerial !== undefined) frame.msgSerial = msgSerial;
  const connectionId = readText(from.connectionId, 'connectionId');
  if (connectionId !== undefined) frame.connectionId = connectionId;
}

/** The fields that only the service sends. */
function readReply(frame: ProtocolMessage, from: Fields): void {
  const count = readCount(from.count, 'count');
  if (count !== undefined) frame.count = count;
  const res = readList(from.res, 'res');
  if (res !== undefined) frame.res = readEach(res, 'res', readResult);
  const error = readMap(from.error, 'error');
  if (error !== undefined) frame.error = readError(error, 'error');
  const details = readMap(from.connectionDetails, 'connectionDetails');
  if (details !== undefined) frame.connectionDetails = readDetails(details);
}

function readResult(value: unknown): PublishResult {
  const serials = isMap(value) ? value.serials : undefined;
  if (Array.isArray(serials) && serials.every((item) => item === null || typeof item === 'string')) return { serials };
  throw errors.badRequest('serials must be an array of strings');
}

function readError(fields: Fields, field: string): ErrorShape {
  const { message, code, statusCode } = fields;
  if (typeof message !== 'string' || !isCount(code) || !isCount(statusCode)) {
    throw errors.badRequest(`${field} must have message, code and statusCode`);
  }
  const error: ErrorShape = { message, code, statusCode };
  const href = readText(fields.href, `${field}.href`);
  if (href !== undefined) error.href = href;
  const cause = readMap(fields.cause, `${field}.cause`);
  if (cause !== undefined) error.cause = readError(cause, `${field}.cause`);
  const detail = readTextMap(fields.detail, `${field}.detail`);
  if (detail !== undefined) error.detail = detail;
  return error;
}

function readDetails(fields: Fields): ConnectionDetails {
  const text = (name: keyof ConnectionDetails) => present(readText(fields[name], `connectionDetails.${name}`), name);
  const count = (name: keyof ConnectionDetails) => present(readCount(fields[name], `connectionDetails.${name}`), name);
  const details: ConnectionDetails = {
    connectionKey: text('connectionKey'),
    maxMessageSize: count('maxMessageSize'),
    maxFrameSize: count('maxFrameSize'),
    maxInboundRate: count('maxInboundRate'),
    connectionStateTtl: count('connectionStateTtl'),
    maxIdleInterval: count('maxIdleInterval'),
    serverId: text('serverId'),
  };
  const clientId = readText(fields.clientId, 'connectionDetails.clientId');
  if (clientId !== undefined) details.clientId = clientId;
  return details;
}

function present<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw errors.badRequest(`connectionDetails.${name} is missing`);
  return value;
}

function readEach<T>(items: unknown[], field: string, read: (item: unknown) => T): T[] {
  return items.map((item, index) => {
    try {
      return read(item);
    } catch (thrown) {
      if (!(thrown instanceof ErrorInfo)) throw thrown;
      throw new ErrorInfo(`${field}[${index}]: ${thrown.message}`, thrown.code, thrown.statusCode, thrown.cause);
    }
  });
}

function envelopeOf(fields: Fields): FrameEnvelope {
  const envelope: FrameEnvelope = {};
  if (isAction(fields.action)) envelope.action = fields.action;
  if (typeof fields.channel === 'string') envelope.channel = fields.channel;
  if (isCount(fields.msgSerial)) envelope.msgSerial = fields.msgSerial;
  return envelope;
}
