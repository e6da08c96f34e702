import { errors, type Message, parseMessage } from '@parvis/protocol';
import { type Body, mediaTypeOf, refuseCompressed } from './body.ts';
import type { Exchange } from './exchange.ts';
import { contentTypes } from './negotiate.ts';

/** The messages that a publish brings. Throws 40000, 40001, 40009, 40012, 40013 or 40032. */
export async function messagesIn(exchange: Exchange): Promise<Message[]> {
  if (exchange.query.get('enveloped') === 'false') return [await bareMessage(exchange)];
  return parseMessages(await exchange.body());
}

/** One message or an array of them. Throws 40001 for what is neither, and what `parseMessage` does. */
export function parseMessages({ value, format }: Body): Message[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) {
    throw errors.badBody('body must be a message or an array of messages');
  }
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => parseMessage(item, format, { rawData: true }));
}

/**
 * A message whose body is its data and nothing else (protocol reference 4.4): text, JSON or bytes, as the content type says.
 * The other fields stand in headers or in the query. The clientId of the header is that of the request, and fills itself in.
 */
async function bareMessage(exchange: Exchange): Promise<Message> {
  const { query, request } = exchange;
  const { headers } = request;
  refuseCompressed(headers);
  const field = (param: string, header?: string) => query.get(param) ?? (header && headers[header]) ?? undefined;
  const given = {
    name: field('name', 'x-ably-name'),
    id: field('messageId', 'x-ably-messageid'),
    clientId: field('clientId'),
    connectionKey: field('connectionKey', 'x-ably-connectionkey'),
  };
  const encoding = field('encoding', 'x-ably-encoding');
  const { data, encoding: step } = dataOf(await exchange.bytes(), mediaTypeOf(headers));
  const steps = [encoding, step].filter((one) => one !== undefined && one !== '').join('/');
  // Parsed as MessagePack would be, where bytes are bytes.
  return parseMessage({ ...given, data, ...(steps === '' ? {} : { encoding: steps }) }, 'msgpack');
}

function dataOf(bytes: Buffer, type: string): { data: string | Uint8Array; encoding?: string } {
  if (type === 'text/plain') return { data: bytes.toString() };
  if (type !== contentTypes.json) return { data: new Uint8Array(bytes) };
  const text = bytes.toString();
  try {
    JSON.parse(text);
  } catch {
    throw errors.badRequest('body is not JSON, though its content type says so');
  }
  return { data: text, encoding: 'json' };
}
