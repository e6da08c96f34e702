import {
  type ChannelOf,
  type ChannelPort,
  isGranted,
  type MessageLike,
  quit,
  type SpacesClient,
  use,
} from './client.ts';
import { type CursorBatch, cursorBatch } from './cursorBatch.ts';
import { lastCursors } from './cursorHistory.ts';
import { cursorReplay } from './cursorReplay.ts';
import { EventEmitter } from './emitter.ts';
import { errors } from './errors.ts';
import { PresenceFeed } from './presenceFeed.ts';
import type { SpaceCore } from './spaceCore.ts';
import type { CursorsOptions, CursorUpdate, SpaceTypes } from './types.ts';
import {
  CURSOR_EVENT,
  type CursorPoint,
  composeKeyed,
  cursorEvent,
  cursorsChannel,
  memberKey,
  OWN_KEY,
  parseCursors,
} from './wire.ts';

/** Events of `space.cursors`. Own positions come back too; tell them by `connectionId`. */
export interface CursorsEventMap<T extends SpaceTypes = SpaceTypes> {
  update: CursorUpdate<T>;
}

/** Events of `space.cursors` that reach only those who name them. */
export interface CursorsNamedEventMap {
  /** A cursor message as it came, not replayed at the pace of its sender. */
  message: MessageLike;
}

/** What `cursors.set` takes. A cursor with a `key` (caret, tool, or one per surface) is one of its own; without, the default one. */
export type CursorToSet<T extends SpaceTypes = SpaceTypes> = Pick<CursorUpdate<T>, 'position' | 'data'> & {
  key?: string | undefined;
};

/**
 * Live cursors. The first use attaches a channel of their own and enters its presence, for members send only while
 * somebody else is there.
 */
export class Cursors<T extends SpaceTypes = SpaceTypes, C extends SpacesClient = SpacesClient> extends EventEmitter<
  CursorsEventMap<T>,
  CursorsNamedEventMap
