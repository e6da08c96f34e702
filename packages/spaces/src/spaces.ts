import { addAgent, type ConnectionPort, hasClientId, type SpacesClient } from './client.ts';
import { errors } from './errors.ts';
import { applyOptions } from './options.ts';
import { Space } from './space.ts';
import type { SpaceOptions, SpaceTypes, Subset } from './types.ts';
import { VERSION } from './version.ts';

const OVER: readonly string[] = ['failed', 'closed', 'suspended'];

/**
 * The entry point: the spaces of one realtime client, which the application makes, connects and closes itself.
 *
 * @example
 * const spaces = new Spaces(new Ably.Realtime({ authUrl: '/api/token' }));
 * const space = await spaces.get('board');
 */
export class Spaces<C extends SpacesClient = SpacesClient> {
  readonly version: string = VERSION;
  readonly #spaces = new Map<string, Space<SpaceTypes, C>>();
  readonly #releasing = new Map<string, Promise<void>>();
  readonly #users = new Map<string, number>();
  #clockOffset = 0;
  #clock: Promise<void> | undefined;

  /** Adds `spaces/<version>` to the client's agent string; nothing connects here. */
  constructor(readonly client: C) {
    addAgent(client, 'spaces', VERSION);
  }

  /** The client's connection, for its states. */
  get connection(): C['connection'] {
    return this.client.connection;
  }

  /** The client, under the name that older code uses. */
  get ably(): C {
    return this.client;
  }

  /**
   * The space of this name, the same object each time; later options apply to it. Waits for the connection, neither
   * for attaching nor for entering. Rejects with 101000 for a bad name, with the connection's reason when it fails, is
   * closed or suspended, and with 40012 when the client has no clientId.
   */
  async get<T extends SpaceTypes = SpaceTypes>(name: string, options?: Subset<SpaceOptions>): Promise<Space<T, C>> {
    if (typeof name !== 'string' || !name) throw errors.nameMissing();
    await connected(this.client.connection);
    if (!hasClientId(this.client)) throw errors.clientIdMissing();
    await this.#releasing.get(name);
    this.#readClock();
    const known = this.#live(name);
    this.#users.set(name, (known ? (this.#users.get(name) ?? 0) : 0) + 1);
    if (known) applyOptions(known.options, options);
    const space = known ?? new Space<SpaceTypes, C>(name, this.client, options, () => Date.now() + this.#clockOffset);
    this.#spaces.set(name, space);
    return space as unknown as Space<T, C>;
  }

  /**
   * Gives back what one `get` gave; with the last one, disposes of the space, and `get` makes it anew. Never rejects.
   */
  async release(name: string): Promise<void> {
    const left = (this.#users.get(name) ?? 0) - 1;
    this.#users.set(name, left);
    if (left > 0 && this.#live(name)) return;
    await this.#end(name);
  }

  /** Disposes of all spaces, however many use them. The client stays open: it is the application's. */
  async dispose(): Promise<void> {
    await Promise.all([...this.#spaces.keys()].map((name) => this.#end(name)));
  }

  #live(name: string): Space<SpaceTypes, C> | undefined {
    const space = this.#spaces.get(name);
    return space?.isDisposed ? undefined : space;
  }

  async #end(name: string): Promise<void> {
    this.#users.delete(name);
    const space = this.#spaces.get(name);
    if (space) {
      this.#spaces.delete(name);
      this.#releasing.set(name, space.dispose());
    }
    await this.#releasing.get(name);
    this.#releasing.delete(name);
  }

  /** Learns once how far this machine's clock is off, so that a wrong one gains no lock. */
  #readClock(): void {
    const asked = Date.now();
    this.#clock ??= this.client.time().then(
      (time) => {
        this.#clockOffset = time - (asked + Date.now()) / 2;
      },
      () => {
        this.#clock = undefined;
      },
    );
  }
}

/** Resolves when the connection is there, rejects when it has come to an end or a long pause. */
function connected(connection: ConnectionPort): Promise<void> {
  return new Promise((resolve, reject) => {
    const check = (change?: { reason?: unknown }) => {
      const { state } = connection;
      const isOver = OVER.includes(state);
      if (state !== 'connected' && !isOver) return;
      connection.off(check);
      if (isOver) reject(change?.reason ?? connection.errorReason ?? errors.notConnected(state));
      else resolve();
    };
    connection.on(check);
    check();
  });
}
