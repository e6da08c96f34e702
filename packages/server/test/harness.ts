import { Capability } from '@parvis/auth';
import { Action, codecs, type ErrorShape, type Format, type ProtocolMessage } from '@parvis/protocol';
import { createFakeClock, type FakeClock } from '@parvis/testing';
import type { Apps } from '../src/access/app.ts';
import { appFromKeys, createApps, type KeyOptions } from '../src/access/apps.ts';
import { createAuthenticator } from '../src/access/authenticator.ts';
import { RevocationFeed } from '../src/channel/revocationFeed.ts';
import type { Engine } from '../src/engine/engine.ts';
import { createLocalEngine, createMemoryStore } from '../src/engine/index.ts';
import { defaultLimits, type Limits } from '../src/limits.ts';
import { Node } from '../src/node.ts';
import { createLog, type Log } from '../src/observe/log.ts';
import { type Meter, silentMeter } from '../src/observe/meter.ts';
import type { Transport, TransportEvents, Wire } from '../src/transport/transport.ts';

/** Keys of the test app: everything, and nothing but subscribe. */
export const fullKey = 'app.full:full-secret-full-secret-full-secret';
export const readKey = 'app.read:read-secret-read-secret-read-secret';
/** Of the test app, too: its tokens can be revoked. */
export const revocableKey = 'app.revocable:revo-secret-revo-secret-revo-secret';
/** Key of another app, with the same rights. */
export const otherKey = 'other.full:othr-secret-othr-secret-othr-secret';

/** A pipe of the harness: each frame with its length before it, so that frames back to back come apart again. */
const wires: Readonly<Record<Format, Wire>> = {
  json: { slot: 5, format: 'json', wrap: framed },
  msgpack: { slot: 6, format: 'msgpack', wrap: framed },
};

function framed(payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(4 + payload.length);
  bytes.writeUInt32BE(payload.length);
  bytes.set(payload, 4);
  return bytes;
}

/** What a harness may be made with. */
export interface HarnessOptions {
  /** More keys of the test app. */
  readonly keys?: readonly KeyOptions[];
  readonly limits?: Partial<Limits>;
  readonly engine?: (clock: FakeClock) => Engine;
  readonly log?: Log;
  readonly meter?: Meter;
}

/** A node without sockets, on a clock that stands still, and clients that speak the protocol to it frame by frame. */
export class Harness {
  readonly clock: FakeClock;
  readonly engine: Engine;
  readonly apps: Apps;
  readonly revocations: RevocationFeed;
  readonly node: Node;

  constructor(options: HarnessOptions = {}) {
    this.clock = createFakeClock();
    this.engine = options.engine?.(this.clock) ?? createLocalEngine({ store: createMemoryStore(), clock: this.clock });
    const apps = createApps([
      appFromKeys(
        [
          { key: fullKey, capability: Capability.all },
          { key: readKey, capability: Capability.parse({ '*': ['subscribe'] }) },
          { key: revocableKey, revocableTokens: true },
          ...(options.keys ?? []),
        ],
        {
          namespaces: [
            { id: 'mutable', mutableMessages: true },
            { id: 'batched', batchingInterval: 50 },
            { id: 'conflated', conflationInterval: 50, conflationKey: 'headers.market' },
          ],
        },
      ),
      appFromKeys([{ key: otherKey, capability: Capability.all }]),
    ]);
    this.apps = apps;
    const report = (failure: unknown) => {
      throw failure;
    };
    this.revocations = new RevocationFeed({ apps, engine: this.engine, clock: this.clock, report });
    this.node = new Node({
      apps,
      authenticator: createAuthenticator({ apps, clock: this.clock, revocations: this.revocations }),
      revocations: this.revocations,
      engine: this.engine,
      clock: this.clock,
      limits: { ...defaultLimits, ...options.limits },
      log: options.log ?? createLog('silent'),
      meter: options.meter ?? silentMeter,
      serverId: 'test',
      testHooks: true,
    });
  }

