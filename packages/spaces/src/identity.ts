import type { SpacesClient } from './client.ts';
import { MAX_FORMER, memberKey } from './wire.ts';

/** Who this client is in the presence set: its connection now, and those it had before and may still be seen under. */
export class Identity {
  // The present one first; it stays while the connection has none.
  #ids: [string, ...string[]] = [''];

  readonly #client: SpacesClient;

  constructor(client: SpacesClient) {
    this.#client = client;
  }

  /** The connection id, the last one while there is none. */
  get connectionId(): string {
    return this.#ids[0];
  }

  /** Earlier connection ids of this member. */
  get former(): string[] {
    return this.#ids.slice(1);
  }

  /** All keys of this client in the presence set: the one it has now, then those it had. */
  get keys(): [string, ...string[]] {
    return this.#ids.map((id) => memberKey(id, this.#client.auth.clientId)) as [string];
  }

  /** Whether a connection is or was ours. */
  owns(connectionId: string): boolean {
    return this.#ids.includes(connectionId);
  }

  /** Looks at the connection; `isMember`: its last id is the one that others know us by. */
  refresh(isMember: boolean): void {
    const { id } = this.#client.connection;
    if (!id || id === this.#ids[0]) return;
    this.#ids = [id, ...this.#ids.slice(isMember ? 0 : 1).slice(0, MAX_FORMER)];
  }
}
