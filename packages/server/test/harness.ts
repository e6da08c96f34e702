import { Capability } from '@parvis/auth';
import { Action, codecs, type ErrorShape, type ProtocolMessage } from '@parvis/protocol';
import { createFakeClock, type FakeClock } from '@parvis/testing';
import { appFromKeys, createApps } from '../src/access/apps.ts';
import { createAuthenticator } from '../src/access/authenticator.ts';
import type { Engine } from '../src/engine/engine.ts';
import { createLocalEngine, createMemoryStore } from '../src/engine/index.ts';
import { defaultLimits, type Limits } from '../src/limits.ts';
import { Node } from '../src/node.ts';
import { createLog } from '../src/observe/log.ts';
import { silentMeter } from '../src/observe/meter.ts';
import type { Transport, TransportEvents, Wire } from '../src/transport/transport.ts';

/** Keys of the test app: everything, and nothing but subscribe. */
export const fullKey = 'app.full:full-secret-full-secret-full-secret';
export const readKey = 'app.read:read-secret-read-secret-read-secret';
/** Key of another app, with the same rights. */
export const otherKey = 'other.full:othr-secret-othr-secret-othr-secret';

const jsonWire: Wire = { slot: 5, format: 'json', wrap: (payload) => Buffer.from(payload) };

/** A node without sockets, on a clock that stands still, and clients that speak the protocol to it frame by frame. */
export class Harness {
  readonly clock: FakeClock;
  readonly engine: Engine;
  readonly node: Node;

  constructor(options: { limits?: Partial<Limits>; engine?: (clock: FakeClock) => Engine } = {}) {
    this.clock = createFakeClock();
    this.engine = options.engine?.(this.clock) ?? createLocalEngine({ store: createMemoryStore(), clock: this.clock });
    const apps = createApps([
      appFromKeys([
        { key: fullKey, capability: Capability.all },
        { key: readKey, capability: Capability.parse({ '*': ['subscribe'] }) },
      ]),
      appFromKeys([{ key: otherKey, capability: Capability.all }]),
    ]);
    this.node = new Node({
      apps,
      authenticator: createAuthenticator({ apps, clock: this.clock }),
      engine: this.engine,
      clock: this.clock,
      limits: { ...defaultLimits, ...options.limits },
      log: createLog('silent'),
      meter: silentMeter,
      serverId: 'test',
      testHooks: true,
    });
  }

  /** Opens a connection; the first message is its answer. */
  connect(query: Record<string, string> = {}): TestClient {
    const client = new TestClient();
    this.node.accept(client.transport, new URLSearchParams({ key: fullKey, v: '6', ...query }), true);
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

  constructor() {
    this.transport = new FakeTransport((message) => this.received.push(message));
  }

  send(message: ProtocolMessage): void {
    this.transport.events?.frame(codecs.json.encode(message));
  }

  /** Sends text as it is. */
  sendRaw(text: string): void {
    this.transport.events?.frame(Buffer.from(text));
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
  readonly wire = jsonWire;
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

  constructor(deliver: (message: ProtocolMessage) => void) {
    this.#deliver = deliver;
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

  /** Frames stand back to back; each is one JSON object on our wire. */
  #arrive(bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString('utf8');
    for (const frame of splitObjects(text)) this.#deliver(codecs.json.decode(Buffer.from(frame)));
  }
}

function splitObjects(text: string): string[] {
  const objects: string[] = [];
  let depth = 0;
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === '\\') at += 1;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{') {
      if (depth++ === 0) start = at;
    } else if (char === '}' && --depth === 0) objects.push(text.slice(start, at + 1));
  }
  return objects;
}
