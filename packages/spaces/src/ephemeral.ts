import { type ChannelPort, type MessageLike, quit, type SpacesClient, use } from './client.ts';
import { EventEmitter } from './emitter.ts';
import { errors } from './errors.ts';
import { isObject, toJson } from './json.ts';
import type { Space } from './space.ts';
import type { SpaceTypes } from './types.ts';
import { eventsChannel } from './wire.ts';

/** Something that a member did and that nobody keeps. */
export interface EphemeralEvent<D = unknown> {
  readonly clientId: string;
  readonly connectionId: string;
  readonly data: D;
}

/** Options of {@link Ephemeral}. */
export interface EphemeralOptions {
  /** How many messages a second in the long run. Default 10. */
  ratePerSecond?: number;
  /** How many at once after a pause. Default 20. */
  burst?: number;
  /** ms; default `Date.now`. */
  now?: () => number;
}

type EventsOf<E> = { [K in keyof E]: EphemeralEvent<E[K]> };

const MESSAGE = 'event';

/**
 * Reactions, chat at the cursor, typing: messages of the channel `<name>::$events`, to those who are there, at most
 * once and never stored. Own ones come back too. Ends with the space.
 *
 * @example
 * const events = new Ephemeral<{ reaction: string }>(space);
 * events.subscribe('reaction', ({ clientId, data }) => console.log(clientId, data));
 * await events.send('reaction', '👏');
 */
export class Ephemeral<E = Record<string, unknown>, T extends SpaceTypes = SpaceTypes> extends EventEmitter<
  EventsOf<E>
> {
  readonly channel: ChannelPort;
  readonly #space: Space<T, SpacesClient>;
  readonly #options: Required<EphemeralOptions>;
  readonly #undo: () => void;
  #isListening = false;
  #isDisposed = false;
  #tokens: number;
  #filledAt: number;

  constructor(
    space: Space<T, SpacesClient>,
    { ratePerSecond = 10, burst = 20, now = Date.now }: EphemeralOptions = {},
  ) {
    super('Ephemeral');
    this.#space = space;
    this.#options = { ratePerSecond, burst, now };
    this.#tokens = burst;
    this.#filledAt = now();
    this.channel = use(space.client.channels.get(eventsChannel(space.name)));
    this.#undo = space.subscribe('dispose', () => void this.dispose());
  }

  /**
   * Sends to all who are there. Resolves on acknowledgement. Rejects with 101001 outside the space, 42911 when there
   * are too many, and as the client does.
   */
  async send<K extends keyof E & string>(event: K, data: E[K]): Promise<void> {
    if (this.#isDisposed) throw errors.disposed(this.channel.name);
    if (!this.#space.members.self) throw errors.notEntered();
    const message = { name: MESSAGE, data: { event, data: toJson(data) }, extras: { ephemeral: true } };
    this.#spend();
    await this.channel.publish(message);
  }

  /** Detaches, and drops all listeners. Never rejects. */
  async dispose(): Promise<void> {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.#undo();
    this.off();
    this.channel.unsubscribe(MESSAGE, this.#onMessage);
    await quit(this.#space.client, this.channel, async () => {});
  }

  protected override onSubscribed(): void {
    if (this.#isListening || this.#isDisposed) return;
    this.#isListening = true;
    this.channel.subscribe(MESSAGE, this.#onMessage).catch((error) => {
      this.#isListening = false;
      this.channel.unsubscribe(MESSAGE, this.#onMessage);
      if (!this.#isDisposed) this.#space.emitNamed('error', error);
    });
  }

  protected override onDropped(): void {
    if (this.hasListeners()) return;
    this.#isListening = false;
    this.channel.unsubscribe(MESSAGE, this.#onMessage);
  }

  #spend(): void {
    const { now, ratePerSecond, burst } = this.#options;
    const at = now();
    this.#tokens = Math.min(burst, this.#tokens + ((at - this.#filledAt) / 1000) * ratePerSecond);
    this.#filledAt = at;
    if (this.#tokens < 1) throw errors.rateExceeded(this.channel.name);
    this.#tokens -= 1;
  }

  readonly #onMessage = ({ clientId, connectionId, data }: MessageLike): void => {
    if (!clientId || !connectionId || !isObject(data) || typeof data.event !== 'string') return;
    this.emit(data.event as keyof E, { clientId, connectionId, data: data.data } as EventsOf<E>[keyof E]);
  };
}
