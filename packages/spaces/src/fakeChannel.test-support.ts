import type { ChannelChange, ChannelPort, HistoryPage, MessageLike, PresenceMessageLike } from './client.ts';
import type { FakeClient } from './fakeClient.test-support.ts';
import { copy, FakeEmitter, fault } from './fakeParts.test-support.ts';
import type { Delivery, Operation } from './fakeService.test-support.ts';

type PresenceListener = (message: PresenceMessageLike) => void;
type MessageListener = (message: MessageLike) => void;

const keyOf = ({ connectionId, clientId }: PresenceMessageLike) => `${connectionId}:${clientId}`;
const PAGE = 3;

function serialOf({ id, connectionId }: PresenceMessageLike): number | undefined {
  return id?.startsWith(`${connectionId}:`) ? Number(id.split(':')[1]) : undefined;
}

function isNewer(a: PresenceMessageLike, b: PresenceMessageLike): boolean {
  const [x, y] = [serialOf(a), serialOf(b)];
  return x === undefined || y === undefined ? a.timestamp >= b.timestamp : x > y;
}

/** A channel of the fake client: attaches on use, keeps the presence set, restores its own members by data alone. */
export class FakeChannel extends FakeEmitter<ChannelChange> implements ChannelPort {
  state = 'initialized';
  modes: string[] | undefined;
  readonly messageListeners: { name: string; listener: MessageListener }[] = [];
  readonly presenceListeners: PresenceListener[] = [];
  private readonly members = new Map<string, PresenceMessageLike>();
  private own: PresenceMessageLike | undefined;
  private residual: Map<string, PresenceMessageLike> | undefined;
  private pending: (() => void)[] = [];
  private waiting: { resolve: () => void; reject: (error: unknown) => void; isForSync: boolean }[] = [];

  constructor(
    private readonly client: FakeClient,
    readonly name: string,
  ) {
    super();
  }

  readonly presence = {
    enter: (value?: unknown) => this.operate('enter', value),
    update: (value?: unknown) => this.operate('update', value),
    leave: (value?: unknown) => this.operate('leave', value),
    get: async (): Promise<PresenceMessageLike[]> => {
      if (this.state === 'suspended') throw fault(91005);
      await this.attach();
      if (this.residual) await this.wait(true);
      return [...this.members.values()];
    },
    subscribe: async (listener: PresenceListener): Promise<void> => {
      if (this.state === 'failed') throw fault(90001);
      this.presenceListeners.push(listener);
      await this.attach();
    },
    unsubscribe: (listener: PresenceListener): void => {
      const at = this.presenceListeners.indexOf(listener);
      if (at >= 0) this.presenceListeners.splice(at, 1);
    },
  };

  publish(given: string | { name: string; data: unknown; extras?: unknown }, data?: unknown): Promise<void> {
    const message = typeof given === 'string' ? { name: given, data } : given;
    return this.client.send({ channel: this.name, kind: 'publish', clientId: this.client.auth.clientId, ...message });
  }

  async subscribe(name: string, listener: MessageListener): Promise<void> {
    this.messageListeners.push({ name, listener });
    await this.attach();
  }

  unsubscribe(name: string, listener: MessageListener): void {
    const at = this.messageListeners.findIndex((entry) => entry.name === name && entry.listener === listener);
    if (at >= 0) this.messageListeners.splice(at, 1);
  }

  async history(): Promise<HistoryPage> {
    const { history } = this.client.service.channel(this.name);
    const page = (from: number): HistoryPage => ({
      items: copy(history.slice(from, from + PAGE)),
      hasNext: () => history.length > from + PAGE,
      next: async () => (history.length > from + PAGE ? page(from + PAGE) : null),
    });
    return page(0);
  }

  async attach(): Promise<void> {
    if (this.state === 'attached') return;
    if (this.client.connection.state !== 'connected' && this.client.connection.state !== 'disconnected') {
      throw fault(80000, 'no connection');
    }
    if (this.state !== 'attaching') this.request();
    await this.wait(false);
  }

  async detach(): Promise<void> {
    if (this.state === 'attached') this.client.service.detach(this.client, this.name);
    this.end('detached');
  }

  /** The service ends this channel. */
  fail(reason = fault(90000)): void {
    this.end('failed', reason);
  }

  suspend(): void {
    if (this.state !== 'attached' && this.state !== 'attaching') return;
    this.to('suspended', undefined, fault(80002));
    this.failWaiting(fault(80002));
  }

