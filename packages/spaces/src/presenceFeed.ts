import {
  type ChannelChange,
  type ChannelPort,
  type ConnectionPort,
  isGranted,
  type PresenceMessageLike,
} from './client.ts';
import { errors } from './errors.ts';

/** Who listens to a feed. */
export interface FeedListener {
  message(message: PresenceMessageLike): void;
  /** Messages may have been missed; what is known may be out of date until `synced`. */
  lost(): void;
  /** The whole presence set, as of now. */
  synced(members: readonly PresenceMessageLike[]): void;
  /** The channel is detached or failed: this connection is in no presence set any more. */
  gone(): void;
  /** The channel is attached, nothing missed or not. */
  attached?(): void;
  /** Something failed that nobody waits for. */
  failed(error: unknown): void;
}

const MAX_PULLS = 5;

/** Follows the presence of one channel, and so attaches it: each message, and the whole set whenever messages may have been missed. */
export class PresenceFeed {
  #isStale = true;
  #connectionId: string | undefined;
  #isSubscribed = false;
  #isStopped = false;
  // Counts everything that can make a list of members old while we wait for it.
  #epoch = 0;
  #pulling: Promise<void> | undefined;
  #interrupt: (reason?: unknown) => void = () => {};

  readonly #channel: ChannelPort;
  readonly #connection: ConnectionPort;
  readonly #listener: FeedListener;

  constructor(channel: ChannelPort, connection: ConnectionPort, listener: FeedListener) {
    this.#channel = channel;
    this.#connection = connection;
    this.#listener = listener;
    channel.on(this.#onChannel);
    this.#subscribe();
    if (channel.state === 'attached') this.#pullUnasked();
  }

  /** Resolves when all that the service knows is known here; attaches if need be. Rejects as the client does. */
  async synced(): Promise<void> {
    if (this.#isStopped) throw errors.disposed(this.#channel.name);
    if (!this.#isSubscribed) this.#subscribe();
    if (this.#isStale || this.#channel.state !== 'attached') await this.#pull();
    if (!isGranted(this.#channel, 'presence_subscribe')) throw errors.notPermitted('subscribe', this.#channel.name);
  }

  /** Takes its listeners off the channel, and only those. */
  stop(): void {
    this.#isStopped = true;
    this.#channel.off(this.#onChannel);
    this.#channel.presence.unsubscribe(this.#onMessage);
  }

  #subscribe(): void {
    this.#isSubscribed = true;
    this.#channel.presence.subscribe(this.#onMessage).catch((error) => {
      // Some clients keep the listener when attaching fails and some do not.
      this.#isSubscribed = false;
      this.#channel.presence.unsubscribe(this.#onMessage);
      this.#fail(error);
    });
  }

  #pull(): Promise<void> {
    this.#pulling ??= this.#pullUntilStable().finally(() => {
      this.#pulling = undefined;
    });
    return this.#pulling;
  }

  #pullUnasked(): void {
    this.synced().catch(this.#fail);
  }

  async #pullUntilStable(): Promise<void> {
    for (let pulls = 1; ; pulls++) {
      const epoch = this.#epoch;
      const members = await this.#members();
      if (this.#isStopped) return;
      if (!members || (epoch !== this.#epoch && pulls < MAX_PULLS)) continue;
      this.#isStale = false;
      return this.#listener.synced(members);
    }
  }

  /** The presence set; undefined when the channel attached anew meanwhile, for the sync waited for may never end. */
  #members(): Promise<readonly PresenceMessageLike[] | undefined> {
    return new Promise((resolve, reject) => {
      this.#interrupt = (reason) => (reason ? reject(reason) : resolve(undefined));
      this.#channel.presence.get().then(resolve, reject);
    });
  }

  readonly #fail = (error: unknown): void => {
    if (!this.#isStopped) this.#listener.failed(error);
  };

  readonly #onMessage = (message: PresenceMessageLike): void => {
    this.#epoch += 1;
    this.#listener.message(message);
  };

  readonly #onChannel = ({ current, resumed, reason }: ChannelChange): void => {
    const isGone = current === 'detached' || current === 'failed';
    // Messages may go on where they ended while our own member, under a new connection id, has to begin anew.
    const isMoved = this.#connectionId !== this.#connection.id;
    const isLost = current === 'attached' && (this.#isStale || !resumed || isMoved);
    if (isGone || isLost) {
      this.#isStale = true;
      this.#epoch += 1;
      this.#interrupt(isGone ? (reason ?? errors.detached(this.#channel.name)) : undefined);
    }
    if (isGone) this.#listener.gone();
    if (isLost) {
      this.#connectionId = this.#connection.id;
      this.#listener.lost();
      this.#pullUnasked();
    }
    if (current === 'attached') this.#listener.attached?.();
  };
}
