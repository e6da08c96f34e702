import { connect, createServer, type Server, type Socket } from 'node:net';

/** A way to the server that a test can cut: a plain TCP relay on a port of its own. */
export class CutProxy {
  readonly #server: Server;
  readonly #pairs = new Set<[Socket, Socket]>();
  /** While true, new connections are refused at once. */
  refusing = false;
  /** Looks at what goes either way, in bytes as they come; returning `cut` breaks the connection before they pass. */
  watch: ((direction: 'up' | 'down', bytes: Buffer) => 'pass' | 'cut' | { passThenCut: number }) | undefined;

  private constructor(targetPort: number) {
    this.#server = createServer((client) => this.#relay(client, targetPort));
  }

  static async to(targetPort: number): Promise<CutProxy> {
    const proxy = new CutProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Breaks every connection that is open now. */
  cut(): void {
    for (const [client, upstream] of this.#pairs) {
      client.destroy();
      upstream.destroy();
    }
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #relay(client: Socket, targetPort: number): void {
    if (this.refusing) {
      client.destroy();
      return;
    }
    const upstream = connect(targetPort, '127.0.0.1');
    const pair: [Socket, Socket] = [client, upstream];
    this.#pairs.add(pair);
    const end = () => {
      this.#pairs.delete(pair);
      client.destroy();
      upstream.destroy();
    };
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    client.on('data', (bytes) => this.#pass('up', bytes, upstream, end));
    upstream.on('data', (bytes) => this.#pass('down', bytes, client, end));
  }

  #pass(direction: 'up' | 'down', bytes: Buffer, to: Socket, end: () => void): void {
    const verdict = this.watch?.(direction, bytes) ?? 'pass';
    if (verdict === 'pass') to.write(bytes);
    else if (verdict === 'cut') end();
    else to.write(bytes.subarray(0, verdict.passThenCut), end);
  }
}
