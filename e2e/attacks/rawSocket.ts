import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

/** A plain TCP socket to a server, for what no WebSocket library would send. */
export class RawSocket {
  readonly socket: Socket;
  /** Resolves when the socket is gone, by whichever side. */
  readonly closed: Promise<void>;
  readonly #chunks: Buffer[] = [];
  #heard: (() => void)[] = [];
  #isClosed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      this.#chunks.push(bytes);
      this.#wake();
    });
    socket.on('end', () => socket.end());
    this.closed = new Promise((resolve) =>
      socket.on('close', () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      }),
    );
  }

  static open(port: number): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawSocket(socket));
      });
    });
  }

  /** Opens a WebSocket by hand; resolves with the head of the server's answer. */
  static async upgraded(
    port: number,
    path: string,
    headers: readonly string[] = [],
    boundMs?: number,
  ): Promise<[RawSocket, string]> {
    const raw = await RawSocket.open(port);
    raw.write(upgradeRequest(path, headers));
    const head = await raw.until('an answer to the upgrade', () => raw.text.includes('\r\n\r\n'), boundMs);
    return [raw, head.slice(0, head.indexOf('\r\n\r\n'))];
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  /** What the server sent after the answer to the upgrade, as frames. */
  get frames(): ServerFrame[] {
    const start = this.text.indexOf('\r\n\r\n') + 4;
    return framesOf(this.received.subarray(start));
  }

  /** Code of the close frame that the server sent, if it did. */
  get closeCode(): number | undefined {
    const close = this.frames.find(({ opcode }) => opcode === 8);
    return close === undefined || close.payload.length < 2 ? undefined : close.payload.readUInt16BE(0);
  }

  /** Codes of the errors in the JSON frames that the server sent. */
  get errorCodes(): number[] {
    return this.frames
      .filter(({ opcode }) => opcode === 1)
      .flatMap(({ payload }) => (JSON.parse(payload.toString()) as { error?: { code: number } }).error?.code ?? []);
  }

  /** Whether the kernel took it all at once; false is the time to wait for `drain`. */
  write(bytes: Uint8Array | string): boolean {
    return this.#isClosed || this.socket.destroyed ? false : this.socket.write(bytes);
  }

  /** Resolves when the kernel has taken all that was written, or the socket is gone. */
  async drained(): Promise<void> {
    if (this.socket.writableLength === 0 || this.#isClosed) return;
    await Promise.race([new Promise<void>((resolve) => this.socket.once('drain', () => resolve())), this.closed]);
  }

  /** Resolves with all that has come once this holds; it is asked whenever bytes come and at the end. */
  until(what: string, holds: () => boolean, boundMs = 10_000): Promise<string> {
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error(`${what} did not come; got ${JSON.stringify(this.text.slice(0, 500))}`));
      const timer = setTimeout(fail, boundMs);
      const look = () => {
        if (!holds()) {
          if (!this.#isClosed) return;
          clearTimeout(timer);
          return fail();
        }
        clearTimeout(timer);
        this.#heard = this.#heard.filter((each) => each !== look);
        resolve(this.text);
      };
      this.#heard.push(look);
      look();
    });
  }

  /** Resolves when the server has ended this socket; rejects after a bound. */
  ended(what: string, boundMs = 10_000): Promise<string> {
    return this.until(`the end of ${what}`, () => this.#isClosed, boundMs);
  }

  destroy(): void {
    this.socket.destroy();
  }

  #wake(): void {
    for (const look of [...this.#heard]) look();
  }
}

/** A frame of the server: never masked, never in parts. */
export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** Whole frames at the front of bytes that a server sent. */
export function framesOf(bytes: Buffer): ServerFrame[] {
  const frames: ServerFrame[] = [];
  for (let at = 0; at + 2 <= bytes.length; ) {
    let length = bytes.readUInt8(at + 1) & 0x7f;
    let start = at + 2;
    if (length === 126 && start + 2 <= bytes.length) {
      length = bytes.readUInt16BE(start);
      start += 2;
    } else if (length === 127 && start + 8 <= bytes.length) {
      length = Number(bytes.readBigUInt64BE(start));
      start += 8;
    }
    if (start + length > bytes.length) break;
    frames.push({ opcode: bytes.readUInt8(at) & 0x0f, payload: bytes.subarray(start, start + length) });
    at = start + length;
  }
  return frames;
}

/** The text of a well-formed upgrade request, with more headers. */
export function upgradeRequest(path: string, headers: readonly string[] = []): string {
  return [
    `GET ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    ...headers,
    '\r\n',
  ].join('\r\n');
}
