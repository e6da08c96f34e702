import type { Format } from './codec.ts';
import { errors } from './codes.ts';
import { canonicalPayload, type Payload } from './data.ts';
import { type Fields, isMap, readAction, readClientId, readMap, readText, readTextMap, readTime } from './field.ts';
import type { Data, Extras, Message, MessageAnnotations, MessageVersion, PresenceMessage } from './message.ts';

/** What a parser of one message may accept beyond the wire form of a frame. */
export interface ParseOptions {
  /** REST bodies: `data` may be an object or array without encoding and bytes; it becomes its JSON text with `json`. */
  rawData?: boolean;
}

/**
 * A message as a client sent it, checked and in canonical form. Fields that are not of a Message are dropped, null counts
 * as absent. Throws 40000 with the name of the field that is wrong, 40012 for a clientId, 40013 for data, 40032 for extras.
 */
export function parseMessage(value: unknown, format: Format, options?: ParseOptions): Message {
  if (!isMap(value)) throw errors.badRequest('message must be an object');
  const message: Message = {};
  readShared(message, value, format, options);
  const name = readText(value.name, 'name');
  if (name !== undefined) message.name = name;
  const connectionKey = readText(value.connectionKey, 'connectionKey');
  if (connectionKey !== undefined) message.connectionKey = connectionKey;
  const action = readAction(value.action, 'action');
  if (action !== undefined) message.action = action;
  const serial = readText(value.serial, 'serial');
  if (serial !== undefined) message.serial = serial;
  const version = readMap(value.version, 'version');
  if (version !== undefined) message.version = parseVersion(version);
  const annotations = readMap(value.annotations, 'annotations');
  if (annotations !== undefined) message.annotations = parseAnnotations(annotations);
  return message;
}

/** A presence message as a client sent it, under the rules of `parseMessage`; its action must be there. */
export function parsePresenceMessage(value: unknown, format: Format, options?: ParseOptions): PresenceMessage {
  if (!isMap(value)) throw errors.badRequest('presence message must be an object');
  const action = readAction(value.action, 'action');
  if (action === undefined) throw errors.badRequest('action is missing');
  const message: PresenceMessage = { action };
  readShared(message, value, format, options);
  return message;
}

/** Fields that messages, presence messages and annotations have alike, read into one of them. */
export function readShared(
  into: Omit<PresenceMessage, 'action'>,
  from: Fields,
  format: Format,
  options?: ParseOptions,
): void {
  const id = readText(from.id, 'id');
  if (id !== undefined) into.id = id;
  const clientId = readClientId(from.clientId, 'clientId');
  if (clientId !== undefined) into.clientId = clientId;
  const connectionId = readText(from.connectionId, 'connectionId');
  if (connectionId !== undefined) into.connectionId = connectionId;
  const { data, encoding } = readPayload(from, format, options);
  if (data !== undefined) into.data = data;
  if (encoding !== undefined) into.encoding = encoding;
  const extras = readExtras(from.extras, format);
  if (extras !== undefined) into.extras = extras;
  const timestamp = readTime(from.timestamp, 'timestamp');
  if (timestamp !== undefined) into.timestamp = timestamp;
}

function readPayload(from: Fields, format: Format, options?: ParseOptions): Payload {
  const encoding = readText(from.encoding, 'encoding') || undefined;
  const { data } = from;
  if (data === undefined || data === null) return canonicalPayload(undefined, encoding);
  if (typeof data === 'string' || data instanceof Uint8Array) {
    return encoding === undefined ? { data } : canonicalPayload(data as Data, encoding);
  }
  const raw = options?.rawData === true && typeof data === 'object' && encoding === undefined;
  if (raw && (format === 'json' || !holdsBytes(data))) return { data: JSON.stringify(data), encoding: 'json' };
  throw errors.badData('data must be a string or binary; send objects as JSON text with encoding json');
}

function readExtras(value: unknown, format: Format): Extras | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isMap(value)) throw errors.badExtras('extras must be an object');
  if (format === 'msgpack' && holdsBytes(value)) throw errors.badExtras('extras must not hold binary values');
  return value;
}

function parseVersion(fields: Fields): MessageVersion {
  const version: MessageVersion = {};
  const serial = readText(fields.serial, 'version.serial');
  if (serial !== undefined) version.serial = serial;
  const timestamp = readTime(fields.timestamp, 'version.timestamp');
  if (timestamp !== undefined) version.timestamp = timestamp;
  const clientId = readClientId(fields.clientId, 'version.clientId');
  if (clientId !== undefined) version.clientId = clientId;
  const description = readText(fields.description, 'version.description');
  if (description !== undefined) version.description = description;
  const metadata = readTextMap(fields.metadata, 'version.metadata');
  if (metadata !== undefined) version.metadata = metadata;
  return version;
}

function parseAnnotations(fields: Fields): MessageAnnotations {
  const summary = readMap(fields.summary, 'annotations.summary');
  return summary === undefined ? {} : { summary };
}

/** JSON has no bytes, so a subscriber in that format could never be given them. */
function holdsBytes(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return value instanceof Uint8Array || Object.values(value).some(holdsBytes);
}
