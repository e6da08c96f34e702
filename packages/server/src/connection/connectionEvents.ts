import type { Metachannels } from '../channel/metachannels.ts';
import type { Stats } from '../channel/stats.ts';
import type { Connection } from './connection.ts';

/** Counts connections for the statistics of their app, and tells of them on its metachannels. */
export class ConnectionEvents {
  readonly #stats: Stats;
  readonly #meta: Metachannels;

  constructor(stats: Stats, meta: Metachannels) {
    this.#stats = stats;
    this.#meta = meta;
  }

  opened(connection: Connection): void {
    this.#stats.of(connection.principal.app.id).connections.up(!connection.resumed);
    this.#tell(connection, connection.resumed ? 'connection.resumed' : 'connection.opened');
  }

  /** A connection that was lost may be resumed; one that was replaced is, over another transport. */
  ended(connection: Connection, reason: 'closed' | 'lost' | 'replaced'): void {
    this.#stats.find(connection.principal.app.id)?.connections.down();
    if (reason !== 'replaced') {
      this.#tell(connection, reason === 'closed' ? 'connection.closed' : 'connection.disconnected');
    }
  }

  #tell(connection: Connection, event: string): void {
    const { principal, connectionId } = connection;
    const data = () => ({
      connectionId,
      ...(principal.clientId === undefined ? {} : { clientId: principal.clientId }),
      format: connection.outbox.transport.wire.format,
    });
    for (const name of ['connection.lifecycle', 'clientEvents', 'clientEvents:connections'] as const) {
      this.#meta.tell(principal.app.id, name, event, data);
    }
  }
}