  reattach(resumed = false): void {
    if (['attached', 'attaching', 'suspended'].includes(this.state)) this.request(resumed);
  }

  to(state: string, resumed?: boolean, reason = fault(0)): void {
    this.state = state;
    this.emit({ current: state, ...(state === 'attached' ? { resumed: resumed ?? false } : { reason }) });
  }

  receive(delivery: Exclude<Delivery, { kind: 'ack' }>): void {
    const isDeaf = this.modes && !this.modes.includes('presence_subscribe');
    if (delivery.kind === 'attached')
      this.attached(delivery.hasPresence && this.client.modes === undefined, delivery.resumed);
    else if (isDeaf && delivery.kind !== 'message') return;
    else if (delivery.kind === 'sync') this.sync(delivery.members);
    else if (delivery.kind === 'presence') this.take(delivery.message);
    else {
      for (const { name, listener } of [...this.messageListeners]) {
        if (name === delivery.message.name) listener(delivery.message);
      }
    }
  }

  private request(resumed = false): void {
    this.to('attaching');
    this.client.up(() => this.client.service.attach(this.client, this.name, resumed));
  }

  private attached(hasPresence: boolean, resumed: boolean): void {
    this.modes = this.client.modes;
    this.residual = hasPresence ? new Map(this.members) : undefined;
    if (!hasPresence) this.makeLeaves([...this.members.values()]);
    if (!hasPresence) this.members.clear();
    this.restore();
    for (const send of this.pending.splice(0)) send();
    this.to('attached', resumed);
    for (const { resolve } of this.released(false)) resolve();
  }

  private restore(): void {
    if (!this.own) return;
    const { id, clientId, connectionId, data } = this.own;
    const isSame = connectionId === this.client.connection.id;
    void this.client.send({ channel: this.name, kind: 'enter', clientId, data, ...(isSame && { id }) });
  }

  private sync(members: readonly PresenceMessageLike[]): void {
    for (const member of members) this.take(member);
    const gone = [...(this.residual?.values() ?? [])];
    this.residual = undefined;
    for (const member of gone) this.members.delete(keyOf(member));
    this.makeLeaves(gone);
    for (const { resolve } of this.released(true)) resolve();
  }

  private take(message: PresenceMessageLike): void {
    const key = keyOf(message);
    const known = this.members.get(key);
    this.residual?.delete(key);
    const isOwn = message.connectionId === this.client.connection.id;
    if (known && !isNewer(message, known)) return;
    if (message.action === 'leave') {
      if (!this.members.delete(key)) return;
      if (isOwn) this.own = undefined;
    } else {
      this.members.set(key, { ...message, action: 'present' });
      if (isOwn) this.own = message;
    }
    this.tell(message);
  }

  private makeLeaves(members: readonly PresenceMessageLike[]): void {
    for (const { clientId, connectionId, data } of members) {
      this.tell({ action: 'leave', clientId, connectionId, data, timestamp: Date.now() });
    }
  }

  private tell(message: PresenceMessageLike): void {
    for (const listener of [...this.presenceListeners]) listener(message);
  }

  private operate(kind: 'enter' | 'update' | 'leave', value: unknown): Promise<void> {
    const { clientId } = this.client.auth;
    if (!clientId || clientId === '*') return Promise.reject(fault(40012));
    const { data, extras } = this.client.isMessage(value) ? value : { data: value, extras: undefined };
    const operation: Operation = { channel: this.name, kind, clientId, data, extras };
    if (this.state === 'attached') return this.client.send(operation);
    if (this.state === 'suspended' || this.state === 'failed' || (kind === 'leave' && this.state !== 'attaching')) {
      return Promise.reject(fault(90001));
    }
    return new Promise((resolve, reject) => {
      this.attach().catch(reject);
      this.pending.push(() => this.client.send(operation).then(resolve, reject));
    });
  }

  private end(state: string, reason?: ReturnType<typeof fault>): void {
    this.own = undefined;
    this.members.clear();
    this.residual = undefined;
    this.pending = [];
    this.to(state, undefined, reason ?? fault(90001));
    this.failWaiting(reason ?? fault(90001));
  }

  private wait(isForSync: boolean): Promise<void> {
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject, isForSync }));
  }

  private released(isForSync: boolean) {
    const due = this.waiting.filter((entry) => entry.isForSync === isForSync);
    this.waiting = this.waiting.filter((entry) => entry.isForSync !== isForSync);
    return due;
  }

  private failWaiting(error: unknown): void {
    for (const { reject } of this.waiting.splice(0)) reject(error);
  }
}
