import { randomBytes } from 'node:crypto';
import * as Ably from 'ably';
import jsonwebtoken from 'jsonwebtoken';
import { createServer, type ParvisServer, type ServerOptions } from 'parvis';
import { afterAll, afterEach } from 'vitest';

/** A server of its own for one test file, and official clients that point at it. */
export interface Oracle {
  readonly server: ParvisServer;
  readonly key: string;
  /** Options that point an official client at the server. */
  options(way: Way, more?: Partial<Ably.ClientOptions>): Ably.ClientOptions;
  realtime(way: Way, more?: Partial<Ably.ClientOptions>): Ably.Realtime;
  rest(way: Way, more?: Partial<Ably.ClientOptions>): Ably.Rest;
  /** A JWT signed with the key by `jsonwebtoken` alone. */
  jwt(claims: Record<string, unknown>, options?: { expiresInS?: number; key?: string }): string;
}

export type Format = 'json' | 'msgpack';
export const formats: readonly Format[] = ['json', 'msgpack'];

/** How an official client talks: in one of the formats over a WebSocket, or in JSON over comet. */
export type Way = Format | 'comet';
export const ways: readonly Way[] = [...formats, 'comet'];

/** Starts a server and stops it, and every client made, when the file is done. */
export async function startOracle(options: Partial<ServerOptions> = {}): Promise<Oracle> {
  const key = `app${randomBytes(3).toString('hex')}.key1:${randomBytes(20).toString('hex')}`;
  const server = createServer({
    port: 0,
    host: '127.0.0.1',
    keys: [key],
    logLevel: 'silent',
    testHooks: true,
    ...options,
  });
  await server.listen();
  const clients: Ably.Realtime[] = [];
  afterEach(async () => {
    // The official Spaces SDK leaves some of its operations unawaited: closing before their answers are in would reject them.
    const settled = ({ connection }: Ably.Realtime) =>
      connection.state === 'connected' ? connection.ping() : undefined;
    await Promise.allSettled(clients.map(settled));
    for (const client of clients.splice(0)) client.close();
  });
  afterAll(() => server.stop());
  const oracle: Oracle = {
    server,
    key,
    options: (way, more = {}) => ({
      ...(more.key || more.token || more.authUrl || more.authCallback || more.tokenDetails ? {} : { key }),
      endpoint: '127.0.0.1',
      port: server.port,
      tls: false,
      useBinaryProtocol: way === 'msgpack',
      ...(way === 'comet' ? { transports: ['comet'] as unknown as Ably.Transport[] } : {}),
      logLevel: 0,
      ...more,
    }),
    realtime(way, more) {
      const client = new Ably.Realtime(oracle.options(way, more));
      clients.push(client);
      return client;
    },
    rest: (way, more) => new Ably.Rest(oracle.options(way, more)),
    jwt(claims, { expiresInS = 3600, key: signer = key } = {}) {
      const [keyid = '', secret = ''] = signer.split(':');
      return jsonwebtoken.sign(claims, secret, { keyid, expiresIn: expiresInS, algorithm: 'HS256' });
    },
  };
  return oracle;
}

/** Resolves with what a callback is called with, or fails after a bound. */
export function eventually<T>(
  what: string,
  listen: (resolve: (value: T) => void) => void,
  boundMs = 10_000,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} did not happen within ${boundMs} ms`)), boundMs);
    listen((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}

/** Resolves when the connection or channel is in this state, at once if it is already. */
export function inState(thing: Ably.Connection | Ably.RealtimeChannel, state: string, boundMs?: number) {
  return eventually<{ reason?: Ably.ErrorInfo | undefined; resumed?: boolean | undefined }>(
    `state ${state}`,
    (resolve) => {
      if (thing.state === state) resolve({ reason: thing.errorReason ?? undefined });
      else
        (thing.once as (state: string, listener: (change: { reason?: Ably.ErrorInfo }) => void) => void)(
          state,
          resolve,
        );
    },
    boundMs,
  );
}

/** Resolves once a condition holds; it is looked at whenever `tick` says that something has happened. */
export function until(what: string, holds: () => boolean, boundMs = 10_000): Promise<void> {
  return eventually<void>(
    what,
    (resolve) => {
      const timer = setInterval(() => {
        if (!holds()) return;
        clearInterval(timer);
        resolve();
      }, 5);
      setTimeout(() => clearInterval(timer), boundMs).unref();
    },
    boundMs,
  );
}
