import {
  type ChannelPort,
  hasClientId,
  isGranted,
  type PresenceMessageLike,
  presenceValue,
  type SpacesClient,
} from './client.ts';
import { errors } from './errors.ts';
import { sameJson } from './json.ts';
import { LeaveTimers } from './leaveTimers.ts';
import type { OwnLock, OwnState } from './ownState.ts';
import { PresenceFeed } from './presenceFeed.ts';
import { PresenceQueue } from './presenceQueue.ts';
import { type Change, SpaceState } from './state.ts';
import type { ProfileData, SpaceMember, SpaceOptions } from './types.ts';
import { VERSION } from './version.ts';
import { Waiting } from './waiting.ts';
import { composeExtras, MAX_FORMER, type MemberMessage, memberKey, parseMember, spaceChannel } from './wire.ts';

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
  /** Where this client was last seen: stays while the connection has no id. */
  connectionId = '';
  private key = '';
  private readonly formerIds: string[] = [];
  private readonly feed: PresenceFeed;
  private readonly timers = new LeaveTimers();
  private readonly waiting = new Waiting();
  // Between a loss of continuity and the echo of our restored state.
  private isRestoring = false;
  private isMoved = false;
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
    this.queue = new PresenceQueue({
      send: (operation, data, locks) => {
        const extras = composeExtras(locks, this.formerIds);
        return this.channel.presence[operation](presenceValue(client, data, extras));
      },
      isHeld: ({ id, timestamp }) => this.holds(id, timestamp),
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
    this.refreshIdentity();
    this.feed.start();
  }

  /** Resolves when the fold is up to date; rejects as the client does. */
  synced(): Promise<void> {
    return this.feed.synced();
  }

  /** This client as a member, with all that it has set so far; null when it is not in or has no connection. */
  get self(): SpaceMember | null {
    this.refreshIdentity();
    const member = this.state.present(this.key);
    const own = this.queue.state;
    if (!member || !this.client.connection.id || (!own && this.hasLeft)) return null;
    if (!own || (sameJson(own.profile, member.profileData) && sameJson(own.location, member.location))) return member;
    return { ...member, profileData: own.profile, location: own.location };
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
    this.refreshIdentity();
    const { queue, state, key } = this;
    const member = state.present(key);
    // Entered through somebody else on our connection, or before it was recovered.
    if (!queue.state && member && !this.hasLeft) queue.adopt(adopted(member, state, key));
    return queue.state;
  }

  /** As {@link self}, and made up of the wanted state while the presence set does not show us yet. Throws 101001. */
  get selfToBe(): SpaceMember {
    const { profile, location } = this.own;
    const { clientId } = this.client.auth;
    const lastEvent = { name: 'enter', timestamp: Math.round(this.now()) } as const;
    const { connectionId } = this;
    return this.self ?? { clientId, connectionId, isConnected: true, profileData: profile, location, lastEvent };
  }

  /** Whether this client is the holder, as far as it has not released the lock. */
  holds(id: string, timestamp: number): boolean {
    const held = this.state.heldLock(id);
    return held?.key === this.key && held.lock.timestamp === timestamp;
  }

  /** Whether a lock that the fold shows as held is one that we have just let go. */
  isLetGo(id: string): boolean {
    const held = this.state.heldLock(id);
    return held?.key === this.key && this.queue.state?.locks.get(id)?.timestamp !== held.lock.timestamp;
  }

  /** Enters, and resolves when the presence set shows it. */
  async enter(profile: ProfileData): Promise<void> {
    await this.enterUnseen(profile);
    await this.synced();
    const isOver = () => this.isDisposed || !this.queue.state;
    await this.waiting.until(() => Boolean(this.state.present(this.key)) || isOver(), ECHO_MS);
    if (!this.state.present(this.key)) throw errors.echoMissing(this.name);
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
      this.formerIds.length = 0;
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
    this.feed.stop();
    this.timers.clear();
    this.waiting.check();
    if (isIn) await this.queue.leave().catch(() => {});
    await this.channel.detach().catch(() => {});
  }

  private receive(raw: PresenceMessageLike): void {
    this.refreshIdentity();
    const message = parseMember(raw);
    if (!message) return;
    const isOwn = message.key === this.key;
    if (isOwn && message.action === 'leave') {
      // Made up by the client because a presence set does not show us: we are about to tell it again.
      if (!message.id && this.queue.state) return;
      this.hasLeft = false;
    }
    const isKept = isOwn && this.isRestoring;
    if (isKept && message.locks) this.isRestoring = false;
    this.publish(this.state.apply(message, isKept));
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

  private refreshIdentity(): void {
    const { connection, auth } = this.client;
    if (!connection.id || connection.id === this.connectionId) return;
    const [id, key] = [this.connectionId, this.key];
    this.connectionId = connection.id;
    this.key = memberKey(connection.id, auth.clientId);
    if (!this.queue.state) return;
    this.formerIds.splice(0, this.formerIds.length, ...this.formerIds.slice(1 - MAX_FORMER), id);
    this.isMoved = true;
    this.publish(this.state.rekey(key, this.key, this.connectionId));
  }

  private lose(): void {
    this.refreshIdentity();
    this.state.pauseLocks();
    if (this.queue.confirmed) this.isRestoring = true;
  }

  private sync(members: readonly PresenceMessageLike[]): void {
    const messages = members.map(parseMember).filter((message): message is MemberMessage => message !== undefined);
    for (const changes of this.state.reconcile(messages, this.isRestoring ? this.key : undefined))
      this.publish(changes);
    const id = this.formerIds[this.formerIds.length - 1];
    // The service let go of our old connection, so others may have taken our locks in good faith.
    const isLapsed = this.isMoved && !members.some(({ connectionId }) => connectionId === id);
    if (isLapsed) this.state.yieldLocks(this.key);
    const changes = this.state.resumeLocks(this.key);
    if (changes.length) this.publish(changes);
    else this.waiting.check();
    if (this.isRestoring) this.restore();
    this.isMoved = false;
  }

  private restore(): void {
    const done = () => {
      if (!this.queue.confirmed?.locks.size) this.isRestoring = false;
    };
    this.queue.repeat(!this.isMoved).then(done, (error) => {
      this.isRestoring = false;
      if (!this.isDisposed) this.listener.failed(error);
    });
  }

  private goOut(): void {
    this.state.pauseLocks();
    this.isRestoring = false;
    this.hasLeft = true;
    this.queue.reset();
    this.waiting.check();
  }

  private settleLocks(): void {
    for (const lock of this.queue.confirmed?.locks.values() ?? []) {
      if (this.state.verdict(this.key, lock.id, lock.timestamp) !== 'refused') continue;
      this.queue.withdraw(lock).catch((error) => this.listener.failed(error));
    }
  }

  private decided(locks: readonly OwnLock[]): Promise<unknown> {
    if (!isGranted(this.channel, 'presence_subscribe')) return Promise.resolve();
    const isOpen = ({ id, timestamp }: OwnLock) => this.state.verdict(this.key, id, timestamp) === 'open';
    return this.waiting.until(() => this.isDisposed || !locks.some(isOpen), DECISION_MS);
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
