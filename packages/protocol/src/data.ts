import { decodeBase64, encodeBase64 } from './base64.ts';
import type { Format } from './codec.ts';
import { errors } from './codes.ts';
import type { Annotation, Data, Message, PresenceMessage } from './message.ts';

/** A payload and the steps that made it, as messages and presence messages carry them. */
export interface Payload {
  data?: Data;
  encoding?: string;
}

const asciiDecoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** A message as an HTTP body or a frame of that format holds it: in JSON, bytes are base64 text with `base64` as last step. */
export function renderMessage(message: Message, format: Format): Message {
  return render(message, format);
}

/** A presence message as an HTTP body or a frame of that format holds it; see `renderMessage`. */
export function renderPresence(message: PresenceMessage, format: Format): PresenceMessage {
  return render(message, format);
}

/** An annotation as an HTTP body or a frame of that format holds it; see `renderMessage`. */
export function renderAnnotation(annotation: Annotation, format: Format): Annotation {
  return render(annotation, format);
}

/**
 * A payload in canonical form: no trailing `base64` step, whichever format it came in (protocol reference 2.10.3).
 * Throws 40013 if what the step says is base64 is not.
 */
export function canonicalPayload(data: Data | undefined, encoding: string | undefined): Payload {
  const steps = encoding ?? '';
  let payload = data;
  let end = steps.length;
  while (steps.endsWith('/base64', end) || (end === 6 && steps.startsWith('base64'))) {
    end = Math.max(0, end - '/base64'.length);
    if (payload !== undefined && (typeof payload === 'string' || payload.length > 0)) payload = bytesOfBase64(payload);
  }
  const canonical: Payload = {};
  if (payload !== undefined) canonical.data = payload;
  if (end > 0) canonical.encoding = steps.slice(0, end);
  return canonical;
}

/** Size of a message as maxMessageSize counts it: UTF-8 bytes of name, clientId and the JSON text of extras, plus the data. */
export function sizeOf(message: Message | PresenceMessage | Annotation): number {
  let size = 0;
  if ('name' in message && message.name !== undefined) size += utf8Length(message.name);
  if (message.clientId !== undefined) size += utf8Length(message.clientId);
  if (message.extras !== undefined) size += utf8Length(JSON.stringify(message.extras));
  const { data } = message;
  if (data !== undefined) size += typeof data === 'string' ? utf8Length(data) : data.length;
  return size;
}

/** Bytes that text takes in UTF-8; a lone surrogate takes three. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit < 0x80) continue;
    length += unit < 0x800 ? 1 : 2;
    if (unit >= 0xd800 && unit < 0xdc00 && (text.charCodeAt(at + 1) & 0xfc00) === 0xdc00) at++;
  }
  return length;
}

function render<T extends Payload>(message: T, format: Format): T {
  const { data, encoding } = message;
  if (format !== 'json' || data === undefined || typeof data === 'string') return message;
  return { ...message, data: encodeBase64(data), encoding: encoding === undefined ? 'base64' : `${encoding}/base64` };
}

function bytesOfBase64(payload: Data): Uint8Array {
  const bytes = decodeBase64(typeof payload === 'string' ? payload : asciiDecoder.decode(payload));
  if (bytes === undefined) throw errors.badData('data is not base64, though its encoding says so');
  return bytes;
}
