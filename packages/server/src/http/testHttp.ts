import { createServer, type IncomingHttpHeaders, type RequestOptions, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Capability } from '@parvis/auth';
import { codecs, type Format, type PresenceMessage } from '@parvis/protocol';
import { appFromKeys, createApps } from '../access/apps.ts';
import { createAuthenticator } from '../access/authenticator.ts';
import type { Principal } from '../access/principal.ts';
import { createTokenRequests } from '../access/tokenRequests.ts';
import { Channels } from '../channel/channels.ts';
import { claimNonce } from '../channel/nonces.ts';
import { draftPresence } from '../channel/presence.ts';
import { RevocationFeed } from '../channel/revocationFeed.ts';
import { Stats } from '../channel/stats.ts';
import { type Clock, systemClock } from '../clock.ts';
import { createLocalEngine, createMemoryStore, type Engine } from '../engine/index.ts';
import { defaultLimits, type Limits } from '../limits.ts';
import type { Log } from '../observe/log.ts';
import { silentMeter } from '../observe/meter.ts';
import { createHttpHandler } from './handler.ts';
import type { HttpHost } from './httpHost.ts';
import { PublisherRates } from './publisherRates.ts';
import { Sandbox } from './sandbox.ts';

/** Keys of the test app: everything, and nothing but subscribe; then one of another app that may do everything. */
export const fullKey = 'app.full:full-secret-full-secret-full-secret';
export const readKey = 'app.read:read-secret-read-secret-read-secret';
export const revocableKey = 'app.revocable:revo-secret-revo-secret-revo-secret';
export const otherKey = 'other.full:othr-secret-othr-secret-othr-secret';

/** What a request came back with. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  /** The body as its content type says, or undefined. */
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it as it likes
  readonly body: any;
}

/** A request to send. Objects become JSON bodies. */
export interface Asking {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly key?: string;
  readonly body?: unknown;
}

export interface TestHttpOptions {
  readonly clock?: Clock;
  readonly limits?: Partial<Limits>;
  readonly host?: Partial<HttpHost>;
  readonly sandbox?: { readonly maxApps?: number };
}

/** The REST API on a real server and port, over a real engine in memory. */
export class TestHttp {
  readonly engine: Engine;
  readonly channels: Channels;
  readonly stats: Stats;
  readonly apps = createApps([
    appFromKeys(
      [
        { key: fullKey, capability: Capability.all },
        { key: readKey, capability: { '*': ['subscribe'] } },
        { key: revocableKey, revocableTokens: true },
      ],
      { namespaces: [{ id: 'mutable', mutableMessages: true }] },
    ),
    appFromKeys([{ key: otherKey, capability: Capability.all }]),
  ]);
  /** Connection keys that stand for a connection of whoever uses the full key. */
  readonly connectionKeys = new Map<string, string>();
  readonly endedApps: string[] = [];
  /** Every log line as JSON, as pino would write it. */
  readonly lines: string[] = [];
  readonly limits: Limits;
  readonly #server: Server;

  constructor(options: TestHttpOptions = {}) {
    const { clock = systemClock } = options;
    this.limits = { ...defaultLimits, ...options.limits };
    this.engine = createLocalEngine({ store: createMemoryStore(), clock });
    const report = (failure: unknown) => {
      throw failure;
    };
    const { engine, limits } = this;
    this.stats = new Stats({ engine, clock, retentionMs: limits.statsRetentionMs, nodeId: 'test', report });
    this.channels = new Channels({
      engine,
      stats: this.stats,
      clock,
      limits: this.limits,
      meter: silentMeter,
      report,
      onLost: () => {},
    });
    this.#server = createServer(createHttpHandler({ ...this.#host(clock, options), ...options.host }));
  }

  async listen(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.engine.close();
  }

  /** Sockets that are open. */
  connections(): Promise<number> {
    return new Promise((resolve) => this.#server.getConnections((_failure, count) => resolve(count)));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Sends the path as it is, without normalising anything. */
  send({ method = 'GET', path, headers = {}, key = fullKey, body }: Asking): Promise<Answer> {
    const isRaw = body === undefined || typeof body === 'string' || body instanceof Uint8Array;
    const bytes = isRaw ? body : JSON.stringify(body);
    const options: RequestOptions = {
      host: '127.0.0.1',
      port: this.port,
      method,
      path,
      agent: false,
      headers: {
        ...(key === '' ? {} : { authorization: `Basic ${Buffer.from(key).toString('base64')}` }),
        ...(isRaw ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    };
    return new Promise((resolve, reject) => {
      const asking = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on('error', reject).on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const all = Buffer.concat(chunks);
          const { headers: got, statusCode: status = 0 } = response;
          resolve({ status, headers: got, bytes: all, body: parsed(all, got['content-type']) });
        });
      });
      asking.on('error', reject).end(bytes);
    });
  }

