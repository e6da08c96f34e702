import {
  Action,
  type ErrorShape,
  type Message,
  type PresenceMessage,
  renderMessage,
  renderPresence,
} from '@parvis/protocol';
import { wholeMessagesOf } from '../channel/entryView.ts';
import type { Frame } from '../channel/frame.ts';

/** How a stream shows what happens. */
export interface StreamForm {
  /** Server-sent events, or lines that hold a JSON object each. */
  readonly kind: 'events' | 'lines';
  /** Whole messages with the name of their channel; else their payload alone. */
  readonly enveloped: boolean;
  /** Silence is filled with events, for clients that do not see comments or empty lines. */
  readonly heartbeats: boolean;
}

const nothing = Buffer.alloc(0);
const brace = Buffer.from('{');

type Item = Message | PresenceMessage;

/** Events of a frame by form: streams of one form share what does not tell where they stand. */
const made = new WeakMap<Frame, (readonly Buffer[] | undefined)[]>();

/** The events that a frame of messages or presence makes, one for each, without their ids: those go before. */
export function eventsOf(frame: Frame, form: StreamForm): readonly Buffer[] {
  const slot = (form.kind === 'events' ? 1 : 0) + (form.enveloped ? 2 : 0);
  const known = made.get(frame) ?? [];
  made.set(frame, known);
  known[slot] ??= rendered(frame, form);
  return known[slot];
}

/** What begins an event; without an id where there is no place to go on from. */
export function idOf(id: string, { kind }: StreamForm): Buffer {
  if (id === '') return kind === 'events' ? nothing : brace;
  return Buffer.from(kind === 'events' ? `id: ${id}\n` : `{"id":"${id}",`);
}

/** An error as an event without id; of one channel, if it is named. */
export function errorEvent(error: ErrorShape, form: StreamForm, channel?: string): Buffer {
  const event = eventOf('error', JSON.stringify({ ...error, channel }), form);
  return Buffer.from(form.kind === 'events' ? event : `{${event}`);
}

/** What is sent so that a silent stream is seen to live. */
export function keepaliveOf({ kind, heartbeats }: StreamForm): Buffer {
  if (kind === 'events') return Buffer.from(heartbeats ? 'event: heartbeat\ndata: {}\n\n' : ':keepalive\n\n');
  return Buffer.from(heartbeats ? '{"event":"heartbeat"}\n' : '\n');
}

function rendered({ message: frame }: Frame, form: StreamForm): Buffer[] {
  const { channel } = frame;
  const texts =
    frame.action === Action.MESSAGE
      ? wholeMessagesOf(frame).map((message) => textOf(renderMessage(message, 'json'), channel, form))
      : wholePresenceOf(frame).map((event) => textOf(renderPresence(event, 'json'), channel, form));
  const name = frame.action === Action.MESSAGE ? 'message' : 'presence';
  return texts.map((text) => Buffer.from(eventOf(name, text, form)));
}

/** The rest of an event behind its id. */
function eventOf(name: string, data: string, { kind }: StreamForm): string {
  if (kind === 'lines') return `"event":"${name}","data":${data}}\n`;
  // A line break would end the field.
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `event: ${name}\n${lines.join('')}\n`;
}

function textOf(item: Item, channel: string | undefined, { kind, enveloped }: StreamForm): string {
  if (enveloped) return JSON.stringify({ ...item, channel });
  const payload = String(item.data ?? '');
  return kind === 'events' ? payload : JSON.stringify(payload);
}

/** What stands once for all events of a frame is told with each of them. */
function wholePresenceOf({ id, connectionId, timestamp, presence = [] }: Frame['message']): PresenceMessage[] {
  return presence.map((event, index) => ({
    ...(id === undefined ? {} : { id: `${id}:${index}` }),
    ...(connectionId === undefined ? {} : { connectionId }),
    ...(timestamp === undefined ? {} : { timestamp }),
    ...event,
  }));
}
