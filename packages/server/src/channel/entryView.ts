import {
  Action,
  type Message,
  MessageAction,
  messageSerial,
  type PresenceMessage,
  type ProtocolMessage,
} from '@parvis/protocol';
import type { Entry } from '../engine/engine.ts';
import type { StoredPresence } from './lock.ts';

/**
 * Payload of a message entry: what was published, and by whom. Serials, times and missing ids come from the entry, and so
 * do actions, unless a later version is shown in the place of what was published.
 */
export interface MessagePayload {
  /** Ids are `<idBase>:<index>` unless a message has its own. */
  readonly idBase: string;
  readonly connectionId?: string;
  readonly messages: readonly Message[];
}

/** Payload of a presence entry: the events to broadcast, in order. */
export interface PresencePayload {
  readonly idBase: string;
  /** The connection all events belong to, if it is one. */
  readonly connectionId?: string;
  readonly presence: readonly PresenceMessage[];
  /** Where locks are judged: each event as it is stored, null for one that is stored as it is sent, or leaves. */
  readonly stored?: readonly (StoredPresence | null)[];
  /** What the counter of fences stands at from this entry on, if it changes. */
  readonly counter?: number;
}

/** The messages of an entry as they stand in history: each whole by itself. */
export function messagesOf(entry: Entry): Message[] {
  const { idBase, connectionId, messages } = entry.payload as MessagePayload;
  return messages.map((message, index) => ({
    ...message,
    id: message.id ?? `${idBase}:${index}`,
    ...(connectionId === undefined ? {} : { connectionId }),
    timestamp: entry.time,
    action: message.action ?? MessageAction.CREATE,
    serial: message.serial ?? messageSerial(entry.serial, index),
  }));
}

/** The presence events of an entry as they stand in presence history: each whole by itself. */
export function presenceOf(entry: Entry): PresenceMessage[] {
  const { idBase, presence } = entry.payload as PresencePayload;
  return presence.map((event, index) => ({
    ...event,
    id: event.id ?? `${idBase}:${index}`,
    timestamp: entry.time,
  }));
}

/** The frame of a message entry: id, connectionId and timestamp stand once on the outside (spec TR4, TM2a). */
export function messageFrameOf(channel: string, entry: Entry): ProtocolMessage {
  const { idBase, connectionId, messages } = entry.payload as MessagePayload;
  const frame: ProtocolMessage = { action: Action.MESSAGE, id: idBase, channel, channelSerial: entry.serial };
  if (connectionId !== undefined) frame.connectionId = connectionId;
  frame.timestamp = entry.time;
  frame.messages = messages.map((message, index) => ({
    ...message,
    action: message.action ?? MessageAction.CREATE,
    serial: message.serial ?? messageSerial(entry.serial, index),
  }));
  return frame;
}

/** The frame of several message entries merged: each message carries what is its own. */
export function mergedFrameOf(channel: string, entries: readonly Entry[]): ProtocolMessage {
  const last = entries[entries.length - 1];
  const frame: ProtocolMessage = { action: Action.MESSAGE, channel, messages: entries.flatMap(messagesOf) };
  if (last !== undefined) {
    frame.channelSerial = last.serial;
    frame.timestamp = last.time;
  }
  return frame;
}

/** The messages of a frame, each whole by itself: with the id, connectionId and timestamp that it may leave to the frame. */
export function wholeMessagesOf(frame: ProtocolMessage): Message[] {
  const { connectionId, timestamp, messages = [] } = frame;
  return messages.map((message, index) => ({
    ...(connectionId === undefined ? {} : { connectionId }),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...message,
    ...(message.id === undefined ? { id: `${frame.id}:${index}` } : {}),
  }));
}

/** The frame of a presence entry. */
export function presenceFrameOf(channel: string, entry: Entry): ProtocolMessage {
  const { idBase, connectionId, presence } = entry.payload as PresencePayload;
  const frame: ProtocolMessage = { action: Action.PRESENCE, id: idBase, channel, channelSerial: entry.serial };
  if (connectionId !== undefined) frame.connectionId = connectionId;
  frame.timestamp = entry.time;
  frame.presence = [...presence];
  return frame;
}
