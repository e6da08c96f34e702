import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { type ErrorInfo, errors } from '@parvis/protocol';
import type { KeyOptions } from './access/apps.ts';
import { createAuthenticator } from './access/authenticator.ts';
import { type Clock, systemClock } from './clock.ts';
import { layerOf, settingsOf } from './config.ts';
import { appsOf } from './configuredApps.ts';
import type { Engine } from './engine/engine.ts';
import { createLocalEngine, createMemoryStore } from './engine/index.ts';
import type { Limits } from './limits.ts';
import { Listener } from './listener.ts';
import { Node } from './node.ts';
import { createLog, type Log } from './observe/log.ts';
import { silentMeter } from './observe/meter.ts';
import type { AppSetting, Settings } from './settings/settings.ts';
import { WebSocketServer } from './transport/webSocketServer.ts';

/** What `createServer` takes: every setting of the table, and parts that only code can give. */
export interface ServerOptions extends Partial<Omit<Settings, 'keys' | 'apps' | 'limits' | 'tls'>> {
  /** API keys, `appId.keyId:secret`; each app they name comes to be. */
  readonly keys?: readonly (string | KeyOptions)[];
  /** Apps with namespaces or limits of their own. */
  readonly apps?: readonly (Omit<AppSetting, 'keys' | 'namespaces'> & {
    readonly keys: readonly (string | KeyOptions)[];
    readonly namespaces?: AppSetting['namespaces'];
  })[];
  readonly limits?: Partial<Limits>;
  /** PEM, or files of it. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Default: everything in the memory of this process. The server closes it when it stops. */
  readonly engine?: Engine;
  readonly clock?: Clock;
  /** Instead of JSON lines to standard output. */
  readonly log?: Log;
}

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

/** The realtime service with its sockets: idle, then listening, then stopped for good. */
export class ParvisServer {
  readonly #settings: Settings;
  readonly #log: Log;
  readonly #node: Node;
  readonly #engine: Engine;
  readonly #listener: Listener;
  readonly #webSockets: WebSocketServer;
  #address: AddressInfo | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: ServerOptions) {
    const settings = settingsOf(layerOf(options, partNames));
    this.#settings = settings;
    this.#log = options.log ?? createLog(settings.logLevel);
    const clock = options.clock ?? systemClock;
    const apps = appsOf(settings);
    const meter = silentMeter;
    this.#engine = options.engine ?? createLocalEngine({ store: createMemoryStore(), clock });
    const { limits, testHooks, requireTls } = settings;
    const secret = settings.secret === undefined ? randomBytes(32) : Buffer.from(settings.secret);
    const authenticator = createAuthenticator({ apps, clock, requireTls });
    this.#node = new Node({
      apps,
      authenticator,
      engine: this.#engine,
      clock,
      limits,
      log: this.#log,
      meter,
      serverId: randomBytes(6).toString('base64url'),
      testHooks,
      secret,
    });
    this.#webSockets = new WebSocketServer({
      maxPayload: limits.maxFrameSize,
      trustProxy: settings.trustProxy,
      isOriginAllowed: originCheck(settings.allowedOrigins),
      accept: (transport, query, secure) => this.#node.accept(transport, query, secure),
      refused: (error, remote) => this.#refused(error, remote),
    });
    this.#listener = new Listener(settings, {
      request: (_request, response) => response.writeHead(404).end(),
      upgrade: (request, socket, head) => this.#webSockets.upgrade(request, socket, head),
    });
  }

  /** Binds the port and resolves with where; rejects with Node's error, such as EADDRINUSE. */
  async listen(): Promise<Listening> {
    if (this.#stopping !== undefined) throw errors.unavailable('the server was stopped; create another');
    this.#address ??= await this.#listener.listen(this.#settings.host, this.#settings.port);
    const { url, port } = this;
    this.#log.info({ url }, 'listening');
    return { host: this.#address.address, port, url };
  }

  /** The bound port; before `listen` the configured one. */
  get port(): number {
    return this.#address?.port ?? this.#settings.port;
  }

  /** Where clients find it: `http://host:port`. */
  get url(): string {
    const { host } = this.#settings;
    const wildcard = host === '::' || host === '0.0.0.0';
    const name = wildcard ? 'localhost' : host.includes(':') ? `[${host}]` : host;
    return `${this.#listener.isSecure ? 'https' : 'http'}://${name}:${this.port}`;
  }

  /**
   * Sends clients elsewhere at an even pace over `drainMs`, finishes what is in flight and frees everything. Later calls
   * wait for the same end.
   */
  stop(options: { readonly drainMs?: number } = {}): Promise<void> {
    this.#stopping ??= this.#stop(options.drainMs ?? 0);
    return this.#stopping;
  }

  async #stop(drainMs: number): Promise<void> {
    this.#webSockets.drain();
    await this.#node.drain(drainMs);
    const closed = this.#listener.close(CLOSE_GRACE_MS);
    const cut = setTimeout(() => this.#webSockets.stop(), CLOSE_GRACE_MS);
    await closed;
    clearTimeout(cut);
    await this.#node.stop();
    this.#log.info('stopped');
  }

  #refused(error: ErrorInfo, remote: string): void {
    this.#log.info({ code: error.code, reason: error.message, remote }, 'a client was refused');
  }
}

function originCheck(allowed: readonly string[]): (origin: string) => boolean {
  if (allowed.length === 0) return () => true;
  const origins = new Set(allowed);
  return (origin) => origins.has(origin);
}
