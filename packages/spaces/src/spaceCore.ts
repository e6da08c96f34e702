import {
  type ChannelPort,
  hasClientId,
  isGranted,
  type PresenceMessageLike,
  presenceValue,
  quit,
  type SpacesClient,
  use,
} from './client.ts';
import { Conditions } from './conditions.ts';
import { errors } from './errors.ts';
import { Identity } from './identity.ts';
import { Leavers } from './leavers.ts';
import { memberData, type OwnLock, type OwnState } from './ownState.ts';
import { PresenceFeed } from './presenceFeed.ts';
import { PresenceQueue } from './presenceQueue.ts';
import { type Change, SpaceState } from './state.ts';
import type { Lock, ProfileData, SpaceMember, SpaceOptions } from './types.ts';
import { VERSION } from './version.ts';
import { composeExtras, type MemberMessage, memberKey, OWN_KEY, parseMember, spaceChannel } from './wire.ts';

/** Who is told of what happens in a space. */
export interface SpaceListener {
  /** One presence message was folded; the list may be empty. */
  changed(changes: readonly Change[]): void;
  /** Something failed that nobody waits for. */
  failed(error: unknown): void;
}

/** How long an acknowledged `enter` may take to show up in the presence set. */
const ECHO_MS = 10_000;
/** How long our next message waits for a lock request to be decided. */
const DECISION_MS = 3_000;
/** How long a lock that was lost with a connection is waited for: until that connection has ended for certain. */
const GRACE_MS = 25_000;

/**
 * What the views of a space share: the fold of its presence, this client's own part in it, and the way in which the
 * own part survives a lost connection.
 */
export class SpaceCore {
  readonly channel: ChannelPort;
  readonly state = new SpaceState();
  readonly queue: PresenceQueue;
  readonly #identity: Identity;
  readonly #feed: PresenceFeed;
  readonly #leavers = new Leavers((key) => this.#publish(this.state.remove(key)));
  readonly #conditions = new Conditions();
  #hasAttached = false;
  // Between a loss of continuity and the acknowledgement of our restored state.
  #isRestoring = false;
  #losses = 0;
  // We left: the presence set may show us for a moment more.
  #hasLeft = false;
  isDisposed = false;
  #lastStamp = 0;
  // Own requests that the server has ended, by lock id: their timestamps.
  readonly #ended = new Map<string, number>();

  readonly #options: SpaceOptions;
  readonly #listener: SpaceListener;
  readonly #now: () => number;

  constructor(
    readonly name: string,
    readonly client: SpacesClient,
    options: SpaceOptions,
    listener: SpaceListener,
    now: () => number,
  ) {
    this.#options = options;
    this.#listener = listener;
    this.#now = now;
    const params = { agent: `spaces/${VERSION}`, locks: 'server' };
    this.channel = use(client.channels.get(spaceChannel(name), { params }));
    this.#identity = new Identity(client);
    this.queue = new PresenceQueue({
      send: (operation, data, locks) => {
        this.#refresh();
        const extras = composeExtras(locks, this.#identity.former);
        return this.channel.presence[operation](presenceValue(client, data, extras));
      },
      isHeld: (lock) => this.#isHeld(lock),
      decided: (locks) => this.#decided(locks),
      confirmed: () => this.#settleLocks(),
    });
    client.connection.on(this.#refresh);
    this.#refresh();
    this.#feed = new PresenceFeed(this.channel, client.connection, {
      message: (message) => this.#receive(message),
      lost: () => this.#lose(),
      synced: (members) => this.#sync(members),
      gone: () => this.#goOut(),
      failed: (error) => listener.failed(error),
    });
  }

  /** Whether the server decides on locks. */
  get isServed(): boolean {
    this.state.isServed = this.channel.params?.locks === 'server';
    return this.state.isServed;
  }

  /** Resolves when the fold is up to date; rejects as the client does. */
  synced(): Promise<void> {
    return this.#feed.synced();
  }

