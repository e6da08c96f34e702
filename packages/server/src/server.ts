import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { errors } from '@parvis/protocol';
import type { KeyOptions } from './access/apps.ts';
import { accessPartsOf } from './accessParts.ts';
import { type Clock, systemClock } from './clock.ts';
import { layerOf, settingsOf } from './config.ts';
import { ConnectionKeys } from './connection/connectionKey.ts';
import type { Engine } from './engine/engine.ts';
import { createLocalEngine, createMemoryStore } from './engine/index.ts';
import { createHttpHandler } from './http/handler.ts';
import { httpHostOf } from './httpParts.ts';
import { HttpPipes } from './httpPipes.ts';
import type { Limits } from './limits.ts';
import { Listener } from './listener.ts';
import { Node } from './node.ts';
import { CountingMeter } from './observe/countingMeter.ts';
import { createLog, type Log } from './observe/log.ts';
import { Probes } from './observe/probes.ts';
import { originCheck } from './originCheck.ts';
import type { AppSetting, Settings } from './settings/settings.ts';
import { DemoTokens } from './site/demoTokens.ts';
import { Site } from './site/site.ts';
import { WebSocketServer } from './transport/webSocketServer.ts';

/** What `createServer` takes: every setting of the table, and parts that only code can give. */
export interface ServerOptions extends Optional<Omit<Settings, 'keys' | 'apps' | 'limits' | 'tls'>> {
  /** API keys, `appId.keyId:secret`; each app they name comes to be. */
  readonly keys?: readonly (string | KeyOptions)[] | undefined;
  /** Apps with namespaces or limits of their own. */
  readonly apps?: readonly AppOption[] | undefined;
  readonly limits?: Optional<Limits> | undefined;
  /** PEM, or files of it. Both or neither. */
  readonly tls?: Optional<Settings['tls']> | undefined;
  /** Default: everything in the memory of this process. The server closes it when it stops. */
  readonly engine?: Engine | undefined;
  readonly clock?: Clock | undefined;
  /** Instead of JSON lines to standard output. */
  readonly log?: Log | undefined;
}

/** An app as code configures it: its keys may be plain text. */
export type AppOption = Omit<AppSetting, 'keys' | 'namespaces'> & {
  readonly keys: readonly (string | KeyOptions)[];
  readonly namespaces?: AppSetting['namespaces'];
};

type Optional<T> = { readonly [Name in keyof T]?: T[Name] | undefined };

/** Options that are no settings. */
const partNames = ['engine', 'clock', 'log'];

/** Where a server listens. */
export interface Listening {
  readonly host: string;
  readonly port: number;
  /** `http://host:port`, or `https`; a wildcard host is told as `localhost`. */
  readonly url: string;
}

/** ms that sockets have to end by themselves once the clients are told. */
const CLOSE_GRACE_MS = 1_000;

/**
 * A server that speaks the Ably protocol, in this process. Throws an ErrorInfo for options that are not valid.
 *
 *     const server = createServer({ port: 8787, keys: ['app.key1:a-secret-of-32-characters-or-so!!'] });
 *     await server.listen();
 */
export function createServer(options: ServerOptions = {}): ParvisServer {
  return new ParvisServer(options);
}

