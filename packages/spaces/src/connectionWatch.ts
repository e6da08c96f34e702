import type { SpacesClient } from './client.ts';
import { EventEmitter } from './emitter.ts';
import type { Space } from './space.ts';
import type { SpaceTypes } from './types.ts';

/** How a space is connected: `waiting` is a loss, or a beginning, that need not be shown yet. */
export type ConnectionStatus = 'connected' | 'waiting' | 'lost';

/** Events of a connection watch. */
export interface ConnectionWatchEventMap {
  lost: undefined;
  restored: undefined;
}

/** Tells when a space has been out of touch for longer than people need not know of. Ends with the space. */
export class ConnectionWatch<T extends SpaceTypes = SpaceTypes> extends EventEmitter<ConnectionWatchEventMap> {
  status: ConnectionStatus = 'waiting';
  readonly #space: Space<T, SpacesClient>;
  readonly #delayMs: number;
  readonly #undo: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `delayMs`: how long a loss is kept quiet. Default 5000. */
  constructor(space: Space<T, SpacesClient>, { delayMs = 5_000 } = {}) {
    super('ConnectionWatch');
    this.#space = space;
    this.#delayMs = delayMs;
    this.#undo = space.subscribe('dispose', () => this.dispose());
    space.client.connection.on(this.#check);
    space.channel.on(this.#check);
    this.#check();
  }

  /** Stops watching, and drops its listeners. */
  dispose(): void {
    this.#undo();
    clearTimeout(this.#timer);
    this.#space.client.connection.off(this.#check);
    this.#space.channel.off(this.#check);
    this.off();
  }

  readonly #check = (): void => {
    const { client, channel } = this.#space;
    if (client.connection.state === 'connected' && channel.state === 'attached') this.#connected();
    else if (this.status !== 'lost' && this.#timer === undefined) this.#wait();
  };

  #connected(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const before = this.status;
    this.status = 'connected';
    if (before === 'lost') this.emit('restored', undefined);
  }

  #wait(): void {
    this.status = 'waiting';
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.status = 'lost';
      this.emit('lost', undefined);
    }, this.#delayMs);
  }
}
