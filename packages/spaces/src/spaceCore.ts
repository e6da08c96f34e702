import {
  type ChannelPort,
  hasClientId,
  isGranted,
  type PresenceMessageLike,
  presenceValue,
  type SpacesClient,
} from './client.ts';
import { errors } from './errors.ts';
import { Identity } from './identity.ts';
import { sameJson } from './json.ts';
import { LeaveTimers } from './leaveTimers.ts';
import type { OwnLock, OwnState } from './ownState.ts';
import { PresenceFeed } from './presenceFeed.ts';
import { PresenceQueue } from './presenceQueue.ts';
import { type Change, SpaceState } from './state.ts';
import type { Lock, ProfileData, SpaceMember, SpaceOptions } from './types.ts';
import { VERSION } from './version.ts';
import { Waiting } from './waiting.ts';
import { composeExtras, type MemberMessage, memberKey, parseMember, spaceChannel } from './wire.ts';

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

/**
 * What the views of a space share: the fold of its presence, this client's own part in it, and the way in which the
 * own part survives a lost connection.
 */
export class SpaceCore {
  readonly channel: ChannelPort;
  readonly state = new SpaceState();
  readonly queue: PresenceQueue;
  private readonly identity: Identity;
  private readonly feed: PresenceFeed;
  private readonly timers = new LeaveTimers();
  private readonly waiting = new Waiting();
  private hasAttached = false;
  // Between a loss of continuity and the acknowledgement of our restored state.
  private isRestoring = false;
  private losses = 0;
  // We left: the presence set may show us for a moment more.
  private hasLeft = false;
  private isDisposed = false;
  private lastStamp = 0;

  constructor(
    readonly name: string,
    readonly client: SpacesClient,
    private readonly options: SpaceOptions,
    private readonly listener: SpaceListener,
    private readonly now: () => number,
  ) {
    this.channel = client.channels.get(spaceChannel(name), { params: { agent: `spaces/${VERSION}` } });
    this.identity = new Identity(client);
    this.queue = new PresenceQueue({
      send: (operation, data, locks) => {
        this.refresh();
        const extras = composeExtras(locks, this.identity.former);
        return this.channel.presence[operation](presenceValue(client, data, extras));
      },
      isHeld: (lock) => this.isHeld(lock),
      decided: (locks) => this.decided(locks),
      acknowledged: () => this.settleLocks(),
    });
    this.feed = new PresenceFeed(this.channel, {
      message: (message) => this.receive(message),
      lost: () => this.lose(),
      synced: (members) => this.sync(members),
      gone: () => this.goOut(),
      failed: (error) => listener.failed(error),
    });
    client.connection.on(this.refresh);
    this.refresh();
    this.feed.start();
  }

  /** Resolves when the fold is up to date; rejects as the client does. */
  synced(): Promise<void> {
    return this.feed.synced();
  }

  /** Whether a connection is this client's, now or before it came back under another id. */
  isOwn(connectionId: string): boolean {
    this.refresh();
    return this.identity.owns(connectionId);
  }

  /** This client as a member, with all that it has set so far; null when it is not in or has no connection. */
  get self(): SpaceMember | null {
    this.refresh();
    const own = this.queue.state;
    const { connectionId, keys } = this.identity;
    if (!this.client.connection.id || (!own && this.hasLeft)) return null;
    const [member] = (own ? keys : keys.slice(0, 1)).flatMap((key) => this.state.present(key) ?? []);
    if (!member) return own && this.isRestoring ? this.selfToBe(own) : null;
    const told = own ?? { profile: member.profileData, location: member.location };
    const isSame = sameJson(told.profile, member.profileData) && sameJson(told.location, member.location);
    if (isSame && member.connectionId === connectionId) return member;
    return { ...member, connectionId, profileData: told.profile, location: told.location };
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
    this.refresh();
    const { queue, state } = this;
    const { key } = this.identity;
    const member = state.present(key);
    // Entered through somebody else on our connection, or before it was recovered.
    if (!queue.state && member && !this.hasLeft) queue.adopt(adopted(member, state, key));
    return queue.state;
  }

  /** As {@link self}, made up of the wanted state while the presence set does not show us. */
  selfToBe({ profile, location }: OwnState): SpaceMember {
    const { connectionId } = this.identity;
    const { clientId } = this.client.auth;
    const lastEvent = { name: 'present', timestamp: Math.round(this.now()) } as const;
    return { clientId, connectionId, isConnected: true, profileData: profile, location, lastEvent };
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
    const isIn = () => Boolean(this.state.present(this.identity.key));
    await this.waiting.until(() => isIn() || this.isDisposed || !this.queue.state, ECHO_MS);
    if (!isIn()) throw errors.echoMissing(this.name);
  }

  /** Enters; resolves on acknowledgement. Rejects with 40012 when the client has no clientId. */
  async enterUnseen(profile: ProfileData): Promise<void> {
    void this.ownOrNull;
    const isConnected = this.client.connection.state === 'connected';
    if (isConnected && !hasClientId(this.client)) throw errors.clientIdMissing();
    this.hasLeft = false;
    await this.queue.enter(profile);
  }

