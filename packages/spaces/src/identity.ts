import type { SpacesClient } from './client.ts';
import { MAX_FORMER, memberKey } from './wire.ts';

/** Who this client is in the presence set: its connection now, and those it had before and may still be seen under. */
export class Identity {
  /** Stays while the connection has no id. */
  connectionId = '';
  /** Earlier connection ids of this member, the last one last. */
  readonly former: string[] = [];

  constructor(private readonly client: SpacesClient) {}

  /** The key of this client in the presence set. */
  get key(): string {
    return this.keyOf(this.connectionId);
  }

  /** All keys of this client: the one it has now, then those it had. */
  get keys(): string[] {
    return [this.key, ...[...this.former].reverse().map((id) => this.keyOf(id))];
  }

  /** Whether a connection is or was ours. */
  owns(connectionId: string): boolean {
    return connectionId === this.connectionId || this.former.includes(connectionId);
  }

  /** Looks at the connection; `isMember`: its last id is the one that others know us by. */
  refresh(isMember: boolean): void {
    const { id } = this.client.connection;
    if (!id || id === this.connectionId) return;
    if (isMember) this.former.splice(0, this.former.length, ...this.former.slice(1 - MAX_FORMER), this.connectionId);
    this.connectionId = id;
  }

  private keyOf(connectionId: string): string {
    return memberKey(connectionId, this.client.auth.clientId);
  }
}
