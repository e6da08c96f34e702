import {
  Action,
  type Extras,
  type Format,
  type Message,
  Mode,
  type PresenceMessage,
  type ProtocolMessage,
} from '@parvis/protocol';
import type { SeededRandom } from '@parvis/testing';
import type { Harness, TestClient } from '../../packages/server/test/harness.ts';

/** What an actor may show, and what it may talk about. */
export interface World {
  readonly harness: Harness;
  readonly random: SeededRandom;
  readonly format: Format;
  /** Queries with credentials of all kinds, good and bad. */
  readonly credentials: readonly [Record<string, string>, ...Record<string, string>[]];
  /** Tokens for AUTH: of the right client and of others, wide and narrow, long and short. */
  readonly tokens: readonly [string, ...string[]];
}

/** Names of channels that everybody uses, of each kind that has rules of its own. */
export const channels: readonly [string, ...string[]] = [
  'room',
  ...Array.from({ length: 6 }, (_, i) => `room:${i}`),
  'team::$space',
  'team::$cursors',
  'other::$space',
  '__proto__',
  'ünïcödé ☃',
];
const oddNames: readonly [string, ...string[]] = ['', ':', '[odd]', 'two\nlines', '..', 'x'.repeat(3_000), '[meta]log'];

/**
 * A client that does what clients do, in states in which they do it: it connects, attaches, publishes, enters, renews its
 * token, closes, breaks off and resumes. `next` says what it would send now.
 */
export class Actor {
  readonly #world: World;
  readonly #attached = new Set<string>();
  readonly #positions = new Map<string, string>();
  client!: TestClient;
  /** Legal frames that are to come before the first bad one: each connection gets into another state. */
  #warmUp = 0;
  #isConnected = false;
  #query: Record<string, string> = {};
  #key: string | undefined;
  #ids: string[] = [];

  /** One that is spotless sends no bad frames, and so gets further. */
  readonly #isSpotless: boolean;

  constructor(world: World, isSpotless: boolean) {
    this.#world = world;
    this.#isSpotless = isSpotless;
    this.connect();
  }

  get isGone(): boolean {
    return this.client.transport.ended;
  }

  /** Whether it knows that it is connected; clients send nothing before. */
  get isConnected(): boolean {
    return this.#isConnected && !this.isGone;
  }

  /** Whether it is in the state in which bad frames are to be tried. */
  get isWarm(): boolean {
    return !this.#isSpotless && this.#warmUp <= 0;
  }

