import {
  Action,
  type Annotation,
  type Message,
  MessageAction,
  messageSerial,
  type ProtocolMessage,
} from '@parvis/protocol';
import type { Entry } from '../engine/engine.ts';
import { versioned } from './mutation.ts';

/** Payload of a mutation entry: what became of a message that was published before, or the summary of its annotations. */
export interface MutationPayload {
  readonly idBase: string;
  /** The connection that changed it; the message itself has the one that published it. */
  readonly connectionId?: string;
  /** As it is delivered: whole, but for an append, which has the added data alone. The entry has serial and time of its version. */
  readonly message: Message;
  /** Of an append: serial of the entry that made the version which it goes on from. */
  readonly continues?: string;
}

/** Payload of an annotation entry: all about one message. */
export interface AnnotationPayload {
  readonly idBase: string;
  readonly connectionId?: string;
  readonly annotations: readonly Annotation[];
}

/** The frame of a mutation entry. Who published the message stands on it, who changed it in its version. */
export function mutationFrameOf(channel: string, entry: Entry): ProtocolMessage {
  const { idBase, message } = entry.payload as MutationPayload;
  const isSummary = message.action === MessageAction.SUMMARY;
  return {
    action: Action.MESSAGE,
    id: idBase,
    channel,
    channelSerial: entry.serial,
    timestamp: entry.time,
    messages: [isSummary ? message : versioned(message, entry.serial, entry.time)],
  };
}

/** The frame of an annotation entry. */
export function annotationFrameOf(channel: string, entry: Entry): ProtocolMessage {
  const { idBase, connectionId, annotations } = entry.payload as AnnotationPayload;
  const frame: ProtocolMessage = { action: Action.ANNOTATION, id: idBase, channel, channelSerial: entry.serial };
  if (connectionId !== undefined) frame.connectionId = connectionId;
  frame.timestamp = entry.time;
  frame.annotations = annotations.map((annotation, index) => ({
    ...annotation,
    serial: messageSerial(entry.serial, index),
  }));
  return frame;
}

/** The annotations of an entry, each whole by itself. */
export function annotationsOf(entry: Entry): Annotation[] {
  const { idBase, connectionId, annotations } = entry.payload as AnnotationPayload;
  return annotations.map((annotation, index) => ({
    ...annotation,
    id: annotation.id ?? `${idBase}:${index}`,
    ...(connectionId === undefined ? {} : { connectionId }),
    timestamp: entry.time,
    serial: messageSerial(entry.serial, index),
  }));
}
