import type { Frame } from '../channel/frame.ts';
import type { Transport } from '../transport/transport.ts';
import { Conflater } from './conflater.ts';
import type { Flusher } from './flusher.ts';

/** Bytes that may wait for one client: past `soft` presence and cursors are conflated, past `hard` it is given up. */
export interface BacklogLimits {
  readonly soft: number;
  readonly hard: number;
}

/**
 * Everything on its way to one client, in one order. Frames pushed in one turn of the event loop leave in one write at
 * its end; the bytes of a frame are shared with every other client that gets it.
 */
export class Outbox {
  readonly transport: Transport;
  /** When something was last written, ms: keepalives fill the silence. */
  lastWrite = 0;
  readonly #flusher: Flusher;
  readonly #limits: BacklogLimits;
  readonly #overflow: () => void;
  /** What is in line: mostly one buffer, and then no list is made for it. */
  #first: Buffer | undefined;
  #all: Buffer[] | undefined;
  #queued = 0;
  #dirty = false;
  #conflater: Conflater | undefined;
  #calming: (() => void)[] | undefined;
  #ended = false;

  constructor(transport: Transport, flusher: Flusher, limits: BacklogLimits, overflow: () => void) {
    this.transport = transport;
    this.#flusher = flusher;
    this.#limits = limits;
    this.#overflow = overflow;
  }

  /** Puts a frame in line. For a client over the soft limit, one that can be conflated waits beside the line. */
  push(frame: Frame): void {
    if (this.#conflater !== undefined) {
      if (frame.conflation !== undefined) {
        if (!this.#ended && this.#conflater.hold(frame) > this.#limits.hard) this.#giveUp();
        return;
      }
      this.#releaseChannel(frame.message.channel);
    }
    this.pushBytes(frame.bytes(this.transport.wire));
  }

  /** Puts bytes in line that are whole frames of this transport already. */
  pushBytes(bytes: Buffer): void {
    if (this.#ended) return;
    this.#enqueue(bytes);
    if (!this.#dirty) {
      this.#dirty = true;
      this.#flusher.mark(this);
    }
  }

  /** Puts a frame in line that may wait a few ms for others to leave with it. */
  pushUnhurried(frame: Frame): void {
    if (this.#ended) return;
    if (this.#first === undefined) this.#flusher.markUnhurried(this);
    this.#enqueue(frame.bytes(this.transport.wire));
  }

  /** Writes what is in line; called by the flusher at the end of the turn, or before an orderly end. Time in ms. */
  flush(now: number): void {
    this.#dirty = false;
    if (this.#first === undefined) return;
    if (this.#queued + this.transport.backlog > this.#limits.hard) {
      this.#giveUp();
      return;
    }
    this.lastWrite = now;
    this.#write();
    if (this.transport.backlog > this.#limits.soft) this.#conflater ??= new Conflater();
    else if (this.#conflater === undefined) this.#calmed();
  }

  /** Resolves when the client has caught up: at once unless it is over the soft limit. */
  calm(): Promise<void> {
    return this.calmed() ?? Promise.resolve();
  }

  /** Settles when the client has caught up; undefined if it has. */
  calmed(): Promise<void> | undefined {
    if (this.#conflater === undefined && this.#queued <= this.#limits.soft) return undefined;
    return new Promise((resolve) => {
      this.#calming ??= [];
      this.#calming.push(resolve);
    });
  }

  /** The network took what was waiting: what was held back follows, and conflation ends. */
  drained(): void {
    const held = this.#conflater;
    if (held === undefined || this.transport.backlog > this.#limits.soft / 2) return;
    this.#conflater = undefined;
    for (const frame of held.release()) this.push(frame);
    this.#calmed();
  }

  /** Bytes waiting here or in the transport. */
  get backlog(): number {
    return this.#queued + this.transport.backlog + (this.#conflater?.size ?? 0);
  }

  /** Writes the rest and ends the transport; nothing is taken from here on. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    // Who is given up is to learn why, however much waits: what is in line now is little more than that.
    this.#write();
    this.#conflater = undefined;
    this.#calmed();
    this.transport.close();
  }

  #enqueue(bytes: Buffer): void {
    this.#queued += bytes.length;
    if (this.#first === undefined) this.#first = bytes;
    else if (this.#all === undefined) this.#all = [this.#first, bytes];
    else this.#all.push(bytes);
  }

  #write(): void {
    const first = this.#first;
    if (first === undefined) return;
    const bytes = this.#all === undefined ? first : this.#flusher.join(this.#all);
    this.#clear();
    this.transport.write(bytes);
  }

  #clear(): void {
    this.#first = undefined;
    this.#all = undefined;
    this.#queued = 0;
  }

  #calmed(): void {
    const calming = this.#calming;
    if (calming === undefined) return;
    this.#calming = undefined;
    for (const resolve of calming) resolve();
  }

  #releaseChannel(channel: string | undefined): void {
    if (channel === undefined) return;
    for (const frame of this.#conflater?.releaseChannel(channel) ?? []) {
      this.pushBytes(frame.bytes(this.transport.wire));
    }
  }

  #giveUp(): void {
    this.#clear();
    this.#conflater = undefined;
    if (!this.#ended) this.#overflow();
  }
}
