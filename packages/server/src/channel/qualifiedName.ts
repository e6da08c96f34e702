import { assertChannelName, errors } from '@parvis/protocol';

/** A channel name as clients write it, taken apart (protocol reference 2.9). */
export interface QualifiedName {
  /** The whole, as it was asked for: what is sent to the client repeats it. */
  readonly requested: string;
  /** What stands in brackets before the name, its params left out; `filter` makes a derived channel. */
  readonly qualifier: 'none' | 'filter' | 'meta';
  /** The expression of a filter: text, not yet parsed. Empty unless the channel is derived. */
  readonly filter: string;
  /** Channel params that stand in the brackets; those of ATTACH add to them. */
  readonly params: ReadonlyMap<string, string>;
  /** The channel it stands for: without filter and params. A meta channel is one of its own, and keeps its `[meta]`. */
  readonly channel: string;
}

/** Characters in the brackets; a filter takes four for each three bytes of its expression. */
const MAX_QUALIFIER_LENGTH = 4_096;
const META = '[meta]';
const noParams: ReadonlyMap<string, string> = new Map();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a channel name: `name`, `[?rewind=1&delta=vcdiff]name`, `[filter=<base64>]name`, `[filter=<base64>?rewind=1]name`,
 * `[meta]name` or `[meta?rewind=1]name`. Throws 40010 for anything else.
 */
export function parseQualifiedName(requested: string): QualifiedName {
  if (!requested.startsWith('[')) {
    return { requested, qualifier: 'none', filter: '', params: noParams, channel: assertChannelName(requested) };
  }
  const end = requested.indexOf(']');
  if (end < 0 || end > MAX_QUALIFIER_LENGTH) {
    throw errors.badChannelName(`a qualifier ends with ] and has ${MAX_QUALIFIER_LENGTH} characters at most`);
  }
  const [before, query] = cut(requested.slice(1, end), '?');
  const name = assertChannelName(requested.slice(end + 1));
  const params = query === undefined ? noParams : new Map(new URLSearchParams(query));
  if (before === '' && query !== undefined) return { requested, qualifier: 'none', filter: '', params, channel: name };
  if (before === 'meta') return { requested, qualifier: 'meta', filter: '', params, channel: META + name };
  const [kind, value] = cut(before, '=');
  if (kind === 'filter' && value !== undefined) {
    return { requested, qualifier: 'filter', filter: decodeFilter(value), params, channel: name };
  }
  throw errors.badChannelName('its qualifier is none of [?params], [meta] and [filter=expression]');
}

/**
 * The channel that something is published on, entered or read: `[?params]name` is `name`. Throws 40010 for no valid name
 * and for a derived channel, which is for subscribing alone.
 */
export function writableChannel(requested: string): string {
  if (!requested.startsWith('[')) return assertChannelName(requested);
  const { qualifier, channel } = parseQualifiedName(requested);
  if (qualifier === 'filter') throw errors.derivedChannel(channel);
  return channel;
}

/** What a name without brackets says of itself, unread; any other as `writableChannel`. */
export function claimedChannel(requested: string): string {
  return requested.startsWith('[') ? writableChannel(requested) : requested;
}

/** Whether a name that is valid is that of a derived channel. */
export function isDerived(requested: string): boolean {
  return requested.startsWith('[filter=');
}

/** A channel without qualifier, or a meta channel: what `QualifiedName.channel` holds. Throws 40010 for any other text. */
export function assertOwnName(channel: string): string {
  assertChannelName(channel.startsWith(META) ? channel.slice(META.length) : channel);
  return channel;
}

function decodeFilter(base64: string): string {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(base64)) throw errors.badChannelName('its filter is not base64');
  try {
    return decoder.decode(Buffer.from(base64, 'base64'));
  } catch {
    throw errors.badChannelName('its filter is not UTF-8');
  }
}

/** Text before a mark and after it; undefined without the mark. */
function cut(text: string, mark: string): [before: string, after: string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}
