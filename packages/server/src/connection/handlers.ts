import {
  Action,
  type ErrorInfo,
  errors,
  Mode,
  type ProtocolMessage,
  type PublishResult,
  toErrorInfo,
} from '@parvis/protocol';
import { attachRequestOf } from '../channel/attachRequest.ts';
import { isChange } from '../channel/mutation.ts';
import { claimedChannel, isDerived, writableChannel } from '../channel/qualifiedName.ts';
import { requireIdentified, ruleOf } from '../channel/rule.ts';
import { attachFailure } from './attachments.ts';
import type { Connection } from './connection.ts';
import { PendingChanges } from './pendingChanges.ts';
import { reauthorize } from './reauth.ts';

/** What a client may send, by action. Anything else is ignored and counted: newer clients may say more (spec RSF1). */
export const handlers: ReadonlyMap<number, (connection: Connection, message: ProtocolMessage) => void> = new Map([
  [Action.HEARTBEAT, heartbeat],
  [Action.ATTACH, attach],
  [Action.DETACH, detach],
  [Action.MESSAGE, publish],
  [Action.PRESENCE, presence],
  [Action.SYNC, sync],
  [Action.AUTH, reauthorize],
  [Action.CLOSE, (connection) => connection.close()],
  [Action.DISCONNECT, disconnect],
  [Action.ANNOTATION, annotate],
  [
    Action.OBJECT,
    (connection, message) => refuseKind(connection, message, errors.capabilityDenied('objects', 'any channel')),
  ],
]);

/** A ping is answered with its id; a heartbeat without one is but a sign of life (spec RTN13). */
function heartbeat(connection: Connection, { id }: ProtocolMessage): void {
  if (id !== undefined) connection.sendMessage({ action: Action.HEARTBEAT, id });
}

/** The client drops its transport but may resume. */
function disconnect(connection: Connection): void {
  connection.lose();
  connection.outbox.end();
}

function attach(connection: Connection, message: ProtocolMessage): void {
  const name = message.channel ?? '';
  const fail = (failure: unknown) => refuse(connection, name, failure);
  try {
    const request = attachRequestOf(message, connection.host.limits.maxRewind);
    if (ruleOf(name).identified) requireIdentified(connection.principal.clientId);
    connection.attachments.attach(name, request).catch(fail);
  } catch (failure) {
    fail(failure);
  }
}

/** A refused attach ends what was there before under this name, too: the client's channel is FAILED or suspended. */
function refuse(connection: Connection, name: string, failure: unknown): void {
  connection.host.refused(toErrorInfo(failure), { connectionId: connection.connectionId, failure });
  leaveChannel(connection, name);
  connection.sendMessage(attachFailure(name, failure));
}

function detach(connection: Connection, message: ProtocolMessage): void {
  const name = message.channel ?? '';
  leaveChannel(connection, name);
  connection.sendMessage({ action: Action.DETACHED, channel: name });
}

function leaveChannel(connection: Connection, name: string): void {
  connection.attachments.detach(name).catch((failure) => {
    // A name that is none has no members: that is the client's mistake, and it is told so where it matters.
    if (toErrorInfo(failure).statusCode < 500) return;
    connection.host.report('members of a channel could not leave', { channel: name, failure });
  });
}

/** Publishing needs no attachment; who is attached needs the mode (spec RTL6c, protocol reference 2.8). */
function publish(connection: Connection, message: ProtocolMessage): void {
  const { channel: name = '', messages = [], params } = message;
  answer(connection, message, (msgSerial) => {
    const { host, principal } = connection;
    if (connection.attachments.get(name) === undefined || isDerived(name)) writableChannel(name);
    if (host.testHooks && params?._forceNack === 'true') throw errors.forcedNack();
    takeRate(connection, name, messages.length);
    const [first] = messages;
    const isChanging = first !== undefined && isChange(first);
    if (!isChanging) requireMode(connection, name, Mode.PUBLISH, 'publish');
    else if (messages.length > 1) throw errors.badRequest('a message is updated, deleted or appended to by itself');
    const publisher = publisherOf(connection, msgSerial);
    const submit = () =>
      isChanging
        ? host.channels.mutable.change(principal, name, publisher, first)
        : host.channels.publish(principal, name, publisher, messages);
    const submitted = inOrder(connection, name, submit);
    if (isChanging) {
      connection.changes ??= new PendingChanges();
      connection.changes.add(name, submitted);
    }
    return submitted;
  });
}

/** What is sent behind a change or an ATTACH comes after it on the channel too, though these take time. */
function inOrder(connection: Connection, name: string, submit: () => Promise<PublishResult>): Promise<PublishResult> {
  const changes = connection.changes?.on(name);
  if (changes !== undefined) return changes.then(submit);
  const opening = connection.attachments.opening(name);
  return opening === undefined ? submit() : connection.unreadUntil(opening).then(submit);
}

