import { Action, errors, Mode } from '@parvis/protocol';
import { readAuthorization } from '../access/authorization.ts';
import type { Credentials } from '../access/principal.ts';
import type { AttachRequest } from '../channel/attachment.ts';
import { attachRequestOf } from '../channel/attachRequest.ts';
import { parseQualifiedName } from '../channel/qualifiedName.ts';
import type { Limits } from '../limits.ts';
import type { StreamAsked } from '../transport/streamTransport.ts';
import { credentialsOf } from './connectRequest.ts';
import { markOf, readStreamId, type StreamPositions } from './streamPosition.ts';

/** A request for a stream of events as it was understood (protocol reference 6.1). */
export interface StreamRequest {
  readonly credentials: Credentials;
  readonly enveloped: boolean;
  readonly heartbeats: boolean;
  readonly channels: readonly StreamChannel[];
}

/** One channel of a stream. */
export interface StreamChannel {
  readonly attach: AttachRequest;
  /** Messages behind the position that the client has already. */
  readonly taken: number;
}

/** What a client that reads can ask for. */
const READING = Mode.SUBSCRIBE | Mode.PRESENCE_SUBSCRIBE;
/** Versions of the protocol, and how older documents call them. */
const versions = /^(?:[1-6]|1\.[0-2]|0\.8)$/;
/** No position: the channel says that it is none, and goes on from now. */
const UNKNOWN = '?';

/** Reads a request. Throws 40003, 40005, 40010, 40017, 40000 for a channel param, or 90010 for more channels than may be. */
export function streamRequestOf(asked: StreamAsked, limits: Limits): StreamRequest {
  const { query } = asked;
  const version = query.get('v') ?? asked.version ?? null;
  if (version === null || !versions.test(version)) throw errors.badVersion(version);
  // A browser that comes back by itself repeats its address, and tells in the header how far it has got since.
  const id = asked.lastEventId || query.get('lastEvent') || query.get('lastEventId');
  const positions = id ? readStreamId(id) : undefined;
  const rewind = query.get('rewind');
  const channels = namesIn(query, limits.maxChannelsPerConnection).map((name) =>
    channelOf(name, rewind, positions, limits.maxRewind),
  );
  return {
    credentials: credentialsIn(asked),
    enveloped: query.get('enveloped') !== 'false',
    heartbeats: query.get('heartbeats') === 'true',
    channels,
  };
}

function namesIn(query: URLSearchParams, limit: number): string[] {
  const list = query.get('channels') ?? query.get('channel') ?? '';
  const separator = query.get('separator') || ',';
  if (list === '') throw errors.badParameter('channels', 'it must name one channel at least');
  const names = [...new Set(list.split(separator))];
  if (names.length > limit) throw errors.tooManyChannels(limit);
  return names;
}

function channelOf(
  channel: string,
  rewind: string | null,
  positions: StreamPositions | undefined,
  maxRewind: number,
): StreamChannel {
  const name = parseQualifiedName(channel);
  const position = positions?.get(markOf(name));
  // A channel that the client adds as it goes on begins like a new one; an id that tells of none at all is not ours.
  const serial = position?.serial ?? (positions?.size === 0 ? UNKNOWN : undefined);
  const params = rewind === null || name.params.has('rewind') ? {} : { params: { rewind } };
  const message = { action: Action.ATTACH, channel, flags: READING, ...params };
  const attach = attachRequestOf(serial === undefined ? message : { ...message, channelSerial: serial }, maxRewind);
  return { attach: { ...attach, modes: attach.modes & READING }, taken: position?.taken ?? 0 };
}

function credentialsIn({ query, secure, authorization }: StreamAsked): Credentials {
  const shown = credentialsOf(query, secure);
  if (authorization === undefined) return { ...shown, via: 'rest' };
  const { key: _key, token: _token, ...rest } = shown;
  return { ...rest, ...readAuthorization(authorization), via: 'rest' };
}
