import type { ErrorInfo } from '@parvis/protocol';
import type { Apps } from './access/app.ts';
import type { Authenticator } from './access/principal.ts';
import { TokenHolders } from './access/tokenHolders.ts';
import { Channels } from './channel/channels.ts';
import type { RevocationFeed } from './channel/revocationFeed.ts';
import { Stats } from './channel/stats.ts';
import type { Clock } from './clock.ts';
import { admit, whyGone } from './connection/admission.ts';
import { connect } from './connection/connect.ts';
import { ConnectionEvents } from './connection/connectionEvents.ts';
import { ConnectionKeys } from './connection/connectionKey.ts';
import { Connections } from './connection/connections.ts';
import { openStream } from './connection/eventStream.ts';
import { EventStreams } from './connection/eventStreams.ts';
import { Flusher } from './connection/flusher.ts';
import type { ConnectionHost } from './connection/host.ts';
import type { Engine } from './engine/engine.ts';
import type { Limits } from './limits.ts';
import type { Log } from './observe/log.ts';
import type { Meter } from './observe/meter.ts';
import type { StreamAsked, StreamTransport } from './transport/streamTransport.ts';
import type { Transport } from './transport/transport.ts';

/** What a node is composed of. */
export interface NodeParts {
  readonly apps: Apps;
  readonly authenticator: Authenticator;
  /** What the authenticator asks, too. */
  readonly revocations: RevocationFeed;
  readonly engine: Engine;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly log: Log;
  readonly meter: Meter;
  readonly serverId: string;
  readonly testHooks: boolean;
  /** Shared by the nodes of one deployment, so that any of them accepts a resume. */
  readonly secret?: Buffer;
}

const SWEEP_MS = 1_000;
/** ms that storage has to take the last statistics. */
const STATS_GRACE_MS = 1_000;

/** The composition root: every part of the realtime service, wired. Transports and HTTP come in from outside. */
export class Node {
  readonly channels: Channels;
  readonly connections: Connections;
  readonly streams: EventStreams;
  readonly stats: Stats;
  readonly parts: NodeParts;
  readonly #host: ConnectionHost;
  #cancelSweep: (() => void) | undefined;

  constructor(parts: NodeParts) {
    this.parts = parts;
    const { engine, clock, limits, meter, log } = parts;
    this.stats = new Stats({
      engine,
      clock,
      retentionMs: limits.statsRetentionMs,
      nodeId: parts.serverId,
      report: (failure, app) => log.error({ err: failure, app }, 'statistics could not be written'),
      onMinute: (app, item) => this.channels.meta.tell(app, 'stats:minute', 'update', () => item),
    });
    this.streams = new EventStreams(clock, limits.maxIdleIntervalMs);
    this.channels = new Channels({
      engine,
      clock,
      limits,
      meter,
      stats: this.stats,
      report: (failure, channel) => log.error({ err: failure, channel }, 'presence of a channel could not be updated'),
      onLost: (channel) => {
        for (const connection of this.connections) connection.attachments.discontinued(channel);
        this.streams.discontinued(channel);
      },
    });
    this.connections = new Connections(clock, meter, new ConnectionEvents(this.stats, this.channels.meta));
    this.#host = {
      channels: this.channels,
      engine,
      authenticator: parts.authenticator,
      clock,
      limits,
      flusher: new Flusher(clock),
      keys: new ConnectionKeys(parts.secret),
      connections: this.connections,
      meter,
      serverId: parts.serverId,
      testHooks: parts.testHooks,
      report: (sentence, { failure, ...fields }) => log.error({ ...fields, err: failure }, sentence),
      refused: (error, { failure, ...fields }) => {
        meter.refused(error.code);
        this.#tellRefused(error, fields);
        if (error.code === 50000) log.error({ ...fields, err: failure }, 'a client hit a bug');
        else log.info({ ...fields, code: error.code, reason: error.message }, 'a client was refused');
      },
    };
    const holders = new TokenHolders(parts.revocations, clock, this.connections, this.streams);
    parts.revocations.onChange((app, revocations) => holders.changed(app, revocations));
    parts.revocations.open().catch((failure) => log.error({ err: failure }, 'what is revoked could not be learnt'));
    this.#sweepLater();
  }

  /** Whose app it is, where that is known, may listen to what its clients are refused. */
  #tellRefused(error: ErrorInfo, { connectionId }: Record<string, unknown>): void {
    const connection = typeof connectionId === 'string' ? this.connections.get(connectionId) : undefined;
    if (connection === undefined) return;
    const { principal } = connection;
    this.channels.meta.tell(principal.app.id, 'log', 'error', () => ({
      error: error.toJSON(),
      connectionId,
      ...(principal.clientId === undefined ? {} : { clientId: principal.clientId }),
    }));
  }

  /** Opens a connection on a transport a client has made. */
  accept(transport: Transport, query: URLSearchParams, secure: boolean): void {
    connect(this.#host, transport, query, secure);
  }

  /** Opens a stream of events on a pipe a client has made. */
  stream(pipe: StreamTransport, asked: StreamAsked): void {
    openStream(this.#host, this.streams, pipe, asked);
  }

  /** Rejects a later request of a pipe that is made of several, unless it is from the client that has this key. */
  admit(connectionKey: string, query: URLSearchParams, secure: boolean): Promise<void> {
    return admit(this.#host, connectionKey, query, secure);
  }

  /** What to tell a client whose key is ours, but whose pipe is gone. */
  whyGone(connectionKey: string): ErrorInfo {
    return whyGone(this.#host, connectionKey);
  }

  /** Sends every client elsewhere, at an even pace over this many ms. */
  async drain(ms: number): Promise<void> {
    this.streams.drain();
    await this.connections.drain(ms);
  }

  /** Stops timers and closes the engine; connections are gone by now. */
  async stop(): Promise<void> {
    this.#cancelSweep?.();
    this.#cancelSweep = undefined;
    const failed = (failure: unknown) => this.parts.log.error({ err: failure }, 'statistics could not be written');
    const late = new Promise<void>((resolve) => this.parts.clock.after(STATS_GRACE_MS, resolve));
    await Promise.race([this.stats.flush().catch(failed), late]);
    await this.parts.engine.close();
  }

  #sweepLater(): void {
    this.#cancelSweep = this.parts.clock.after(SWEEP_MS, () => {
      this.#sweepLater();
      this.stats.tick();
      this.connections.sweep();
      this.streams.sweep();
      this.parts.revocations.sweep();
      const failed = (failure: unknown) => this.parts.log.error({ err: failure }, 'sweep failed');
      this.channels.sweep().catch(failed);
      this.connections.renew(this.parts.engine).catch(failed);
    });
  }
}
