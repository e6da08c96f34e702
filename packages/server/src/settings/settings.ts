import type { KeyOptions } from '../access/apps.ts';
import type { IssuerOptions } from '../access/issuer.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import { checkIssuer } from './checkIssuer.ts';
import { checkApp, checkKey, checkOrigin } from './checks.ts';
import { choice, flag, integer, list, type Setting, text } from './kinds.ts';

/** An app with its keys and namespaces, as configured. */
export interface AppSetting {
  readonly id: string;
  /** All of this app. */
  readonly keys: readonly KeyOptions[];
  readonly namespaces: readonly NamespaceSetting[];
  readonly maxPresenceMembers?: number;
}

/** Rules for the channels that begin with `<id>:`. */
export interface NamespaceSetting {
  readonly id: string;
  readonly persisted?: boolean;
  readonly pushEnabled?: boolean;
  readonly mutableMessages?: boolean;
  readonly batchingInterval?: number;
  readonly conflationInterval?: number;
  readonly conflationKey?: string;
}

/** Everything that can be configured by text, with a value for each. */
export interface Settings {
  readonly port: number;
  readonly host: string;
  readonly keys: readonly KeyOptions[];
  readonly apps: readonly AppSetting[];
  readonly issuers: readonly IssuerOptions[];
  readonly secret: string | undefined;
  readonly tls: { readonly cert: string | undefined; readonly key: string | undefined };
  readonly trustProxy: boolean;
  readonly requireTls: boolean;
  readonly allowedOrigins: readonly string[];
  readonly logLevel: LogLevel;
  readonly drainMs: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly publicDir: string | undefined;
  readonly demo: boolean;
  readonly sandbox: boolean;
  readonly testHooks: boolean;
  readonly insecureJwks: boolean;
  readonly limits: Limits;
}

export type LogLevel = 'silent' | 'error' | 'warn' | 'info' | 'debug';

type Table<T> = { readonly [Name in keyof T]-?: Setting<T[Name]> };
type Groups = 'limits' | 'tls';

function ms(help: string, initial: number, min = 1): Setting<number> {
  return integer(`${help}, ms`, initial, { min, max: 2 ** 31 - 1 });
}

const limits: Table<Limits> = {
  maxMessageSize: integer('bytes of one publish', defaultLimits.maxMessageSize, { min: 1 }),
  maxFrameSize: integer('bytes of one frame', defaultLimits.maxFrameSize, { min: 1_024, max: 2 ** 30 }),
  maxInboundRate: integer('messages a second one connection may publish; 0 for any', defaultLimits.maxInboundRate),
  maxProtocolRate: integer('frames a second one connection may send; 0 for any', defaultLimits.maxProtocolRate),
  maxMessagesPerPublish: integer('messages in one publish', defaultLimits.maxMessagesPerPublish, { min: 1 }),
  maxChannelsPerConnection: integer('channels of one connection', defaultLimits.maxChannelsPerConnection, { min: 1 }),
  maxPresenceMembers: integer('members of one presence set', defaultLimits.maxPresenceMembers, { min: 1 }),
  maxPresenceSize: integer('bytes of data of one presence set', defaultLimits.maxPresenceSize, { min: 1 }),
  maxRewind: integer('messages that rewind replays', defaultLimits.maxRewind),
  maxResumeBacklog: integer('entries that a resume replays', defaultLimits.maxResumeBacklog),
  softBacklog: integer('bytes waiting for a client before it is spared cursors', defaultLimits.softBacklog, { min: 1 }),
  hardBacklog: integer('bytes waiting for a client before it is sent away', defaultLimits.hardBacklog, { min: 1 }),
  maxConnections: integer('open connections in all', defaultLimits.maxConnections, { min: 1 }),
  connectTimeoutMs: ms('silence before a connection is made', defaultLimits.connectTimeoutMs),
  maxIdleIntervalMs: ms('silence of the server before a keepalive', defaultLimits.maxIdleIntervalMs, 5_000),
  connectionStateTtlMs: ms('time a lost connection can be resumed for', defaultLimits.connectionStateTtlMs),
  presenceGraceMs: ms('time members of a lost connection stay', defaultLimits.presenceGraceMs),
  occupancyIntervalMs: ms('time in which a change of occupancy is told', defaultLimits.occupancyIntervalMs),
  idleChannelMs: ms('time a channel without listeners stays in memory', defaultLimits.idleChannelMs),
  retentionMs: ms('time messages are kept for continuity', defaultLimits.retentionMs),
  persistedRetentionMs: integer(
    'time messages of persisted and mutable namespaces are kept, ms',
    defaultLimits.persistedRetentionMs,
    { min: 1 },
  ),
  statsRetentionMs: ms('time statistics are kept', defaultLimits.statsRetentionMs),
  strictExtras: flag('refuse unknown keys in the extras of messages', defaultLimits.strictExtras),
};

/** The one table of settings: options of `createServer`, keys of the config file, environment, flags and `--help`. */
export const settings: Table<Omit<Settings, Groups>> & {
  readonly limits: typeof limits;
  readonly tls: Table<Settings['tls']>;
} = {
  port: integer('port to listen on; 0 takes any that is free', 8787, { max: 65_535 }),
  host: text('address to listen on', '127.0.0.1', 'ADDRESS'),
  keys: list('API key, appId.keyId:secret', 'KEY', checkKey, { flag: 'key', secret: true }),
  apps: list('app as JSON: id, keys, namespaces', 'JSON', checkApp, { flag: 'app', secret: true }),
  issuers: list('issuer of JWTs as JSON: issuer, jwks (URL), key (appId.keyId), audience …', 'JSON', checkIssuer, {
    flag: 'issuer',
  }),
  secret: text('what the nodes of one deployment share, so that each takes resumes of all', undefined, 'TEXT', {
    secret: true,
    minLength: 32,
  }),
  tls: {
    cert: text('certificate chain, PEM or a file of it', undefined, 'FILE'),
    key: text('private key of the certificate, PEM or a file of it', undefined, 'FILE'),
  },
  trustProxy: flag('believe X-Forwarded-For and X-Forwarded-Proto', false),
  requireTls: flag('refuse API keys that come without TLS', false),
  allowedOrigins: list('origin whose pages may connect; any, unless there is one', 'ORIGIN', checkOrigin, {
    flag: 'allowed-origin',
  }),
  logLevel: choice('least severity that is logged', 'info', ['silent', 'error', 'warn', 'info', 'debug']),
  drainMs: ms('time over which clients are sent away when the server stops', 0, 0),
  headersTimeoutMs: ms('time a request line and its headers may take', 10_000),
  requestTimeoutMs: ms('time a whole request may take', 30_000),
  publicDir: text('directory of files to serve under /', undefined, 'DIRECTORY'),
  demo: flag('give a token for the first key to whoever asks at /api/token; for development', false),
  sandbox: flag('let anybody make apps at /apps; for development', false),
  insecureJwks: flag('fetch keys of issuers over http, from this machine; for development', false),
  testHooks: flag('obey _forceNack, as a sandbox does anyway; for development', false),
  limits,
};