  publish(channel: string, body: unknown, more: Partial<Asking> = {}): Promise<Answer> {
    return this.send({ method: 'POST', path: `/channels/${encodeURIComponent(channel)}/messages`, body, ...more });
  }

  /** The page at this path and all that follow it. */
  async pages(path: string): Promise<Answer[]> {
    const pages = [await this.send({ path })];
    for (let at = pages[0]; at !== undefined && pages.length < 100; ) {
      const next = linksOf(at).get('next');
      if (next === undefined) return pages;
      at = await this.send({ path: addressOf(path, next) });
      pages.push(at);
    }
    throw new Error('pages do not end');
  }

  /** Members enter over one connection, without one being open. */
  async enter(
    channel: string,
    connectionId: string,
    members: readonly Omit<PresenceMessage, 'action'>[],
  ): Promise<void> {
    const app = this.apps.get('app');
    if (app === undefined) throw new Error('app is gone');
    const draft = draftPresence(
      { connectionId, clientId: '*', idBase: `${connectionId}:0`, owner: `app ${connectionId}` },
      members.map((member) => ({ action: 2, ...member })),
      { get: () => undefined, size: 0, bytes: 0, maxMembers: 10_000, maxBytes: 10_000_000 },
    );
    if (draft !== undefined) await this.engine.append(this.channels.ref(app, channel), draft);
  }

  #host(clock: Clock, options: TestHttpOptions): HttpHost {
    const { apps, engine, channels, limits } = this;
    const log = logInto(this.lines);
    const report = (failure: unknown) => log.error({ err: failure }, 'what is revoked could not be learnt');
    const revocations = new RevocationFeed({ apps, engine, clock, report });
    const nonces = { claim: (app: string, nonce: string, ms: number) => claimNonce(engine, app, nonce, ms) };
    const endApp = (appId: string) => {
      this.endedApps.push(appId);
      this.stats.forget(appId).catch(() => {});
    };
    const parts = { apps, engine, channels, clock, limits, log, endApp };
    return {
      apps,
      authenticator: createAuthenticator({ apps, clock, revocations }),
      channels,
      stats: this.stats,
      clock,
      limits,
      log,
      meter: silentMeter,
      serverId: 'test',
      writeTimeoutMs: 10_000,
      testHooks: true,
      publisherRates: new PublisherRates(limits.maxInboundRate),
      requestToken: createTokenRequests({ apps, nonces, clock }),
      revoke: (app, revoked) => revocations.revoke(app, revoked),
      secure: () => false,
      originAllowed: (origin) => origin === 'https://app.example' || origin === 'http://localhost:5173',
      connectionIdOf: (key: string, principal: Principal) =>
        principal.key.name === 'app.full' ? this.connectionKeys.get(key) : undefined,
      ...(options.sandbox === undefined ? {} : { sandbox: new Sandbox({ ...parts, ...options.sandbox }) }),
    };
  }
}

/** Links of an answer, by what they are, read as the official client reads them. */
export function linksOf({ headers }: Answer): Map<string, string> {
  const links = new Map<string, string>();
  for (const part of String(headers.link).split(',')) {
    const [, address, rel] = /^\s*<(\.\/\w+\?.+)>;\s*rel="(\w+)"$/.exec(part) ?? [];
    if (address !== undefined && rel !== undefined) links.set(rel, address);
  }
  return links;
}

/** The path that a link on the page at another path leads to. */
export function addressOf(path: string, link = ''): string {
  return path.replace(/\/\w+(\?.*)?$/, () => link.slice(1));
}

function logInto(lines: string[]): Log {
  const write = (fields: object, sentence: string) => void lines.push(JSON.stringify({ ...fields, msg: sentence }));
  return { info: write, warn: write, error: write, debug: write } as unknown as Log;
}

function parsed(bytes: Buffer, contentType: string | undefined): unknown {
  const format = contentTypeFormats.get(contentType ?? '');
  return format === undefined || bytes.length === 0 ? undefined : codecs[format].decodeValue(bytes);
}

const contentTypeFormats = new Map<string, Format>([
  ['application/json', 'json'],
  ['application/x-msgpack', 'msgpack'],
]);