  /** Whether a connection is this client's, now or before it came back under another id. */
  isOwn(connectionId: string): boolean {
    this.#refresh();
    return this.#identity.owns(connectionId);
  }

  /** This client as a member, with all that it has set so far; null when it is not in or has no connection. */
  get self(): SpaceMember | null {
    this.#refresh();
    const own = this.queue.state;
    const { keys } = this.#identity;
    if (!this.client.connection.id || (!own && this.#hasLeft)) return null;
    if (!own) return this.#present(keys[0]) ?? null;
    const isSeen = this.#isRestoring || keys.some((key) => this.#present(key));
    return isSeen ? this.selfToBe(own) : null;
  }

  /** The wanted state of this client. Throws 101001 when it is not in the space. */
  get own(): OwnState {
    const own = this.ownOrNull;
    if (!own) throw errors.notEntered();
    return own;
  }

  /** The wanted state of this client, or null when it is not in the space. Throws when the space is disposed. */
  get ownOrNull(): OwnState | null {
    if (this.isDisposed) throw errors.disposed(this.name);
    this.#refresh();
    const { queue, state } = this;
    const [key] = this.#identity.keys;
    const member = this.#present(key);
    // Entered through somebody else on our connection, or before it was recovered.
    if (!queue.state && member && !this.#hasLeft) queue.confirmed = adopted(member, state, key);
    return queue.state;
  }

  /** As {@link self}, also while the presence set does not show us yet. */
  selfToBe({ profile: profileData, location }: OwnState): SpaceMember {
    const { connectionId, keys } = this.#identity;
    const seen = keys.map((key) => this.#present(key)).find(Boolean);
    const lastEvent = seen?.lastEvent ?? { name: 'present', timestamp: Math.round(this.#now()) };
    const { clientId } = this.client.auth;
    return { clientId, connectionId, isConnected: true, profileData, location, lastEvent };
  }

  /** The lock, if somebody holds it; one that we have let go counts as free before the others hear of it. */
  heldLock(id: string): Lock | undefined {
    const lock = this.state.heldLock(id);
    if (!lock || !this.isOwn(lock.member.connectionId)) return lock;
    const { self } = this;
    const isWanted = this.queue.state?.locks.get(id)?.timestamp === lock.timestamp;
    return isWanted && self ? { ...lock, member: self } : undefined;
  }

  /** Enters, and resolves when the presence set shows it. */
  async enter(profile: ProfileData): Promise<void> {
    await this.enterUnseen(profile);
    await this.synced();
    const isIn = () => Boolean(this.#present(this.#identity.keys[0]));
    await this.#conditions.until(() => isIn() || this.isDisposed || !this.queue.state, ECHO_MS);
    if (!isIn()) throw errors.echoMissing(this.name);
  }

  /** Enters; resolves on acknowledgement. Rejects with 40012 when the client has no clientId. */
  async enterUnseen(profile: ProfileData): Promise<void> {
    void this.ownOrNull;
    const isConnected = this.client.connection.state === 'connected';
    if (isConnected && !hasClientId(this.client)) throw errors.clientIdMissing();
    this.#hasLeft = false;
    await this.queue.enter(profile);
  }

  /** Leaves; resolves on acknowledgement. */
  async leave(profile?: { value: ProfileData }): Promise<void> {
    void this.own;
    this.#hasLeft = true;
    try {
      await this.queue.leave(profile);
    } catch (error) {
      if (this.queue.state) this.#hasLeft = false;
      throw error;
    }
  }

  /** As {@link leave}, without waiting for what is on its way. Never rejects. */
  leaveNow(): void {
    this.#hasLeft = true;
    this.queue.leaveNow().catch(() => {});
  }

  /** The time for a new lock request: the service's clock in ms, never twice the same. */
  stamp(): number {
    this.#lastStamp = Math.max(Math.round(this.#now()), this.#lastStamp + 1);
    return this.#lastStamp;
  }

  /** Sends the server a command of ours (`extras.parvis`), which changes nothing of what we are. Resolves on acknowledgement. */
  async command(body: object): Promise<void> {
    const { own } = this;
    const data = memberData(own, own, { locks: new Map() }, () => '');
    await this.channel.presence.update(presenceValue(this.client, data, { [OWN_KEY]: body }));
  }

  /** Leaves, detaches, and ends every listener and timer. Never rejects. */
  async dispose(): Promise<void> {
    if (this.isDisposed) return;
    this.isDisposed = true;
    this.client.connection.off(this.#refresh);
    this.#feed.stop();
    this.#leavers.clear();
    this.#conditions.check();
    await quit(this.client, this.channel, async () => this.queue.state && this.queue.leave());
  }

  #present(key: string): SpaceMember | undefined {
    const member = this.state.member(key);
    return member?.isConnected ? member : undefined;
  }

  readonly #refresh = (): void => this.#identity.refresh(this.queue.state !== null);

  #receive(raw: PresenceMessageLike): void {
    this.#refresh();
    const message = parseMember(raw);
    if (!message) return;
    const { isServed } = this;
    const changes = this.state.apply(message);
    if (message.key === this.#identity.keys[0] && message.action === 'leave') this.#hasLeft = false;
    if (!isServed && !this.#identity.owns(message.connectionId)) this.#defend(message);
    this.#publish(changes);
  }

  #publish(changes: readonly Change[]): void {
    if (this.state.isServed) for (const change of changes) if (change.on === 'locks') this.#note(change.payload);
    this.#settleLocks();
    for (const change of changes) if (change.on === 'members') this.#time(change.payload);
    if (!this.isDisposed) this.#listener.changed(changes);
    this.#conditions.check();
  }

  /** Plans the removal of a member who left, or calls it off. */
  #time({ connectionId, clientId }: SpaceMember): void {
    const key = memberKey(connectionId, clientId);
    if (this.isDisposed || this.state.member(key)?.isConnected !== false) this.#leavers.cancel(key);
    else this.#leavers.plan(key, this.#options.offlineTimeout);
  }

  #lose(): void {
    this.#refresh();
    this.state.locks.isPaused = true;
    // Before the first attach nothing of ours can have been lost.
    this.#isRestoring = this.#hasAttached && this.queue.state !== null;
    this.#hasAttached = true;
    this.#losses += 1;
  }

  #sync(members: readonly PresenceMessageLike[]): void {
    void this.isServed;
    const messages = members.map(parseMember).filter((message): message is MemberMessage => message !== undefined);
    for (const changes of this.state.reconcile(messages)) this.#publish(changes);
    const changes = this.state.resumeLocks(this.#identity.keys[0]);
    if (changes.length) this.#publish(changes);
    else this.#conditions.check();
    if (this.#isRestoring) this.#restore();
  }

  #restore(): void {
    const { keys } = this.#identity;
    // The service let go of us: our locks were free, and may be others' by now.
    if (this.isServed) this.#askBack(keys.length > 1);
    else if (!keys.some((key) => this.#present(key))) this.#askAnew();
    const losses = this.#losses;
    const done = () => {
      if (losses === this.#losses) this.#isRestoring = false;
    };
    this.queue.repeat(keys.length === 1).then(done, (error) => {
      done();
      if (!this.isDisposed) this.#listener.failed(error);
    });
  }

  #askAnew(): void {
    for (const lock of this.queue.confirmed?.locks.values() ?? []) {
      this.queue.replace(lock, this.state.heldLock(lock.id) ? null : { ...lock, timestamp: this.stamp() });
    }
  }

  /** Under a new connection, what the old one still holds comes back when that has ended. */
  #askBack(isNew: boolean): void {
    for (const lock of isNew ? (this.queue.confirmed?.locks.values() ?? []) : []) {
      const again = { ...lock, terms: { ...lock.terms, wait: true } };
      this.queue.replace(lock, again);
      const isOver = () => this.#isHeld(again) || this.isDisposed;
      void this.#conditions.until(isOver, GRACE_MS).then(() => {
        const isWanted = this.queue.state?.locks.get(lock.id) === again;
        if (isWanted && !isOver() && !(lock.terms && 'wait' in lock.terms)) this.queue.release(lock.id).catch(() => {});
      });
    }
  }

  /** Takes note of an own request that the server has ended. */
  #note({ id, status, timestamp, reason, member }: Lock): void {
    const isEnd = reason ? reason.code !== errors.lockLost(id).code : !this.#isRestoring;
    const isWanted = this.queue.state?.locks.get(id)?.timestamp === timestamp;
    if (status === 'unlocked' && isEnd && isWanted && this.#identity.owns(member.connectionId)) {
      this.#ended.set(id, timestamp);
    }
  }

  #goOut(): void {
    this.state.locks.isPaused = true;
    this.#isRestoring = false;
    this.#hasAttached = false;
    this.#hasLeft = true;
    this.queue.reset();
    this.#conditions.check();
  }

  #settleLocks(): void {
    const { locks, isServed } = this.state;
    if (isServed) {
      for (const lock of this.queue.confirmed?.locks.values() ?? []) {
        if (this.#ended.get(lock.id) !== lock.timestamp) continue;
        this.queue.replace(lock, null);
        this.#ended.delete(lock.id);
      }
      return;
    }
    if (locks.isPaused) return;
    for (const lock of this.queue.confirmed?.locks.values() ?? []) {
      // Those who missed something may have refused us in favour of another: what we say ends all doubt.
      if (!this.#isHeld(lock)) {
        if (this.#isRefused(lock)) this.queue.withdraw(lock);
      } else if (locks.isContested(lock.id)) this.queue.claim(lock);
    }
  }

  /** Who gives up a lock that we hold asked for it unseen by us, and may have refused us for as long: tells that we hold it. */
  #defend({ locks = [] }: MemberMessage): void {
    if (this.state.locks.isPaused) return;
    for (const { id } of locks) {
      const lock = this.queue.confirmed?.locks.get(id);
      if (lock && this.#isHeld(lock)) this.queue.claim(lock);
    }
  }

  #isRefused({ id, timestamp }: OwnLock): boolean {
    return this.#identity.keys.some((key) => this.state.locks.isRefused(key, id, timestamp));
  }

  #isHeld({ id, timestamp }: OwnLock): boolean {
    const lock = this.state.heldLock(id);
    if (lock?.timestamp !== timestamp) return false;
    const { connectionId } = lock.member;
    // What an earlier connection holds is not this one's to restate.
    return this.isServed ? connectionId === this.#identity.connectionId : this.#identity.owns(connectionId);
  }

  #decided(locks: readonly OwnLock[]): Promise<unknown> {
    // The server takes a request that is sent again for the same one.
    if (this.isServed || !isGranted(this.channel, 'presence_subscribe')) return Promise.resolve();
    const isDecided = () => {
      if (this.isDisposed) return true;
      if (this.state.locks.isPaused) return false;
      // What a whole presence set does not show of us has been lost, and no echo will come.
      return this.#isRestoring || locks.every((lock) => this.#isHeld(lock) || this.#isRefused(lock));
    };
    return this.#conditions.until(isDecided, DECISION_MS);
  }
}

function adopted(member: SpaceMember, state: SpaceState, key: string): OwnState {
  const locks = state.locks.requestsOf(key).filter(({ refused }) => !refused);
  return {
    profile: member.profileData,
    location: member.location,
    locks: new Map(locks.map(({ entry: { status: _, ...lock } }) => [lock.id, lock])),
  };
}
