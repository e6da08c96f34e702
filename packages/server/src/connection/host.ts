import type { ErrorInfo } from '@parvis/protocol';
import type { Authenticator } from '../access/principal.ts';
import type { Channels } from '../channel/channels.ts';
import type { Clock } from '../clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { Limits } from '../limits.ts';
import type { Meter } from '../observe/meter.ts';
import type { ConnectionKeys } from './connectionKey.ts';
import type { Connections } from './connections.ts';
import type { Flusher } from './flusher.ts';

/** What connections need of their node. One object, shared by all of them. */
export interface ConnectionHost {
  readonly channels: Channels;
  readonly engine: Engine;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly flusher: Flusher;
  readonly keys: ConnectionKeys;
  readonly connections: Connections;
  readonly meter: Meter;
  /** Name of this node, for `serverId`. */
  readonly serverId: string;
  /** Development only: the `_forceNack` publish param rejects what carries it. */
  readonly testHooks: boolean;
  /** Something failed that no client waits for. Fields hold no secrets. */
  report(sentence: string, fields: Record<string, unknown>): void;
  /** A client was refused or ended with this error. */
  refused(error: ErrorInfo, fields: Record<string, unknown>): void;
}
