import { Action, errors } from '@parvis/protocol';
import { Frame } from '../channel/frame.ts';
import type { Clock } from '../clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { Meter } from '../observe/meter.ts';
import type { Connection } from './connection.ts';
import type { ConnectionEvents } from './connectionEvents.ts';

/** ms beyond the promised interval after which a client that gives no sign of life is taken for gone. */
const SILENCE_SLACK_MS = 10_000;

const heartbeatFrame = new Frame({ action: Action.HEARTBEAT });

/** The open connections of a node: found by id, kept alive, drained. */
export class Connections {
  /** Transports whose connection is not made yet, since something must be waited for. */
  waiting = 0;
  readonly #byId = new Map<string, Connection>();
  readonly #meter: Meter;
  readonly #clock: Clock;
  readonly #events: ConnectionEvents;

  constructor(clock: Clock, meter: Meter, events: ConnectionEvents) {
    this.#clock = clock;
    this.#meter = meter;
    this.#events = events;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(connectionId: string): Connection | undefined {
    return this.#byId.get(connectionId);
  }

  [Symbol.iterator](): IterableIterator<Connection> {
    return this.#byId.values();
  }

  add(connection: Connection): void {
    this.#byId.set(connection.connectionId, connection);
    this.#meter.connectionOpened(connection.outbox.transport.wire.format);
    this.#events.opened(connection);
  }

  remove(connection: Connection, reason: 'closed' | 'lost' | 'replaced'): void {
    if (this.#byId.get(connection.connectionId) === connection) this.#byId.delete(connection.connectionId);
    this.#meter.connectionEnded(reason);
    this.#events.ended(connection, reason);
  }

  /** Called about once a second: fills our silence with keepalives, gives up on clients that fell silent, looks after tokens. */
  sweep(): void {
    const now = this.#clock.now();
    for (const connection of this.#byId.values()) {
      connection.lookAtExpiry(now);
      const { maxIdleIntervalMs, heartbeats } = connection.options;
      const { ping } = connection.outbox.transport;
      if (ping !== undefined && now - connection.lastSeen > 2 * maxIdleIntervalMs + SILENCE_SLACK_MS) {
        connection.disconnect(errors.disconnected('no sign of life from the client'));
      } else if (now - connection.outbox.lastWrite >= maxIdleIntervalMs - 1_000) {
        // Browsers do not show pings to the client, and HEARTBEAT asks nothing of it: who needs the one gets both.
        if (heartbeats) connection.send(heartbeatFrame);
        if (ping !== undefined) connection.outbox.pushBytes(Buffer.from(ping));
      }
    }
  }

  /** Renews the leases of all connections, where leases end by themselves. */
  async renew(engine: Engine): Promise<void> {
    if (!Number.isFinite(engine.leaseMs)) return;
    const renewals: Promise<boolean>[] = [];
    for (const { owner, stateOwner } of this.#byId.values()) {
      renewals.push(engine.lease(owner, engine.leaseMs), engine.lease(stateOwner, engine.leaseMs));
    }
    await Promise.all(renewals);
  }

  /** Sends everybody elsewhere at an even pace over this many ms; resolves when all are told. */
  async drain(ms: number): Promise<void> {
    const all = [...this.#byId.values()];
    const pauses = Math.min(all.length, Math.max(1, Math.floor(ms / 50)));
    const share = Math.ceil(all.length / Math.max(1, pauses));
    for (let start = 0; start < all.length; start += share) {
      for (const connection of all.slice(start, start + share)) {
        connection.disconnect(errors.disconnected('the server is going down; connect again'));
      }
      if (start + share < all.length) await new Promise<void>((resolve) => this.#clock.after(ms / pauses, resolve));
    }
  }
}
