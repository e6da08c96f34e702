import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createConnection, type Server, type Socket } from 'node:net';
import { createSecureContext, createServer as createTlsServer, type SecureContext } from 'node:tls';
import { WebSocketServer } from 'ws';
import { testCertificate } from '../../../packages/server/test/testCertificate.ts';
import { echoService } from './echoService.ts';

/** Hosts under test: where the suite finds the service, and those it may fall back to. */
const serviceHosts = [
  'sandbox.realtime.ably-nonprod.net',
  ...['a', 'b', 'c', 'd', 'e'].map((letter) => `sandbox.${letter}.fallback.ably-realtime-nonprod.com`),
];

/** Hosts that are not under test and that the suite needs. */
const otherHosts = ['echo.ably.io', 'internet-up.ably-realtime.com', 'ws-up.ably-realtime.com', 'example.com'];

/** A server under test, as the suite meets it. */
export interface Cloud {
  /** Ports on loopback, by host and by their port in the cloud. */
  readonly ports: Readonly<Record<string, Readonly<Record<string, number>>>>;
  close(): void;
}

/**
 * The part of the internet that the suite uses, on loopback: its cloud is the server under test, behind TLS as there; the
 * other hosts are stand-ins. Clients run with the options that they have in the cloud, down to the ports in their addresses.
 */
export class StandInNet {
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #contexts = new Map<string, SecureContext>();
  /** PEM of the certificates of all hosts, for a process to trust. */
  readonly certificates: string;
  #otherPorts: Record<string, number> = {};

  constructor() {
    const certificates = [...serviceHosts, ...otherHosts].map((host) => {
      const { cert, key } = testCertificate(host);
      this.#contexts.set(host, createSecureContext({ cert, key }));
      return cert;
    });
    this.certificates = certificates.join('');
  }

  /** Opens the ports of hosts that are not under test. */
  async listen(): Promise<this> {
    const secure = createHttpsServer({ SNICallback: this.#choose }, echoService);
    new WebSocketServer({ server: secure });
    this.#otherPorts = { 443: await this.#open(secure), 80: await this.#open(createHttpServer(echoService)) };
    return this;
  }

  /** Puts a server, which listens on this port without TLS, in the place of the cloud, until `close`. */
  async cloudOf(port: number): Promise<Cloud> {
    const front = createTlsServer({ SNICallback: this.#choose }, (socket) => pass(socket, port));
    const service = { 443: await this.#open(front), 80: port };
    return {
      ports: Object.fromEntries([
        ...serviceHosts.map((host) => [host, service]),
        ...otherHosts.map((host) => [host, this.#otherPorts]),
      ]),
      close: () => void front.close(),
    };
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    const open = this.#servers.filter(({ listening }) => listening);
    const closed = open.map((server) => once(server, 'close'));
    for (const server of open) server.close();
    await Promise.all(closed);
  }

  readonly #choose = (host: string, done: (failure: Error | null, context?: SecureContext) => void): void => {
    const context = this.#contexts.get(host);
    done(context === undefined ? new Error(`no certificate for ${host}`) : null, context);
  };

  async #open(server: Server): Promise<number> {
    this.#servers.push(server);
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  }
}

/** Bytes go through as they are; whichever side ends, the other does. */
function pass(socket: Socket, port: number): void {
  const onward = createConnection(port, '127.0.0.1');
  // Small writes must not wait for each other: what is measured is the server, not the way to it.
  for (const one of [socket, onward]) one.setNoDelay(true);
  for (const [from, to] of [
    [socket, onward],
    [onward, socket],
  ] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
}