  /** Leaves; resolves on acknowledgement. */
  async leave(profile?: { value: ProfileData }): Promise<void> {
    void this.own;
    this.hasLeft = true;
    try {
      await this.queue.leave(profile);
    } catch (error) {
      if (this.queue.state) this.hasLeft = false;
      throw error;
    }
  }

  /** The time for a new lock request: the service's clock in ms, never twice the same. */
  stamp(): number {
    this.lastStamp = Math.max(Math.round(this.now()), this.lastStamp + 1);
    return this.lastStamp;
  }

  /** Leaves, detaches, and ends every listener and timer. Never rejects. */
  async dispose(): Promise<void> {
    if (this.isDisposed) return;
    const isIn = this.queue.state && this.client.connection.state === 'connected';
    this.isDisposed = true;
    this.client.connection.off(this.refresh);
    this.feed.stop();
    this.timers.clear();
    this.waiting.check();
    if (isIn) await this.queue.leave().catch(() => {});
    await this.channel.detach().catch(() => {});
  }

  private readonly refresh = (): void => this.identity.refresh(this.queue.state !== null);

  private receive(raw: PresenceMessageLike): void {
    this.refresh();
    const message = parseMember(raw);
    if (!message) return;
    const changes = this.state.apply(message);
    if (message.key === this.identity.key && message.action === 'leave') this.hasLeft = false;
    this.publish(changes);
  }

  private publish(changes: readonly Change[]): void {
    this.settleLocks();
    for (const change of changes) if (change.on === 'members') this.time(change.member);
    if (!this.isDisposed) this.listener.changed(changes);
    this.waiting.check();
  }

  private time({ connectionId, clientId }: SpaceMember): void {
    const key = memberKey(connectionId, clientId);
    this.timers.stop(key);
    if (!this.state.isLeaver(key)) return;
    this.timers.start(key, this.options.offlineTimeout, () => {
      const changes = this.state.remove(key);
      if (changes.length) this.publish(changes);
    });
  }

  private lose(): void {
    this.refresh();
    this.state.pauseLocks();
    // Before the first attach nothing of ours can have been lost.
    this.isRestoring = this.hasAttached && this.queue.state !== null;
    this.hasAttached = true;
    this.losses += 1;
  }

  private sync(members: readonly PresenceMessageLike[]): void {
    const messages = members.map(parseMember).filter((message): message is MemberMessage => message !== undefined);
    for (const changes of this.state.reconcile(messages)) this.publish(changes);
    const changes = this.state.resumeLocks(this.identity.key);
    if (changes.length) this.publish(changes);
    else this.waiting.check();
    if (this.isRestoring) this.restore();
  }

  private restore(): void {
    const { keys } = this.identity;
    // The service let go of us: our locks were free, and may be others' by now.
    if (!keys.some((key) => this.state.present(key))) this.askAnew();
    const { losses } = this;
    const done = () => {
      if (losses === this.losses) this.isRestoring = false;
    };
    this.queue.repeat(keys.length === 1).then(done, (error) => {
      done();
      if (!this.isDisposed) this.listener.failed(error);
    });
  }

  private askAnew(): void {
    for (const lock of this.queue.confirmed?.locks.values() ?? []) {
      this.queue.replace(lock, this.state.heldLock(lock.id) ? null : { ...lock, timestamp: this.stamp() });
    }
  }

  private goOut(): void {
    this.state.pauseLocks();
    this.isRestoring = false;
    this.hasAttached = false;
    this.hasLeft = true;
    this.queue.reset();
    this.waiting.check();
  }

  private settleLocks(): void {
    for (const lock of this.queue.confirmed?.locks.values() ?? []) {
      const verdict = this.verdict(lock);
      if (verdict === 'refused') this.queue.withdraw(lock);
      // Those who missed something may have refused us in favour of another: what we say ends all doubt.
      if (verdict === 'held' && this.state.isContested(lock.id)) this.queue.claim(lock);
    }
  }

  private verdict(lock: OwnLock): 'open' | 'held' | 'refused' {
    if (this.state.isPaused) return 'open';
    if (this.isHeld(lock)) return 'held';
    const { id, timestamp } = lock;
    const isRefused = this.identity.keys.some((key) => this.state.verdict(key, id, timestamp) === 'refused');
    return isRefused ? 'refused' : 'open';
  }

  private isHeld({ id, timestamp }: OwnLock): boolean {
    const lock = this.state.heldLock(id);
    return lock?.timestamp === timestamp && this.identity.owns(lock.member.connectionId);
  }

  private decided(locks: readonly OwnLock[]): Promise<unknown> {
    if (!isGranted(this.channel, 'presence_subscribe')) return Promise.resolve();
    const isOpen = () => locks.some((lock) => this.verdict(lock) === 'open');
    // What a whole presence set does not show of us has been lost, and no echo will come.
    const isLost = () => this.isRestoring && !this.state.isPaused;
    return this.waiting.until(() => this.isDisposed || isLost() || !isOpen(), DECISION_MS);
  }
}

function adopted(member: SpaceMember, state: SpaceState, key: string): OwnState {
  const locks = state.requestsOf(key).filter(({ refused }) => !refused);
  return {
    profile: member.profileData,
    location: member.location,
    locks: new Map(locks.map(({ entry: { status: _, ...lock } }) => [lock.id, lock])),
  };
}
