import { connect, createServer, type Server, type Socket } from 'node:net';
import { codecs, type Format, type ProtocolMessage } from '@parvis/protocol';

/** A protocol message on its way, and which connection of the proxy (from 0) it is on. */
export interface Passing {
  readonly direction: 'up' | 'down';
  readonly message: ProtocolMessage;
  readonly link: number;
}

/**
 * What becomes of a message: it passes; or the connection breaks before it, in the middle of its bytes, or right after
 * the far side was given all of it.
 */
export type Verdict = 'pass' | 'cutBefore' | 'cutInside' | 'cutAfter';

/** A way to a server on which each protocol message is looked at, and that breaks at exactly the message a test wants. */
export class FrameProxy {
  /** Asked for each message, in order. */
  watch: ((passing: Passing) => Verdict) | undefined;
  /** While true, new connections are refused at once. */
  refusing = false;
  /** Connections that were cut by a verdict. */
  cuts = 0;
  readonly #server: Server;
  readonly #links = new Set<Link>();
  #count = 0;

  private constructor(targetPort: number) {
    this.#server = createServer((client) => {
      if (this.refusing) client.destroy();
      else this.#open(client, targetPort);
    });
  }

  static async to(targetPort: number): Promise<FrameProxy> {
    const proxy = new FrameProxy(targetPort);
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** Breaks all that is open. */
  cut(): void {
    for (const link of this.#links) link.destroy();
  }

  close(): Promise<void> {
    this.cut();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #open(client: Socket, targetPort: number): void {
    const index = this.#count++;
    const link = new Link(client, connect(targetPort, '127.0.0.1'), (direction, message) => {
      const verdict = this.watch?.({ direction, message, link: index }) ?? 'pass';
      if (verdict !== 'pass') this.cuts += 1;
      return verdict;
    });
    this.#links.add(link);
    client.on('close', () => this.#links.delete(link));
  }
}

/** One client's pair of sockets. */
class Link {
  readonly #client: Socket;
  readonly #upstream: Socket;
  #format: Format = 'json';
  #isCut = false;

  constructor(
    client: Socket,
    upstream: Socket,
    judge: (direction: 'up' | 'down', message: ProtocolMessage) => Verdict,
  ) {
    this.#client = client;
    this.#upstream = upstream;
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => this.destroy());
    }
    const relay = (direction: 'up' | 'down', from: Socket, to: Socket) => {
      const splitter = new Splitter((head) => {
        if (direction === 'up' && /[?&]format=msgpack/.test(head)) this.#format = 'msgpack';
      });
      from.on('data', (bytes) => {
        for (const part of splitter.take(bytes)) {
          if (this.#isCut) return;
          const message = part.payload === undefined ? undefined : codecs[this.#format].decode(part.payload);
          const verdict = message === undefined ? 'pass' : judge(direction, message);
          if (verdict === 'pass') to.write(part.bytes);
          else this.#cut(from, to, part.bytes, verdict);
        }
      });
    };
    relay('up', client, upstream);
    relay('down', upstream, client);
  }

  destroy(): void {
    this.#isCut = true;
    this.#client.destroy();
    this.#upstream.destroy();
  }

  /** The side that sent is cut off at once. The other gets what the verdict leaves it, then the end of the stream. */
  #cut(from: Socket, to: Socket, bytes: Buffer, verdict: Verdict): void {
    this.#isCut = true;
    from.removeAllListeners('close');
    from.destroy();
    const rest = verdict === 'cutAfter' ? bytes : bytes.subarray(0, verdict === 'cutInside' ? bytes.length >> 1 : 0);
    to.end(rest);
    // Whatever it says now is lost on the way.
    to.resume();
  }
}

interface Part {
  readonly bytes: Buffer;
  /** Unmasked payload of a text or binary frame. */
  readonly payload: Buffer | undefined;
}

/** Takes a stream of one direction apart: the HTTP head, then WebSocket frames, each whole. */
class Splitter {
  readonly #onHead: (head: string) => void;
  #rest: Buffer = Buffer.alloc(0);
  #isHead = true;

  constructor(onHead: (head: string) => void) {
    this.#onHead = onHead;
  }

  *take(bytes: Buffer): Generator<Part> {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (let part = this.#next(); part !== undefined; part = this.#next()) {
      this.#rest = this.#rest.subarray(part.bytes.length);
      yield part;
    }
  }

  #next(): Part | undefined {
    if (this.#isHead) return this.#head();
    const bytes = this.#rest;
    if (bytes.length < 2) return undefined;
    const masked = bytes.readUInt8(1) >> 7;
    const short = bytes.readUInt8(1) & 0x7f;
    const start = 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + masked * 4;
    if (bytes.length < start) return undefined;
    const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
    if (bytes.length < start + length) return undefined;
    const whole = bytes.subarray(0, start + length);
    const opcode = bytes.readUInt8(0) & 0x0f;
    return { bytes: whole, payload: opcode === 1 || opcode === 2 ? unmasked(whole, start, masked === 1) : undefined };
  }

  #head(): Part | undefined {
    const end = this.#rest.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    this.#isHead = false;
    const bytes = this.#rest.subarray(0, end + 4);
    this.#onHead(bytes.toString('latin1'));
    return { bytes, payload: undefined };
  }
}

function unmasked(frame: Buffer, start: number, masked: boolean): Buffer {
  const payload = Buffer.from(frame.subarray(start));
  if (!masked) return payload;
  for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ (frame[start - 4 + (i & 3)] ?? 0);
  return payload;
}