/** The realtime service with its sockets: idle, then listening, then draining, then stopped for good. */
export class ParvisServer {
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #node: Node;
  readonly #engine: Engine;
  readonly #listener: Listener;
  readonly #webSockets: WebSocketServer;
  readonly #pipes: HttpPipes;
  readonly #probes: Probes;
  readonly #site: Site | undefined;
  readonly #rest: (request: IncomingMessage, response: ServerResponse) => void;
  #address: AddressInfo | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    const settings = settingsOf(layerOf(options, partNames));
    this.#settings = settings;
    this.#log = options.log ?? createLog(settings.logLevel);
    const clock = options.clock ?? systemClock;
    this.#engine = options.engine ?? createLocalEngine({ store: createMemoryStore(), clock });
    const meter = new CountingMeter();
    const secret = settings.secret === undefined ? randomBytes(32) : Buffer.from(settings.secret);
    this.#node = new Node({
      ...accessPartsOf(settings, this.#engine, clock, this.#log),
      engine: this.#engine,
      clock,
      limits: settings.limits,
      log: this.#log,
      meter,
      serverId: randomBytes(6).toString('base64url'),
      testHooks: settings.testHooks || settings.sandbox,
      secret,
    });
    this.#webSockets = this.#createWebSockets();
    this.#pipes = new HttpPipes(this.#node, settings);
    this.#probes = this.#createProbes(meter);
    this.#site = this.#createSite();
    this.#rest = createHttpHandler(httpHostOf(this.#node, settings, new ConnectionKeys(secret)));
    this.#listener = new Listener(settings, {
      request: (request, response) => this.#request(request, response),
      upgrade: (head, socket, early) => this.#webSockets.upgrade(head, socket, early),
    });
  }

  /** Binds the port and resolves with where; rejects with Node's error, such as EADDRINUSE. */
  async listen(): Promise<Listening> {
    if (this.#stopping !== undefined) throw errors.unavailable('the server was stopped; create another');
    const { host, port } = this.#settings;
    this.#address ??= await this.#listener.listen(host, port);
    this.#log.info({ url: this.url }, 'listening');
    return { host: this.#address.address, port: this.port, url: this.url };
  }

  /** The bound port; before `listen` the configured one. */
  get port(): number {
    return this.#address?.port ?? this.#settings.port;
  }

  /** Where clients find it: `http://host:port`. */
  get url(): string {
    const { host } = this.#settings;
    const isWildcard = host === '::' || host === '0.0.0.0';
    const name = isWildcard ? 'localhost' : host.includes(':') ? `[${host}]` : host;
    return `${this.#listener.isSecure ? 'https' : 'http'}://${name}:${this.port}`;
  }

  /**
   * Says that it is not ready, turns new clients away, sends those it has elsewhere at an even pace over `drainMs`
   * (that of the options unless given), finishes what is in flight and frees everything. Later calls wait for the same end.
   */
  stop({ drainMs = this.#settings.drainMs }: { readonly drainMs?: number } = {}): Promise<void> {
    this.#stopping ??= this.#stop(drainMs);
    return this.#stopping;
  }

  async #stop(drainMs: number): Promise<void> {
    this.#log.info({ connections: this.#node.connections.size }, 'draining');
    this.#webSockets.drain();
    this.#pipes.drain();
    await this.#node.drain(drainMs);
    await this.#pipes.emptied(CLOSE_GRACE_MS);
    const cut = setTimeout(() => this.#webSockets.stop(), CLOSE_GRACE_MS);
    await this.#listener.close(CLOSE_GRACE_MS);
    clearTimeout(cut);
    this.#pipes.stop();
    await this.#node.stop();
    this.#log.info('stopped');
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    if (this.#probes.handle(request, response) || this.#pipes.handle(request, response)) return;
    if (this.#site === undefined) this.#rest(request, response);
    else this.#site.handle(request, response).then((isAnswered) => isAnswered || this.#rest(request, response));
  }

  #createWebSockets(): WebSocketServer {
    const { limits, trustProxy, allowedOrigins } = this.#settings;
    const { meter } = this.#node.parts;
    return new WebSocketServer({
      maxPayload: limits.maxFrameSize,
      trustProxy,
      isOriginAllowed: originCheck(allowedOrigins),
      accept: (transport, query, secure) => this.#node.accept(transport, query, secure),
      refused: (error, remote) => {
        meter.refused(error.code);
        this.#log.info({ code: error.code, reason: error.message, remote }, 'a client was refused');
      },
    });
  }

  #createSite(): Site | undefined {
    const { publicDir, demo, keys, apps } = this.#settings;
    const key = keys[0] ?? apps[0]?.keys[0];
    const tokens = demo && key !== undefined ? new DemoTokens(key.key) : undefined;
    if (publicDir === undefined && tokens === undefined) return undefined;
    const failed = (failure: unknown) => this.#log.error({ err: failure }, 'files to serve could not be read');
    return new Site({ directory: publicDir, tokens, failed });
  }

  #createProbes(meter: CountingMeter): Probes {
    return new Probes({
      meter,
      levels: {
        connections: () => this.#node.connections.size,
        channels: () => this.#node.channels.size,
        sockets: () => this.#webSockets.size,
        cometSessions: () => this.#pipes.comet.size,
        streams: () => this.#node.streams.countByApp(),
      },
      ready: async () => this.#stopping === undefined && (await this.#engine.ready()),
    });
  }
}
