import { errors } from '@parvis/protocol';
import type { Credentials } from '../access/principal.ts';
import type { Limits } from '../limits.ts';
import type { ConnectionOptions } from './connection.ts';

/** A connect request as it was understood: query parameters of the protocol reference, 1.2. */
export interface ConnectRequest {
  readonly credentials: Credentials;
  readonly options: ConnectionOptions;
  /** Connection key to go on from: `resume` after a drop, `recover` by a new client instance. */
  readonly resume: string | undefined;
  /** The client's software, such as `ably-js/2.28.0 spaces/0.5.2`. */
  readonly agent: string;
}

/** Protocol versions that are spoken; what differs between them concerns legacy fields alone. */
const versions = new Set(['2', '3', '4', '5', '6']);

/** Bounds of what a client may wish for, in ms. */
const MIN_HEARTBEAT_MS = 5_000;
const MAX_HEARTBEAT_MS = 1_800_000;
const MIN_GRACE_MS = 1_000;

/** Reads the query of a connect request; unknown parameters say nothing. Throws 40017 or 40005. */
export function connectRequestOf(query: URLSearchParams, secure: boolean, limits: Limits): ConnectRequest {
  const version = query.get('v');
  if (version === null || !versions.has(version)) throw errors.badVersion(version);
  return {
    credentials: credentialsOf(query, secure),
    options: {
      echo: query.get('echo') !== 'false',
      heartbeats: query.get('heartbeats') === 'true',
      maxIdleIntervalMs: clamped(
        query.get('heartbeatInterval'),
        limits.maxIdleIntervalMs,
        MIN_HEARTBEAT_MS,
        MAX_HEARTBEAT_MS,
      ),
      presenceGraceMs: clamped(
        query.get('remainPresentFor'),
        limits.presenceGraceMs,
        MIN_GRACE_MS,
        limits.connectionStateTtlMs,
      ),
      secure,
    },
    resume: query.get('resume') ?? query.get('recover') ?? undefined,
    agent: query.get('agent') ?? query.get('lib') ?? '',
  };
}

/** What a request over realtime shows of who it is from. */
export function credentialsOf(query: URLSearchParams, secure: boolean): Credentials {
  const key = query.get('key');
  const token = query.get('access_token') ?? query.get('accessToken');
  // The official client sends an option of null as its text.
  const clientId = query.get('clientId') === 'null' ? null : query.get('clientId');
  return {
    ...(key === null ? {} : { key }),
    ...(token === null ? {} : { token }),
    ...(clientId === null ? {} : { clientId }),
    secure,
    via: 'realtime',
  };
}

/** A number of ms within bounds; text that is none says nothing. */
function clamped(text: string | null, otherwise: number, min: number, max: number): number {
  if (text === null || !/^\d{1,10}$/.test(text)) return otherwise;
  return Math.min(Math.max(Number(text), min), max);
}

/** Whether the client runs a Spaces SDK, whose members must have a name. */
export function isSpacesAgent(agent: string): boolean {
  return /(^| )spaces\//.test(agent);
}
