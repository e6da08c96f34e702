import type { IncomingHttpHeaders } from 'node:http';
import { errors, type Format } from '@parvis/protocol';

/** How a reply is to be written. */
export interface ReplyForm {
  readonly format: Format;
  /** Whether status and headers go into the body as well, for clients that cannot see them. */
  readonly enveloped: boolean;
}

/** What is written when a request is not even understood. */
export const plainJson: ReplyForm = { format: 'json', enveloped: false };

/** Content types, exact: the official client compares them as text and takes no parameter. */
export const contentTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  msgpack: 'application/x-msgpack',
};

/**
 * The form that a request asks for: `envelope`, else what Accept ranks highest of the two, else `format`, else JSON.
 * Throws 40003 for an `envelope` or `format` there is not.
 */
export function replyFormOf(headers: IncomingHttpHeaders, query: URLSearchParams): ReplyForm {
  const envelope = formatParam(query, 'envelope');
  if (envelope !== undefined) return { format: envelope, enveloped: true };
  const asked = formatParam(query, 'format');
  return { format: acceptedFormat(headers.accept ?? '') ?? asked ?? 'json', enveloped: false };
}

function formatParam(query: URLSearchParams, name: string): Format | undefined {
  const value = query.get(name);
  if (value === null || value === 'json' || value === 'msgpack') return value ?? undefined;
  throw errors.badParameter(name, 'it must be json or msgpack');
}

/** Of two media ranges with the same weight the one named before; wildcards and everything else say nothing. */
function acceptedFormat(accept: string): Format | undefined {
  let best: { readonly format: Format; readonly weight: number } | undefined;
  for (const range of accept.split(',')) {
    const [type = '', ...params] = range.split(';').map((part) => part.trim().toLowerCase());
    const format = formatOf(type);
    const weight = weightOf(params);
    if (format !== undefined && weight > (best?.weight ?? 0)) best = { format, weight };
  }
  return best?.format;
}

/** The format of a media type in lower case without parameters. */
export function formatOf(type: string): Format | undefined {
  if (type === contentTypes.json) return 'json';
  return type === contentTypes.msgpack ? 'msgpack' : undefined;
}

function weightOf(params: readonly string[]): number {
  const weight = params.find((param) => param.startsWith('q='));
  return weight === undefined ? 1 : Number(weight.slice(2)) || 0;
}
