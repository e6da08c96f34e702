import { messageClientId } from '@parvis/auth';
import {
  type Data,
  errors,
  type Message,
  MessageAction,
  type MessageVersion,
  messageSerial,
  sizeOf,
} from '@parvis/protocol';
import type { Principal } from '../access/principal.ts';
import type { Draft, Row } from '../engine/engine.ts';
import { checkExtras, withUserClaim } from './extras.ts';
import type { MutationPayload } from './mutationView.ts';
import type { Publisher } from './publish.ts';

/** Table of rows with the latest version of each message that was changed, by the message's serial. */
export const versionTable = 'versions';

/** A change of a message that was published before, checked as far as it can be without the message. */
export interface Change {
  readonly action: number;
  /** Serial of the message. */
  readonly serial: string;
  readonly name?: string;
  readonly data?: Data;
  readonly encoding?: string;
  readonly extras?: Message['extras'];
  /** Who changes it and why; its serial and time are those of the entry to come. */
  readonly version: MessageVersion;
}

/** A message as it stands: whole by itself, in its latest version. */
export interface Standing {
  readonly message: Message;
  /** As it was published. */
  readonly original: Message;
  /** Serial of the entry that published it. */
  readonly published: string;
  /** There once it was changed. */
  readonly row: Row | undefined;
}

/** Whether a message as it was sent is to change one that was published before. */
export function isChange({ action }: Message): boolean {
  return action === MessageAction.UPDATE || action === MessageAction.DELETE || action === MessageAction.APPEND;
}

/** Throws unless it is a message of whoever may change own ones only: 40160, or 40400 for who could not read it either. */
export function requireOwn(
  { capability, clientId }: Principal,
  { message }: Standing,
  action: number,
  channel: string,
): void {
  if (message.clientId === clientId) return;
  const reads = capability.allows('history', channel) || capability.allows('subscribe', channel);
  if (!reads) throw errors.notFound('message');
  const operation = action === MessageAction.DELETE ? 'message-delete-any' : 'message-update-any';
  throw errors.capabilityDenied(operation, `channel ${channel}, and the message is of another client`);
}

/**
 * Whose messages this principal may change so. Throws 40160 with neither right, 40166 if it is for own ones only and the
 * principal has no name of its own: one that may take any name would own everything.
 */
export function rightTo(action: number, { capability, clientId }: Principal, channel: string): 'any' | 'own' {
  const operation = action === MessageAction.DELETE ? 'message-delete' : 'message-update';
  if (capability.allows(`${operation}-any`, channel)) return 'any';
  if (!capability.allows(`${operation}-own`, channel)) {
    throw errors.capabilityDenied(`${operation}-own`, `channel ${channel}`);
  }
  if (clientId === undefined || clientId === '*') throw errors.ownNeedsIdentity(`${operation}-own`);
  return 'own';
}

/** Reads a change as a client sent it. Throws 40000, 40003, 40012, 40013 or 40032. */
export function changeOf(publisher: Publisher, given: Message, strictExtras: boolean): Change {
  const { action = MessageAction.CREATE, serial, name, data, encoding, extras } = given;
  if (!isChange(given)) throw errors.badRequest('action must be update (1), delete (2) or append (5)');
  if (serial === undefined || serial === '') throw errors.badParameter('serial', 'it names the message to change');
  if (action === MessageAction.APPEND && (data === undefined || encoding !== undefined)) {
    throw errors.badData('append needs data that is text or binary, without an encoding');
  }
  if (extras !== undefined) checkExtras(extras, strictExtras);
  return {
    action,
    serial,
    ...(name === undefined ? {} : { name }),
    ...(data === undefined ? {} : { data }),
    ...(data === undefined || encoding === undefined ? {} : { encoding }),
    ...(extras === undefined ? {} : { extras }),
    version: operationOf(publisher, given.version),
  };
}

