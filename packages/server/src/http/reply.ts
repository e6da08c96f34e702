import type { ServerResponse } from 'node:http';
import { codecs } from '@parvis/protocol';
import { contentTypes, type ReplyForm } from './negotiate.ts';

/** What a request is answered with, before it has a format. */
export interface Reply {
  readonly status: number;
  /** A plain value; bytes only where the format is msgpack. */
  readonly body?: unknown;
  /** Instead of `body`: text as it is, never enveloped. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Relative addresses of pages by what they are: first, current, next. */
  readonly links?: Readonly<Record<string, string>>;
  /** Whether the connection ends with this reply, since the rest of the request will not be read. */
  readonly close?: boolean;
}

/** Writes a reply. With `envelope`, status and headers stand in the body and the status outside is 200. */
export function sendReply(
  response: ServerResponse,
  reply: Reply,
  form: ReplyForm,
  common: Readonly<Record<string, string>>,
): void {
  const { text, links } = reply;
  const own = { ...reply.headers, ...(links === undefined ? {} : { Link: linkHeader(links) }) };
  const enveloped = form.enveloped && text === undefined;
  const content = enveloped ? envelopeOf(reply, own) : reply.body;
  const bytes = text === undefined ? encoded(content, form) : Buffer.from(text);
  response.writeHead(enveloped ? 200 : reply.status, {
    ...common,
    ...(enveloped ? {} : own),
    ...(bytes === undefined ? {} : { 'Content-Type': typeOf(reply, form), 'Content-Length': bytes.length }),
    ...(reply.close === true ? { Connection: 'close' } : {}),
  });
  response.end(bytes);
}

/** Ends a reply of which its client has taken nothing for this many ms; one that is merely slow is waited for. */
export function boundWriting(response: ServerResponse, ms: number): void {
  response.setTimeout(ms, () => response.destroy());
}

function envelopeOf({ status, body, links }: Reply, headers: Readonly<Record<string, string>>) {
  return {
    statusCode: status,
    ...(body === undefined ? {} : { response: body }),
    headers,
    ...(links === undefined ? {} : { rel: links }),
  };
}

function encoded(content: unknown, { format }: ReplyForm): Uint8Array | undefined {
  return content === undefined ? undefined : codecs[format].encodeValue(content);
}

function typeOf({ text }: Reply, { format }: ReplyForm): string {
  return text === undefined ? contentTypes[format] : 'text/plain';
}

/** The client splits at commas and wants nothing behind the one quoted word. */
function linkHeader(links: Readonly<Record<string, string>>): string {
  return Object.entries(links)
    .map(([rel, address]) => `<${address}>; rel="${rel}"`)
    .join(', ');
}
