import type { ErrorLike, MessageLike, PresenceMessageLike } from './client.ts';
import { FakeClient, type FakeClientOptions } from './fakeClient.test-support.ts';
import { copy } from './fakeParts.test-support.ts';

/** An operation on its way to the service. */
export interface Operation {
  readonly channel: string;
  readonly kind: 'enter' | 'update' | 'leave' | 'publish';
  readonly clientId: string;
  readonly name?: string;
  readonly data?: unknown;
  readonly extras?: unknown;
  /** Given when a client restores a member that it had before. */
  readonly id?: string | undefined;
}

/** What the service tells a client. */
export type Delivery =
  | { readonly kind: 'ack'; readonly serial: number; readonly error?: ErrorLike }
  | { readonly kind: 'attached'; readonly channel: string; readonly resumed: boolean; readonly hasPresence: boolean }
  | { readonly kind: 'sync'; readonly channel: string; readonly members: PresenceMessageLike[] }
  | { readonly kind: 'presence'; readonly channel: string; readonly message: PresenceMessageLike }
  | { readonly kind: 'message'; readonly channel: string; readonly message: MessageLike & { name: string } };

interface ServiceChannel {
  readonly members: Map<string, PresenceMessageLike>;
  readonly history: (MessageLike & { name: string })[];
  readonly attached: Set<FakeClient>;
}

const immediate = setImmediate;

/**
 * A realtime service in memory. Each channel has one order; an acknowledgement goes out before the echo; the presence
 * set keeps each member's last message. Every hop is a queue of its own, moved on by itself or by {@link step}.
 */
export class FakeService {
  readonly clients: FakeClient[] = [];
  /** Every presence message sent, as it left its client. */
  readonly sent: Operation[] = [];
  /** Return an error to refuse an operation. */
  refuse: (operation: Operation) => ErrorLike | undefined = () => undefined;
  /** Runs hops as they come; off: only {@link step} does. */
  isAutomatic = true;
  clockOffset = 0;
  private readonly channels = new Map<string, ServiceChannel>();
  private readonly processed = new Set<string>();
  private isPumping = false;
  private connections = 0;
  private stamp = 1000;
  private turn = 0;

  client(clientId: string, options: FakeClientOptions = {}): FakeClient {
    const client = new FakeClient(this, clientId, options);
    this.clients.push(client);
    return client;
  }

  newConnectionId(): string {
    this.connections += 1;
    return `conn-${String(this.connections).padStart(2, '0')}`;
  }

  channel(name: string): ServiceChannel {
    const channel = this.channels.get(name) ?? { members: new Map(), history: [], attached: new Set() };
    this.channels.set(name, channel);
    return channel;
  }

  /** Connection ids in the presence set. */
  present(name: string): string[] {
    return [...this.channel(name).members.values()].map(({ connectionId }) => connectionId);
  }

  attach(client: FakeClient, name: string, resumed: boolean): void {
    const { members, attached } = this.channel(name);
    attached.add(client);
    const hasPresence = members.size > 0;
    client.deliver({ kind: 'attached', channel: name, resumed, hasPresence });
    if (hasPresence) client.deliver({ kind: 'sync', channel: name, members: copy([...members.values()]) });
  }

  detach(client: FakeClient, name: string): void {
    this.channel(name).attached.delete(client);
    this.drop(name, `${client.connection.id}:${client.auth.clientId}`);
  }

  /** Ends a connection's membership everywhere, as after its grace period. */
  lapse(connectionId: string): void {
    for (const [name, { members }] of this.channels) {
      for (const [key, member] of members) if (member.connectionId === connectionId) this.drop(name, key);
    }
  }

  process(client: FakeClient, connectionId: string, serial: number, operation: Operation): void {
    const key = `${connectionId}:${serial}`;
    const isRepeated = this.processed.has(key);
    this.processed.add(key);
    if (isRepeated) {
      client.deliver({ kind: 'ack', serial });
      return;
    }
    if (operation.kind !== 'publish') this.sent.push(operation);
    const error = this.refuse(operation);
    client.deliver({ kind: 'ack', serial, ...(error && { error }) });
    if (error) return;
    const id = operation.id ?? `${connectionId}:${serial}:0`;
    const { channel, clientId, name, data, extras, kind } = operation;
    this.stamp += 1;
    const base = { id, clientId, connectionId, timestamp: this.stamp, data, extras };
    if (kind === 'publish') this.publish(channel, { ...base, name: name ?? '' });
    else this.presence(channel, { ...base, action: kind });
  }

  /** A member of the channel that no client of this service made. */
  presence(name: string, message: PresenceMessageLike): void {
    const { members } = this.channel(name);
    const key = `${message.connectionId}:${message.clientId}`;
    const isIn = members.has(key);
    const action = message.action === 'update' && !isIn ? 'enter' : message.action;
    if (action === 'leave') members.delete(key);
    else members.set(key, { ...message, action: 'present' });
    this.fanOut(name, { kind: 'presence', channel: name, message: { ...message, action } });
  }

  publish(name: string, message: MessageLike & { name: string }): void {
    const { extras } = message as { extras?: { ephemeral?: boolean } };
    if (!extras?.ephemeral) this.channel(name).history.unshift(message);
    this.fanOut(name, { kind: 'message', channel: name, message });
  }

  /** Moves one item of one queue; false when all are empty. `pick` chooses among `n`. */
  step(pick: (n: number) => number = () => 0): boolean {
    const queues = this.clients.flatMap((client) => [client.uplink, client.downlink]).filter((queue) => queue.length);
    queues[pick(queues.length)]?.shift()?.();
    return queues.length > 0;
  }

  wake(): void {
    if (!this.isAutomatic || this.isPumping) return;
    this.isPumping = true;
    immediate(() => {
      this.isPumping = false;
      this.turn += 1;
      if (this.isAutomatic && this.step((n) => this.turn % n)) this.wake();
    });
  }

  /** Resolves when nothing moves any more. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      quiet = this.clients.some(({ uplink, downlink }) => uplink.length || downlink.length) ? 0 : quiet + 1;
      if (!this.isAutomatic) this.step();
      await new Promise((resolve) => immediate(resolve));
    }
  }

  private drop(name: string, key: string): void {
    const { members } = this.channel(name);
    const member = members.get(key);
    if (!member) return;
    members.delete(key);
    this.stamp += 1;
    const message = { ...member, action: 'leave', id: `service:${this.stamp}:0`, timestamp: this.stamp };
    this.fanOut(name, { kind: 'presence', channel: name, message });
  }

  private fanOut(name: string, delivery: Delivery): void {
    for (const client of this.channel(name).attached) client.deliver(copy(delivery));
  }
}