function operationOf(publisher: Publisher, given: MessageVersion = {}): MessageVersion {
  const clientId = messageClientId(publisher.clientId, given.clientId);
  const { description, metadata } = given;
  return {
    ...(clientId === undefined ? {} : { clientId }),
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/**
 * The message as the change leaves it, but for the serial and time of its version: what is given replaces what was there,
 * and data that is appended goes behind it. Throws 40013 where data cannot be joined.
 */
export function changed(before: Message, change: Change): Message {
  const { action, name, data, encoding, extras, version } = change;
  const { name: _name, data: oldData, encoding: oldEncoding, extras: oldExtras, annotations: _, ...rest } = before;
  const isAppend = action === MessageAction.APPEND;
  const payload = isAppend
    ? { data: joined(before, data) }
    : data === undefined
      ? { data: oldData, encoding: oldEncoding }
      : { data, encoding };
  return present({
    ...rest,
    name: name ?? before.name,
    ...payload,
    // The claim is about who published; whoever changes the message cannot speak for them.
    extras: extras === undefined ? oldExtras : withUserClaim(extras, claimOf(before)),
    action: action === MessageAction.DELETE ? MessageAction.DELETE : MessageAction.UPDATE,
    version,
  });
}

/**
 * The draft of a change: the whole message to those who follow the channel, or the data that an append adds; and the row
 * that shows its latest version. Throws 40009 if the message as a whole becomes too large, 40013 as `changed`.
 */
export function draftChange(publisher: Publisher, standing: Standing, change: Change, maxMessageSize: number): Draft {
  const { idBase, connectionId, retryId } = publisher;
  const { row, published } = standing;
  const latest: Message = { ...changed(standing.message, change), id: `${idBase}:0` };
  const size = sizeOfVersion(latest);
  if (size > maxMessageSize) throw errors.messageTooLarge(size, maxMessageSize);
  const isAppend = change.action === MessageAction.APPEND;
  const payload: MutationPayload = {
    idBase,
    ...(connectionId === undefined ? {} : { connectionId }),
    message: isAppend ? present({ ...latest, action: MessageAction.APPEND, data: change.data }) : latest,
    ...(isAppend ? { continues: row?.serial ?? published } : {}),
  };
  const key = change.serial;
  return {
    kind: 'mutation',
    ...(retryId === undefined ? {} : { id: retryId }),
    payload,
    rows: [{ table: versionTable, key, value: latest, about: published }],
    expect: [{ table: versionTable, key, serial: row?.serial ?? null }],
  };
}

function sizeOfVersion({ data = '', version, ...rest }: Message): number {
  // A text that is streamed is measured anew with every part of it: as fast as there is a way to.
  return sizeOf(rest) + Buffer.byteLength(data) + Buffer.byteLength(JSON.stringify(version));
}

/** The latest version that a row holds. */
export function versionIn({ value, serial, time }: Row): Message {
  return versioned(value as Message, serial, time);
}

/** A message with the serial and time of its version, unless it has them: those of the entry that made it. */
export function versioned(message: Message, serial: string, time: number): Message {
  return { ...message, version: { serial: messageSerial(serial, 0), timestamp: time, ...message.version } };
}

/** The whole message that an append makes of the version before it, if the entry has the added data alone. */
export function appended(before: Message, added: Message): Message {
  return { ...added, action: MessageAction.UPDATE, ...dataOf(joined(before, added.data)) };
}

function dataOf(data: Data | undefined): Pick<Message, 'data'> {
  return data === undefined ? {} : { data };
}

function joined({ data: before, encoding }: Message, more: Data | undefined): Data | undefined {
  if (before === undefined || more === undefined) return more;
  if (encoding !== undefined) throw errors.badData('append needs a message whose data is text or binary, unencoded');
  if (typeof before === 'string' && typeof more === 'string') return before + more;
  if (typeof before === 'string' || typeof more === 'string') {
    throw errors.badData('append needs data of the kind that the message has: text to text, binary to binary');
  }
  const bytes = new Uint8Array(before.length + more.length);
  bytes.set(before);
  bytes.set(more, before.length);
  return bytes;
}

function claimOf({ extras }: Message): string | undefined {
  return typeof extras?.userClaim === 'string' ? extras.userClaim : undefined;
}

/** Fields that are undefined are absent on the wire, and take room as long as they are there. */
function present(message: { [Field in keyof Message]: Message[Field] | undefined }): Message {
  return Object.fromEntries(Object.entries(message).filter(([, value]) => value !== undefined)) as Message;
}