  /** Opens a connection with the full key, unless the query has other credentials; the first message is its answer. */
  connect(query: Record<string, string> = {}): TestClient {
    const client = new TestClient(query.format === 'msgpack' ? 'msgpack' : 'json');
    const credentials = 'access_token' in query ? {} : { key: fullKey };
    this.node.accept(client.transport, new URLSearchParams({ ...credentials, v: '6', ...query }), true);
    return client;
  }

  /** Lets everything that waits for promises and for the end of the turn happen. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** The far end of a pipe: sends frames, keeps those it gets. */
export class TestClient {
  readonly received: ProtocolMessage[] = [];
  readonly transport: FakeTransport;
  msgSerial = 0;

  constructor(format: Format = 'json') {
    this.transport = new FakeTransport((message) => this.received.push(message), format);
  }

  send(message: ProtocolMessage): void {
    this.sendRaw(codecs[this.transport.wire.format].encode(message));
  }

  /** Sends text or bytes as they are, as one frame. */
  sendRaw(frame: string | Uint8Array): void {
    this.transport.events?.frame(typeof frame === 'string' ? Buffer.from(frame) : frame);
  }

  attach(channel: string, more: Partial<ProtocolMessage> = {}): void {
    this.send({ action: Action.ATTACH, channel, ...more });
  }

  publish(channel: string, ...messages: NonNullable<ProtocolMessage['messages']>): void {
    this.send({ action: Action.MESSAGE, channel, msgSerial: this.msgSerial++, messages });
  }

  presence(channel: string, ...presence: NonNullable<ProtocolMessage['presence']>): void {
    this.send({ action: Action.PRESENCE, channel, msgSerial: this.msgSerial++, presence });
  }

  /** The network breaks. */
  cut(): void {
    this.transport.events?.closed();
  }

  /** Messages with this action, in order of arrival. */
  all(action: number): ProtocolMessage[] {
    return this.received.filter((message) => message.action === action);
  }

  /** The only message with this action; fails if there are none or several. */
  one(action: number): ProtocolMessage {
    const [message, ...rest] = this.all(action);
    if (message === undefined || rest.length > 0) {
      throw new Error(`expected one message with action ${action}, got ${JSON.stringify(this.received)}`);
    }
    return message;
  }

  /** The error of the only message with this action. */
  error(action: number): ErrorShape {
    const { error } = this.one(action);
    if (error === undefined) throw new Error('the message carries no error');
    return error;
  }

  /** Forgets what has arrived. */
  clear(): void {
    this.received.length = 0;
  }

  get connectionKey(): string {
    return this.one(Action.CONNECTED).connectionDetails?.connectionKey ?? '';
  }

  get connectionId(): string {
    return this.one(Action.CONNECTED).connectionId ?? '';
  }
}

/** A pipe whose network takes as much as the test says. */
export class FakeTransport implements Transport {
  readonly wire: Wire;
  readonly remote = 'test';
  readonly ping = undefined;
  backlog = 0;
  /** While true, what is written counts as backlog and does not arrive. */
  stalled = false;
  ended = false;
  paused = false;
  writes = 0;
  events: TransportEvents | undefined;
  readonly #deliver: (message: ProtocolMessage) => void;
  #waiting: Uint8Array[] = [];

  constructor(deliver: (message: ProtocolMessage) => void, format: Format = 'json') {
    this.#deliver = deliver;
    this.wire = wires[format];
  }

  listen(events: TransportEvents): void {
    this.events = events;
  }

  write(bytes: Uint8Array): void {
    if (this.ended) return;
    this.writes += 1;
    if (this.stalled) {
      this.backlog += bytes.length;
      this.#waiting.push(bytes);
    } else {
      this.#arrive(bytes);
    }
  }

  /** The client reads again. */
  flow(): void {
    this.stalled = false;
    this.backlog = 0;
    for (const bytes of this.#waiting.splice(0)) this.#arrive(bytes);
    this.events?.drain();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  close(): void {
    this.ended = true;
    queueMicrotask(() => this.events?.closed());
  }

  #arrive(bytes: Uint8Array): void {
    const frames = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < frames.length; ) {
      const end = at + 4 + frames.readUInt32BE(at);
      this.#deliver(codecs[this.wire.format].decode(frames.subarray(at + 4, end)));
      at = end;
    }
  }
}
