import type { ServerResponse } from 'node:http';
import { errors } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import { cometWire, oneArrayOf } from './cometWire.ts';
import { unbuffered } from './httpPipe.ts';
import type { Transport, TransportEvents } from './transport.ts';

/** How one comet session is served. Times in ms. */
export interface CometSession {
  /** Whether a response goes on for as long as there is something to say, or ends with the next thing said. */
  readonly streaming: boolean;
  readonly remote: string;
  /** The longest a response stays open: its end asks the client for a sign of life. */
  readonly holdMs: number;
  /** The longest a session may be without a response to write to; then the client is taken for gone. */
  readonly absenceMs: number;
  readonly clock: Clock;
  /** The session has got its key, by which later requests find it. */
  named(key: string, session: CometTransport): void;
  /** Called once, when nothing more can be fetched. */
  ended(session: CometTransport): void;
}

/** ms that a client has to take what is left once the pipe ends. */
const CLOSE_TIMEOUT_MS = 5_000;
/** Sends that may wait for the one before them; the official client has but one at a time. */
const MAX_SENDS = 8;
const nothingNew = Buffer.from('[]\n');

/**
 * A comet session as a pipe: what is written leaves on the response of the request that waits for it (its receiver), or
 * is kept until there is one; frames come in the bodies of other requests.
 *
 * ```
 *   open ──close──► ending   what is left may still be fetched
 *     └─────────────┴──────► ended    fetched, or the client is gone
 * ```
 */
export class CometTransport implements Transport {
  readonly wire = cometWire;
  readonly ping = undefined;
  readonly #session: CometSession;
  #events: TransportEvents | undefined;
  #state: 'open' | 'ending' | 'ended' = 'open';
  #key: string | undefined;
  #receiver: ServerResponse | undefined;
  /** Responses that the network has not taken in whole; the receiver is one of them. */
  readonly #open = new Set<ServerResponse>();
  #kept: Uint8Array[] = [];
  #keptBytes = 0;
  #cancelTimer: (() => void) | undefined;
  #paused = false;
  #resumed: (() => void) | undefined;
  #lastSend: Promise<void> = Promise.resolve();
  #sends = 0;

  constructor(session: CometSession) {
    this.#session = session;
    this.#expect();
  }

  get remote(): string {
    return this.#session.remote;
  }

  get backlog(): number {
    let bytes = this.#keptBytes;
    for (const response of this.#open) bytes += response.writableLength;
    return bytes;
  }

  /** The key that the session was given, once it has one. */
  get key(): string | undefined {
    return this.#key;
  }

  /** Whether frames are still taken. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  listen(events: TransportEvents): void {
    this.#events = events;
  }

  named(connectionKey: string): void {
    if (this.#state === 'ended') return;
    this.#key = connectionKey;
    this.#session.named(connectionKey, this);
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== 'open') return;
    if (this.#receiver === undefined) {
      this.#kept.push(bytes);
      this.#keptBytes += bytes.length;
    } else {
      this.#emit(this.#receiver, bytes);
    }
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#resumed?.();
    this.#resumed = undefined;
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'ending';
    this.resume();
    if (this.#receiver !== undefined) this.#dismiss(this.#receiver, undefined);
    if (this.#open.size > 0) this.#cancelTimer = this.#timer(CLOSE_TIMEOUT_MS, () => this.destroy());
    else if (this.#keptBytes === 0) this.#end();
  }

  /** Ends it at once, whatever is left. */
  destroy(): void {
    for (const response of this.#open) response.destroy();
    this.#end();
  }

  /** Takes the response of a request that waits for what comes next; one that waits already gets nothing more. */
  receive(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
    // Who asked may have left while it was judged.
    if (response.destroyed) return;
    if (this.#receiver !== undefined) this.#dismiss(this.#receiver, nothingNew);
    this.#receiver = response;
    this.#open.add(response);
    response.on('close', () => this.#left(response));
    response.on('drain', () => this.#events?.drain());
    response.on('error', () => {});
    const all = { ...headers, ...unbuffered, 'Content-Type': 'application/json' };
    for (const [name, value] of Object.entries(all)) response.setHeader(name, value);
    if (this.#session.streaming) response.flushHeaders();
    this.#expect();
    const kept = this.#kept;
    this.#kept = [];
    this.#keptBytes = 0;
    if (kept.length > 0) this.#emit(response, Buffer.concat(kept));
    if (this.#state === 'ending') this.#lastWords();
  }

  /**
   * Takes the frames of one send, after those of the sends before it, and resolves when the connection has taken all.
   * `read` is called in turn, and hands over frames as it gets them. Rejects as it does, and with 42910 where too many wait.
   */
  async send(read: (take: (frames: readonly Uint8Array[]) => Promise<void>) => Promise<void>): Promise<void> {
    if (this.#sends >= MAX_SENDS) throw errors.rateLimited('too many sends at once on one connection');
    this.#sends += 1;
    const sent = this.#lastSend.then(() => read((frames) => this.#deliver(frames)));
    this.#lastSend = sent.catch(() => {});
    try {
      await sent;
    } finally {
      this.#sends -= 1;
    }
  }

  async #deliver(frames: readonly Uint8Array[]): Promise<void> {
    for (const frame of frames) {
      while (this.#paused) await new Promise<void>((resolve) => (this.#resumed = resolve));
      if (this.#state !== 'open') return;
      this.#events?.frame(frame);
    }
  }

  /** Writes to the receiver; a poll ends with that. */
  #emit(receiver: ServerResponse, lines: Uint8Array): void {
    if (this.#session.streaming) receiver.write(lines);
    else this.#dismiss(receiver, lines);
  }

  /** Ends the receiver with these last lines, or with nothing where a stream needs none. */
  #dismiss(receiver: ServerResponse, lines: Uint8Array | undefined): void {
    this.#receiver = undefined;
    // One that holds nothing of ours may break without a loss.
    if (lines === nothingNew && receiver.writableLength === 0) this.#open.delete(receiver);
    if (this.#session.streaming) receiver.end(lines);
    else receiver.end(oneArrayOf(lines ?? nothingNew));
    this.#expect();
  }

  /** The network has taken a response in whole, or it broke: then what it held is lost, and with it the pipe. */
  #left(response: ServerResponse): void {
    if (!this.#open.delete(response)) return;
    if (response === this.#receiver) this.#receiver = undefined;
    if (!response.writableFinished) this.destroy();
    else if (this.#state === 'open') this.#events?.drain();
    else this.#lastWords();
  }

  #lastWords(): void {
    if (this.#receiver !== undefined) this.#dismiss(this.#receiver, undefined);
    if (this.#open.size === 0 && this.#keptBytes === 0) this.#end();
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#cancelTimer?.();
    this.#kept = [];
    this.#keptBytes = 0;
    this.resume();
    this.#session.ended(this);
    setImmediate(() => this.#events?.closed());
  }

  /** Sets the time by which something must have happened: the receiver ends, or the next one comes. */
  #expect(): void {
    if (this.#state === 'ended') return;
    const { holdMs, absenceMs } = this.#session;
    const receiver = this.#receiver;
    this.#cancelTimer =
      receiver === undefined
        ? this.#timer(absenceMs, () => this.destroy())
        : this.#timer(holdMs, () => this.#dismiss(receiver, this.#session.streaming ? undefined : nothingNew));
  }

  #timer(ms: number, run: () => void): () => void {
    this.#cancelTimer?.();
    return this.#session.clock.after(ms, run);
  }
}