> {
  #port: ChannelPort | undefined;
  #feed: PresenceFeed | undefined;
  #entering: Promise<unknown> | undefined;
  readonly #present = new Set<string>();
  #isListening = false;
  #isWanted = false;
  #isSender = false;
  #isHidden = false;
  #last: CursorPoint['cursor'] | undefined;
  readonly #batches = new Map<string | undefined, CursorBatch>();
  readonly #replay = cursorReplay((update) => this.emit('update', update as CursorUpdate<T>));

  readonly #core: SpaceCore;
  readonly #failed: (error: unknown) => void;

  /** @internal */
  constructor(
    core: SpaceCore,
    readonly options: CursorsOptions,
    failed: (error: unknown) => void,
  ) {
    super('Cursors');
    this.#core = core;
    this.#failed = failed;
  }

  /** The cursors channel; undefined until the first use. */
  get channel(): ChannelOf<C> | undefined {
    return this.#port as ChannelOf<C> | undefined;
  }

  /**
   * Sends this client's position to the others. Rejects with 101001 outside the space. A position that goes out at once
   * resolves on acknowledgement, others when they are taken; a rejection that nobody handles is no unhandled one.
   */
  set(cursor: CursorToSet<T>): Promise<void> {
    const done = this.#send(cursor);
    // Called for every move of the mouse, mostly without looking at the outcome.
    done.catch(() => {});
    return done;
  }

  /** Keeps this client's cursors to itself, or shows them again: then the last position of each is sent. */
  hide(isHidden = true): void {
    this.#isHidden = isHidden;
    this.#wake();
  }

  /** The last position of each connection in the cursors presence, from history; null where there is none. */
  async getAll(): Promise<Record<string, CursorUpdate<T> | null>> {
    const channel = this.#open();
    await this.#entering;
    await this.#feed?.synced();
    const members = await channel.presence.get();
    const ids = [...new Set(members.map(({ connectionId }) => connectionId))];
    const found = await lastCursors(channel, ids, this.options.paginationLimit);
    return Object.fromEntries(found) as Record<string, CursorUpdate<T> | null>;
  }

  /** This client's last position, or null. */
  async getSelf(): Promise<CursorUpdate<T> | null> {
    if (!this.#core.ownOrNull) return null;
    return (await this.getAll())[this.#core.client.connection.id ?? ''] ?? null;
  }

  /** The last positions of other connections; none when this client is not in the space. */
  async getOthers(): Promise<Record<string, CursorUpdate<T> | null>> {
    if (!this.#core.ownOrNull) return {};
    const all = Object.entries(await this.getAll());
    return Object.fromEntries(all.filter(([connectionId]) => !this.#core.isOwn(connectionId)));
  }

  /** @internal Leaves the cursors presence, so that nobody sends for our sake. */
  async leave(): Promise<void> {
    this.#clear();
    this.#isSender = false;
    if (!this.#entering) return;
    this.#entering = undefined;
    await this.#port?.presence.leave().catch(this.#failed);
  }

  /** @internal The space was entered: goes on if cursors were in use before. */
  resume(): void {
    if (this.#port) this.#open();
  }

  /** @internal */
  async dispose(): Promise<void> {
    this.off();
    this.#clear();
    this.#feed?.stop();
    const port = this.#port;
    if (port) await quit(this.#core.client, port, () => this.leave());
  }

  protected override onSubscribed(): void {
    this.#isWanted = true;
    this.#open();
    this.#listen();
  }

  protected override onDropped(): void {
    if (this.hasListeners()) return;
    this.#isWanted = false;
    this.#replay.clear();
    if (this.#isListening) this.#port?.unsubscribe(CURSOR_EVENT, this.#onCursors);
    this.#isListening = false;
    // A component that subscribes again in the same tick must not be seen leaving.
    void Promise.resolve().then(() => (this.#isWanted || this.#isSender ? undefined : this.leave()));
  }

  async #send({ position, data, key }: CursorToSet<T>): Promise<void> {
    void this.#core.own;
    const channel = this.#open();
    this.#isSender = true;
    const cursor = { position: { ...position }, data };
    if (!key) this.#last = cursor;
    const sent = this.#batchOf(key).push(cursor);
    await (sent ?? this.#entering);
    if (!isGranted(channel, 'publish')) throw errors.notPermitted('publish', channel.name);
  }

  #batchOf(key: string | undefined): CursorBatch {
    const known = this.#batches.get(key);
    if (known) return known;
    const core = this.#core;
    const failed = this.#failed;
    const { options } = this;
    const batch = cursorBatch({
      publish: (points) => this.#open().publish(cursorEvent(key), key ? composeKeyed(points, this.#last) : points),
      // What is no cursor is not hidden.
      isOpen: () =>
        (!this.#isHidden || key?.startsWith(OWN_KEY)) &&
        core.client.connection.state === 'connected' &&
        this.#port?.state === 'attached',
      interval: () => options.outboundBatchInterval,
      failed,
    });
    batch.setAudience(this.#present.size);
    this.#batches.set(key, batch);
    return batch;
  }

  #clear(): void {
    for (const batch of this.#batches.values()) batch.clear();
  }

  #wake(): void {
    for (const batch of this.#batches.values()) batch.setAudience(this.#present.size);
  }

  /** The channel, with its presence followed and entered. */
  #open(): ChannelPort {
    const port = this.#port ?? this.#create();
    if (!this.#entering) {
      this.#entering = port.presence.enter();
      this.#entering.catch(this.#failed);
    }
    return port;
  }

  #create(): ChannelPort {
    const { client, name } = this.#core;
    const port = use(client.channels.get(cursorsChannel(name)));
    this.#port = port;
    const present = this.#present;
    this.#feed = new PresenceFeed(port, client.connection, {
      message: ({ action, connectionId, clientId }) => {
        const key = memberKey(connectionId, clientId);
        if (action === 'leave') present.delete(key);
        else present.add(key);
        this.#wake();
      },
      lost: () => present.clear(),
      synced: (members) => {
        for (const { connectionId, clientId } of members) present.add(memberKey(connectionId, clientId));
        this.#wake();
        this.#listen();
      },
      gone: () => {
        this.#entering = undefined;
        present.clear();
        this.#wake();
      },
      attached: () => this.#wake(),
      failed: this.#failed,
    });
    return port;
  }

  #listen(): void {
    const port = this.#port;
    if (!port || this.#isListening || !this.#isWanted) return;
    this.#isListening = true;
    port.subscribe(CURSOR_EVENT, this.#onCursors).catch((error) => {
      this.#isListening = false;
      port.unsubscribe(CURSOR_EVENT, this.#onCursors);
      if (this.#isWanted) this.#failed(error);
    });
  }

  readonly #onCursors = (message: MessageLike): void => {
    const { clientId, connectionId, data } = message;
    if (!clientId || !connectionId) return;
    this.emitNamed('message', message);
    if (this.hasListeners('update')) this.#replay.add(clientId, connectionId, parseCursors(data));
  };
}
