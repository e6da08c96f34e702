import { Action, codecs, type ErrorShape, type Format, type ProtocolMessage } from '@parvis/protocol';
import WebSocket from 'ws';

/** How long anything that a test waits for may take, ms. */
const BOUND_MS = 10_000;

interface Waiting {
  readonly fits: (message: ProtocolMessage) => boolean;
  readonly resolve: (message: ProtocolMessage) => void;
}

/** A client of few words: it sends the frames it is told to, and keeps all that come, in order. */
export class ProtocolClient {
  readonly format: Format;
  readonly received: ProtocolMessage[] = [];
  /** Resolves with the close code once the socket is gone. */
  readonly closed: Promise<number>;
  readonly #socket: WebSocket;
  #waiting: Waiting[] = [];
  #isClosed = false;

  /** Connects; what the query says goes before the defaults (`v` and `format`). */
  constructor(port: number, query: Record<string, string>, headers: Record<string, string> = {}) {
    this.format = query.format === 'msgpack' ? 'msgpack' : 'json';
    const search = new URLSearchParams({ v: '6', format: this.format, ...query });
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/?${search}`, { headers });
    this.#socket.on('message', (bytes: Buffer) => this.#take(codecs[this.format].decode(bytes)));
    this.#socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.#socket.on('close', (code) => {
        this.#isClosed = true;
        resolve(code);
      }),
    );
  }

  /** Connects and resolves once CONNECTED has come. */
  static async connected(
    port: number,
    query: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<ProtocolClient> {
    const client = new ProtocolClient(port, query, headers);
    await client.next(Action.CONNECTED);
    return client;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(message: ProtocolMessage): void {
    this.sendRaw(codecs[this.format].encode(message));
  }

  /** Sends a frame as it is, text or binary as the format has it. */
  sendRaw(frame: Uint8Array | string): void {
    this.#socket.send(frame, { binary: typeof frame !== 'string' && this.format === 'msgpack' }, () => {});
  }

  attach(channel: string, more: Partial<ProtocolMessage> = {}): Promise<ProtocolMessage> {
    this.send({ action: Action.ATTACH, channel, ...more });
    return this.when(
      `ATTACHED of ${channel}`,
      ({ action, channel: of }) => action === Action.ATTACHED && of === channel,
    );
  }

  publish(channel: string, msgSerial: number, data: string): void {
    this.send({ action: Action.MESSAGE, channel, msgSerial, messages: [{ data }] });
  }

  /** Sends a ping and resolves with its answer: all that was sent before has been looked at by then. */
  ping(id: string): Promise<ProtocolMessage> {
    this.send({ action: Action.HEARTBEAT, id });
    return this.when(`answer to ping ${id}`, (message) => message.action === Action.HEARTBEAT && message.id === id);
  }

  /** The next message with this action: one that has come already and was not forgotten, or the next to come. */
  next(action: number): Promise<ProtocolMessage> {
    return this.when(`action ${action}`, (message) => message.action === action);
  }

  /** The first message that fits, of those here or yet to come. Rejects after a bound, or when the socket ends before. */
  when(what: string, fits: (message: ProtocolMessage) => boolean): Promise<ProtocolMessage> {
    const known = this.received.find(fits);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve, reject) => {
      const fail = (why: string) =>
        reject(new Error(`${what} did not come (${why}); got ${JSON.stringify(this.#tail())}`));
      const timer = setTimeout(() => fail(`within ${BOUND_MS} ms`), BOUND_MS);
      this.closed.then((code) => {
        clearTimeout(timer);
        fail(`closed with ${code}`);
      });
      this.#waiting.push({
        fits,
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
      });
    });
  }

  all(action: number): ProtocolMessage[] {
    return this.received.filter((message) => message.action === action);
  }

  /** Errors of all messages with this action. */
  errors(action: number): ErrorShape[] {
    return this.all(action).flatMap(({ error }) => (error === undefined ? [] : [error]));
  }

  /** Data of the messages that have come on a channel, in order. */
  data(channel: string): unknown[] {
    return this.all(Action.MESSAGE)
      .filter((frame) => frame.channel === channel)
      .flatMap(({ messages = [] }) => messages.map(({ data }) => data));
  }

  /** Forgets what has come. */
  clear(): void {
    this.received.length = 0;
  }

  /** Breaks the connection without a word. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Says CLOSE and resolves when the socket has ended. */
  async close(): Promise<void> {
    if (!this.#isClosed) this.send({ action: Action.CLOSE });
    await this.closed;
  }

  #take(message: ProtocolMessage): void {
    this.received.push(message);
    const fitting = this.#waiting.filter(({ fits }) => fits(message));
    this.#waiting = this.#waiting.filter((waiting) => !fitting.includes(waiting));
    for (const { resolve } of fitting) resolve(message);
  }

  #tail(): ProtocolMessage[] {
    return this.received.slice(-5);
  }
}

/** connectionId and connectionKey of a CONNECTED. */
export function identityOf(connected: ProtocolMessage): { connectionId: string; connectionKey: string } {
  return {
    connectionId: connected.connectionId ?? '',
    connectionKey: connected.connectionDetails?.connectionKey ?? '',
  };
}
