import { messageClientId } from '@parvis/auth';
import { errors, type Message, MessageAction, sizeOf } from '@parvis/protocol';
import type { Draft } from '../engine/engine.ts';
import type { Limits } from '../limits.ts';
import type { MessagePayload } from './entryView.ts';
import { checkExtras, withUserClaim } from './extras.ts';

/** Who publishes. */
export interface Publisher {
  /** A name, `*` (may name anybody) or undefined (anonymous). */
  readonly clientId: string | undefined;
  /** The connection the messages come from; REST publishes have none. */
  readonly connectionId?: string;
  /** What recognises a retry of the whole publish when its messages have no ids of their own. */
  readonly retryId?: string;
  /** Base of the ids of messages that have none. */
  readonly idBase: string;
  /** `extras.userClaim` of all that it publishes. */
  readonly userClaim?: string | undefined;
  /** REST `ephemeral=true`: as if each message said so. */
  readonly ephemeral?: boolean;
}

const MAX_ID_LENGTH = 512;

/**
 * Checks one publish and makes its draft: all of it or nothing. Throws 40012, 40031, 40032, 40034, 40009, 40000 or 93002.
 * The order of checks is that of the protocol reference, 2.10.2.
 */
export function draftMessages(publisher: Publisher, given: readonly Message[], limits: Limits): Draft {
  if (given.length === 0) throw errors.badPublish('a publish needs at least one message');
  if (given.length > limits.maxMessagesPerPublish) {
    throw errors.tooManyMessages(given.length, limits.maxMessagesPerPublish);
  }
  const messages = given.map((message) => acceptedMessage(publisher, message, limits.strictExtras));
  checkSize(messages, limits.maxMessageSize);
  const payload: MessagePayload = {
    idBase: publisher.idBase,
    messages,
    ...(publisher.connectionId === undefined ? {} : { connectionId: publisher.connectionId }),
  };
  const id = retryIdOf(publisher, messages);
  return {
    kind: 'message',
    payload,
    ...(id === undefined ? {} : { id }),
    ...(isEphemeral(publisher, messages) ? { ephemeral: true } : {}),
  };
}

/** A message as it is stored: with the publisher's clientId, without what the service alone may say. */
function acceptedMessage(publisher: Publisher, given: Message, strictExtras: boolean): Message {
  const clientId = messageClientId(publisher.clientId, given.clientId);
  const { id, name, data, encoding, action = MessageAction.CREATE } = given;
  // An update that were published as a message of its own would seem to have succeeded.
  if (action !== MessageAction.CREATE) throw errors.notMutable();
  if (id !== undefined) checkMessageId(id);
  if (given.extras !== undefined) checkExtras(given.extras, strictExtras);
  const extras = withUserClaim(given.extras, publisher.userClaim);
  const message: Message = {};
  if (id !== undefined) message.id = id;
  if (name !== undefined) message.name = name;
  if (data !== undefined) message.data = data;
  if (encoding !== undefined) message.encoding = encoding;
  if (clientId !== undefined) message.clientId = clientId;
  if (extras !== undefined) message.extras = extras;
  return message;
}

/** Ids are remembered for two minutes, so their length is bounded. Throws 40031. */
export function checkMessageId(id: string): void {
  if (id.length > MAX_ID_LENGTH) throw errors.badMessageIds(`an id may have ${MAX_ID_LENGTH} characters at most`);
}

function checkSize(messages: readonly Message[], limit: number): void {
  let size = 0;
  for (const message of messages) size += sizeOf(message);
  if (size > limit) throw errors.messageTooLarge(size, limit);
}

/** Ephemeral messages are fed and forgotten; a publish is ephemeral as a whole or not at all. */
function isEphemeral(publisher: Publisher, messages: readonly Message[]): boolean {
  let count = 0;
  for (const { extras } of messages) if (extras?.ephemeral === true) count += 1;
  if (count > 0 && count < messages.length && publisher.ephemeral !== true) {
    throw errors.badRequest('a publish may not mix ephemeral messages with others');
  }
  return publisher.ephemeral === true || count > 0;
}

/**
 * Ids that clients give and ids that connections make live apart, or anybody could silence a publish by guessing its id.
 * Several messages with ids of their own must be `<base>:0`, `<base>:1` … in order (spec RSL1k3).
 */
function retryIdOf(publisher: Publisher, messages: readonly Message[]): string | undefined {
  const first = messages[0]?.id;
  if (messages.length === 1) return first === undefined ? publisher.retryId : `m:${first}`;
  if (messages.every((message) => message.id === undefined)) return publisher.retryId;
  const base = first?.endsWith(':0') ? first.slice(0, -2) : undefined;
  if (base === undefined || messages.some((message, index) => message.id !== `${base}:${index}`)) {
    throw errors.badMessageIds('ids of one publish must be <base>:0, <base>:1 and so on, all or none given');
  }
  return `m:${first}`;
}
