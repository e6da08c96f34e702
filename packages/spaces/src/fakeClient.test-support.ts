import type { ConnectionChange, ErrorLike, SpacesClient } from './client.ts';
import { FakeChannel } from './fakeChannel.test-support.ts';
import { copy, FakeEmitter, fault } from './fakeParts.test-support.ts';
import type { Delivery, FakeService, Operation } from './fakeService.test-support.ts';

export interface FakeClientOptions {
  /** The state that the connection begins in. */
  state?: string;
  /** What each attach grants; all when left out. */
  modes?: string[];
}

class FakeConnection extends FakeEmitter<ConnectionChange> {
  id: string | undefined;
  errorReason: ErrorLike | null = null;
  constructor(public state: string) {
    super();
  }
  to(state: string, reason?: ErrorLike): void {
    this.state = state;
    this.errorReason = reason ?? null;
    this.emit({ current: state, ...(reason && { reason }) });
  }
}

/** A presence message that carries extras: what is not of this class counts as data. */
class FakePresenceMessage {
  data: unknown;
  extras: unknown;
  static fromValues(values: object): FakePresenceMessage {
    return Object.assign(new FakePresenceMessage(), values);
  }
}

interface Unacknowledged {
  readonly operation: Operation;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A client of the fake service that keeps presence as the `ably` client keeps it. */
export class FakeClient implements SpacesClient {
  static PresenceMessage = FakePresenceMessage;
  readonly options: { agents?: Record<string, string> } = { agents: { app: '1' } };
  readonly auth: { clientId: string };
  readonly connection: FakeConnection;
  readonly modes: string[] | undefined;
  readonly uplink: (() => void)[] = [];
  readonly downlink: (() => void)[] = [];
  private readonly all = new Map<string, FakeChannel>();
  private readonly unacknowledged = new Map<number, Unacknowledged>();
  private serial = 0;
  private missed: Delivery[] = [];

  constructor(
    readonly service: FakeService,
    clientId: string,
    { state = 'connected', modes }: FakeClientOptions,
  ) {
    this.auth = { clientId };
    this.modes = modes;
    this.connection = new FakeConnection(state);
    if (state === 'connected') this.connection.id = service.newConnectionId();
  }

  readonly channels = {
    get: (name: string): FakeChannel => {
      const channel = this.all.get(name) ?? new FakeChannel(this, name);
      this.all.set(name, channel);
      return channel;
    },
  };

  async time(): Promise<number> {
    return Date.now() + this.service.clockOffset;
  }

  connect(): void {
    this.connection.id = this.service.newConnectionId();
    this.connection.to('connected');
  }

  send(operation: Operation): Promise<void> {
    return new Promise((resolve, reject) => {
      this.serial += 1;
      this.unacknowledged.set(this.serial, { operation: copy(operation), resolve, reject });
      if (this.connection.state === 'connected') this.transmit(this.serial);
      else if (this.connection.state !== 'disconnected') reject(fault(80000, 'no connection'));
    });
  }

  up(hop: () => void): void {
    this.uplink.push(hop);
    this.service.wake();
  }

  deliver(delivery: Delivery): void {
    if (this.connection.state !== 'connected') {
      this.missed.push(delivery);
      return;
    }
    this.downlink.push(() => this.receive(delivery));
    this.service.wake();
  }

  /** The transport is gone; what is on its way is lost, or redelivered when the connection resumes. */
  cut(): void {
    this.uplink.length = 0;
    this.lostDeliveries();
    this.connection.to('disconnected');
  }

  /** Comes back under the same id with all that was missed. */
  resume(): void {
    const waiting = [...this.unacknowledged.keys()];
    this.connection.to('connected');
    const { missed } = this;
    this.missed = [];
    const acked = new Set(missed.flatMap((delivery) => (delivery.kind === 'ack' ? [delivery.serial] : [])));
    for (const channel of this.all.values()) {
      if (channel.state === 'attached') channel.to('attached', true);
      else channel.reattach();
    }
    for (const delivery of missed) this.deliver(delivery);
    for (const serial of waiting) if (!acked.has(serial)) this.transmit(serial);
  }

  /**
   * Comes back without what was missed, under a new id unless told to keep the old one; `resumed` is what the service
   * says of its channels.
   */
  reconnect({ keepId = false, resumed = false } = {}): void {
    for (const { attached } of [...this.all.keys()].map((name) => this.service.channel(name))) attached.delete(this);
    this.lostDeliveries();
    this.missed = [];
    if (!keepId) this.connection.id = this.service.newConnectionId();
    const waiting = [...this.unacknowledged.keys()];
    this.connection.to('connected');
    for (const channel of this.all.values()) channel.reattach(resumed);
    for (const serial of waiting) this.transmit(serial);
  }

  /** Too long without a connection: what waits is refused. */
  suspend(): void {
    this.connection.id = undefined;
    this.connection.to('suspended', fault(80002));
    for (const channel of this.all.values()) channel.suspend();
    for (const { reject } of this.unacknowledged.values()) reject(fault(80002));
    this.unacknowledged.clear();
  }

  private transmit(serial: number): void {
    const entry = this.unacknowledged.get(serial);
    const { id = '' } = this.connection;
    if (entry) this.up(() => this.service.process(this, id, serial, entry.operation));
  }

  private lostDeliveries(): void {
    // A hop that finds the transport gone keeps what it carries for the resume.
    const { state } = this.connection;
    this.connection.state = 'disconnected';
    for (const hop of this.downlink.splice(0)) hop();
    this.connection.state = state;
  }

  private receive(delivery: Delivery): void {
    if (this.connection.state !== 'connected') {
      this.missed.push(delivery);
      return;
    }
    if (delivery.kind !== 'ack') {
      this.all.get(delivery.channel)?.receive(delivery);
      return;
    }
    const entry = this.unacknowledged.get(delivery.serial);
    this.unacknowledged.delete(delivery.serial);
    if (delivery.error) entry?.reject(delivery.error);
    else entry?.resolve();
  }

  isMessage(value: unknown): value is FakePresenceMessage {
    return value instanceof FakePresenceMessage;
  }
}