/** Annotations need no attachment either, but the mode if there is one. */
function annotate(connection: Connection, message: ProtocolMessage): void {
  const { channel: name = '', annotations = [] } = message;
  answer(connection, message, (msgSerial) => {
    const { host, principal } = connection;
    writableChannel(name);
    takeRate(connection, name, annotations.length);
    requireMode(connection, name, Mode.ANNOTATION_PUBLISH, 'annotation-publish');
    return host.channels.mutable.annotate(principal, name, publisherOf(connection, msgSerial), annotations);
  });
}

function publisherOf({ principal, connectionId }: Connection, msgSerial: number) {
  const idBase = `${connectionId}:${msgSerial}`;
  return { clientId: principal.clientId, connectionId, idBase, retryId: `c:${idBase}` };
}

/** Presence needs an attachment; one held before a resume counts, for the client sends before it attaches again. */
function presence(connection: Connection, message: ProtocolMessage): void {
  const { channel: name = '', presence: events = [] } = message;
  answer(connection, message, async (msgSerial) => {
    const { host, principal, connectionId, owner } = connection;
    const channelName = writableChannel(name);
    if (events.length === 0) throw errors.badRequest('PRESENCE needs at least one presence message');
    takeRate(connection, name, events.length);
    const attached = connection.attachments.get(name);
    if (attached === undefined && !connection.resumed) throw errors.notAttached(name);
    if (attached !== undefined) attached.sentPresence = true;
    requireMode(connection, name, Mode.PRESENCE, 'presence');
    const rule = ruleOf(name);
    if (rule.identified) requireIdentified(principal.clientId);
    const channel = await host.channels.open(principal.app, channelName);
    const origin = {
      connectionId,
      clientId: principal.clientId,
      idBase: `${connectionId}:${msgSerial}`,
      owner,
      userClaim: principal.userClaims?.for(channelName),
      mayForce: rule.locks === true && principal.lockRights?.mayForce(channelName) === true,
    };
    await channel.submitPresence(origin, events);
    return { serials: [] };
  });
}

/** A kind of publish that this service does not take, refused so that the client does not wait for ever. */
function refuseKind(connection: Connection, message: ProtocolMessage, error: ErrorInfo): void {
  answer(connection, message, () => Promise.reject(error));
}

/** The client wants the presence set again, from the start. */
function sync(connection: Connection, { channel: name = '' }: ProtocolMessage): void {
  const attachment = connection.attachments.get(name)?.attachment;
  if (attachment === undefined || attachment.held !== undefined) return;
  if ((attachment.modes & Mode.PRESENCE_SUBSCRIBE) === 0) return;
  attachment.channel.sync(attachment);
}

/** Answers a frame with what its work comes to, in its turn. Without a serial it could not be answered at all. */
function answer(
  connection: Connection,
  { msgSerial, channel }: ProtocolMessage,
  work: (msgSerial: number) => Promise<PublishResult>,
): void {
  if (msgSerial === undefined) {
    connection.fail(errors.protocolViolation('a publish needs a msgSerial'));
    return;
  }
  const place = connection.reserve(msgSerial, channel);
  const nack = (failure: unknown) => {
    const error = toErrorInfo(failure);
    connection.host.refused(error, { connectionId: connection.connectionId, failure });
    place.nack(error);
  };
  try {
    work(msgSerial).then(place.ack, nack);
  } catch (failure) {
    nack(failure);
  }
}

/** 42911 over the rate of the connection, or over the one that its token gives each channel. */
function takeRate(connection: Connection, name: string, count: number): void {
  const { host } = connection;
  const now = host.clock.now();
  if (!connection.messageRate.take(count, now)) throw errors.connectionRateExceeded(host.limits.maxInboundRate);
  const { publishRates } = connection.principal;
  if (publishRates === undefined) return;
  const channel = claimedChannel(name);
  const limit = publishRates.for(channel);
  if (limit !== undefined && !connection.channelRates.take(channel, limit, count, now)) {
    throw errors.connectionRateExceeded(limit);
  }
}

/** 40160 without the right; 40165 with it, when the attachment did not ask for the mode. */
function requireMode(
  connection: Connection,
  name: string,
  mode: number,
  operation: 'publish' | 'presence' | 'annotation-publish',
): void {
  if (!connection.principal.capability.allows(operation, name)) {
    throw errors.capabilityDenied(operation, `channel ${name}`);
  }
  const attached = connection.attachments.get(name);
  if (attached !== undefined && (attached.modes & mode) === 0) throw errors.modeNotRequested(operation);
}