  /** Connects anew: mostly by going on from the connection before, if it had one. */
  connect(): void {
    const { harness, random, format, credentials } = this.#world;
    const options: Record<string, string> = { format };
    if (random.below(8) === 0) options.echo = 'false';
    if (random.below(8) === 0) options.heartbeats = 'true';
    if (random.below(8) === 0) options.remainPresentFor = random.pick(['0', '1000', '5000', 'x']);
    if (random.below(100) === 0) options.v = random.pick(['', '1', '99']);
    if (random.below(60) === 0) options.agent = 'ably-js/2.28.0 spaces/0.5.2';
    if (this.#key !== undefined && random.below(4) > 0) {
      const forged = random.below(10) === 0;
      options[random.pick(['resume', 'recover'])] = forged ? random.pick(['x', `${this.#key}x`, '!!!']) : this.#key;
    } else {
      this.#query = random.pick(credentials);
      this.#attached.clear();
    }
    this.#key = undefined;
    this.#warmUp = random.below(4);
    this.#isConnected = false;
    this.client = harness.connect({ ...this.#query, ...options });
  }

  /** The connection breaks without a word. */
  cut(): void {
    this.client.transport.ended = true;
    this.client.cut();
  }

  /** Stops taking what is sent to it, or takes all that has waited. */
  stopOrGoOnReading(): void {
    const { transport } = this.client;
    if (transport.stalled) transport.flow();
    else transport.stalled = true;
  }

  /** Takes in what came, as a client does. */
  hear(message: ProtocolMessage): void {
    const { action, channel, channelSerial, connectionDetails } = message;
    if (action === Action.CONNECTED) {
      this.#key = connectionDetails?.connectionKey;
      this.#isConnected = true;
    }
    if (channel === undefined) return;
    if (action === Action.DETACHED || action === Action.ERROR) this.#attached.delete(channel);
    if (channelSerial !== undefined && action !== Action.SYNC) this.#positions.set(channel, channelSerial);
    for (const { id } of message.presence ?? []) if (id !== undefined) this.#ids = [...this.#ids.slice(-4), id];
  }

  /** A frame that a client might send now. */
  next(): ProtocolMessage {
    this.#warmUp -= 1;
    const dice = this.#world.random.below(100);
    if (dice < 18 || this.#attached.size === 0) return this.#attach();
    if (dice < 50)
      return {
        action: Action.MESSAGE,
        channel: this.#channel(),
        msgSerial: this.#serial(),
        messages: this.#messages(),
      };
    if (dice < 72) return this.#presence();
    if (dice < 76) return { action: Action.SYNC, channel: this.#channel() };
    if (dice < 80) return { action: Action.DETACH, channel: this.#channel() };
    if (dice < 84) return { action: Action.AUTH, auth: { accessToken: this.#world.random.pick(this.#world.tokens) } };
    if (dice < 92) return { action: Action.HEARTBEAT, ...(dice < 88 ? { id: String(dice) } : {}) };
    if (dice < 95) return { action: Action.ANNOTATION, channel: this.#channel(), msgSerial: this.#serial() };
    if (dice < 97) return { action: Action.OBJECT, channel: this.#channel(), msgSerial: this.#serial() };
    if (dice < 98) return { action: 22 + this.#world.random.below(200) };
    return { action: dice < 99 ? Action.CLOSE : Action.DISCONNECT };
  }

  #attach(): ProtocolMessage {
    const { random } = this.#world;
    const name = random.below(20) === 0 ? random.pick(oddNames) : random.pick(channels);
    // Clients publish while they attach.
    this.#attached.add(name);
    const frame: ProtocolMessage = { action: Action.ATTACH, channel: name };
    const position = this.#positions.get(random.below(4) > 0 ? name : random.pick(channels));
    if (position !== undefined && random.below(2) === 0) frame.channelSerial = position;
    if (random.below(4) === 0)
      frame.flags = random.pick([Mode.SUBSCRIBE, Mode.PRESENCE, Mode.PUBLISH | Mode.SUBSCRIBE, 32]);
    if (random.below(4) === 0) {
      frame.params = random.pick<Record<string, string>>([
        { rewind: '5' },
        { rewind: '30s', rewindLimit: '3' },
        { rewind: '99y' },
        { modes: 'subscribe,presence_subscribe' },
        { modes: 'annotation_subscribe,root' },
        { echo: 'false', delta: 'vcdiff' },
      ]);
    }
    return frame;
  }

  #presence(): ProtocolMessage {
    const { random } = this.#world;
    const presence: PresenceMessage[] = Array.from({ length: 1 + random.below(3) }, () => ({
      action: 2 + random.below(3),
      ...this.#content(),
      ...(random.below(6) === 0 && this.#ids.length > 0 ? { id: this.#ids[random.below(this.#ids.length)] ?? '' } : {}),
    }));
    return { action: Action.PRESENCE, channel: this.#channel(), msgSerial: this.#serial(), presence };
  }

  #messages(): Message[] {
    const { random } = this.#world;
    const ids = random.below(6) === 0 ? `id-${random.below(50)}` : undefined;
    const count = 1 + (random.below(4) === 0 ? random.below(5) : 0);
    return Array.from({ length: count }, (_, i) => ({
      ...this.#content(),
      ...(random.below(2) === 0 ? { name: random.pick(['', 'event', 'cursorUpdate', '☃']) } : {}),
      ...(ids === undefined ? {} : { id: count === 1 ? ids : `${ids}:${i}` }),
    }));
  }

  #content(): Message {
    const { random } = this.#world;
    const content: Message = {};
    const kind = random.below(6);
    if (kind === 0) content.data = Uint8Array.from({ length: random.below(40) }, () => random.below(256));
    else if (kind === 1) Object.assign(content, { data: '{"a":[1,{"b":null}]}', encoding: 'json' });
    else if (kind < 5) content.data = 'text '.repeat(random.below(8));
    if (random.below(4) === 0) content.extras = this.#extras();
    if (random.below(20) === 0) content.clientId = random.pick(['ada', 'bob', '*', '']);
    return content;
  }

  #extras(): Extras {
    const { random } = this.#world;
    return random.pick<Extras>([
      { headers: { key: 'value', n: 1, b: true, nothing: null } },
      { locks: [{ id: 'lock', status: 'pending', timestamp: 1 }] },
      { ephemeral: true },
      { delta: { from: 'x' } },
      { userClaim: 'forged' },
      {},
    ]);
  }

  /** Mostly one that it is attached to. */
  #channel(): string {
    const { random } = this.#world;
    const own = [...this.#attached];
    return random.below(12) === 0 ? random.pick(channels) : (own[random.below(own.length)] ?? 'room');
  }

  #serial(): number {
    return this.client.msgSerial++;
  }
}
