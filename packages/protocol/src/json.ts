import { type Codec, type DecodeLimits, defaultDecodeLimits } from './codec.ts';
import { errors } from './codes.ts';
import { renderAnnotation, renderMessage, renderPresence } from './data.ts';
import { checkJsonBudget } from './jsonBudget.ts';
import type { ProtocolMessage } from './message.ts';
import { parseFrame } from './parseFrame.ts';
import { bytesOfText } from './slab.ts';

const decoder = new TextDecoder('utf-8', { fatal: true });
const loneSurrogate = /[\ud800-\udfff]/gu;

/**
 * The JSON format: UTF-8 text of one object. Bytes of a payload travel as base64 text with `base64` as last step.
 * A byte order mark at the start is skipped. A lone surrogate becomes U+FFFD, as in every other format, so that what was
 * accepted can be stored and sent anywhere. Numbers are doubles: 1e400 is Infinity and goes out as null, -0 as 0.
 * Of duplicate keys the last counts; `__proto__` is a key like any other.
 */
export const jsonCodec: Codec = {
  format: 'json',
  encode: (message) => bytesOfText(JSON.stringify(wireOf(message))),
  decode: (bytes, limits) => parseFrame(decodeJson(bytes, limits), 'json'),
  encodeValue: (value) => bytesOfText(JSON.stringify(value)),
  decodeValue: decodeJson,
};

function decodeJson(bytes: Uint8Array, limits: DecodeLimits = defaultDecodeLimits): unknown {
  const text = decodeText(bytes);
  checkJsonBudget(bytes, text, limits);
  const value = parse(text);
  return text.includes('\\u') ? wellFormed(value) : value;
}

function decodeText(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw errors.badRequest('text is not valid UTF-8');
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw errors.badRequest('text is not valid JSON');
  }
}

function wireOf(message: ProtocolMessage): ProtocolMessage {
  const { messages, presence, annotations } = message;
  if (!messages?.some(hasBytes) && !presence?.some(hasBytes) && !annotations?.some(hasBytes)) return message;
  const wire = { ...message };
  if (messages !== undefined) wire.messages = messages.map((item) => renderMessage(item, 'json'));
  if (presence !== undefined) wire.presence = presence.map((item) => renderPresence(item, 'json'));
  if (annotations !== undefined) wire.annotations = annotations.map((item) => renderAnnotation(item, 'json'));
  return wire;
}

function hasBytes(item: { data?: unknown }): boolean {
  return item.data instanceof Uint8Array;
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.replace(loneSurrogate, '\ufffd');
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [wellFormed(key), wellFormed(item)]));
}
