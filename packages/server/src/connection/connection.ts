import { Action, type ConnectionDetails, type ErrorInfo, errors, type ProtocolMessage } from '@parvis/protocol';
import type { Principal } from '../access/principal.ts';
import type { Subscriber } from '../channel/attachment.ts';
import { Frame } from '../channel/frame.ts';
import { NamedRates, type Rate, rateOf } from '../channel/rate.ts';
import { ruleOf } from '../channel/rule.ts';
import type { Transport } from '../transport/transport.ts';
import { Acks } from './acks.ts';
import { Attachments } from './attachments.ts';
import type { ConnectionHost } from './host.ts';
import { Outbox } from './outbox.ts';
import type { PendingChanges } from './pendingChanges.ts';

/** What a connect request asked for, beyond its credentials. Times in ms. */
export interface ConnectionOptions {
  readonly echo: boolean;
  /** The client needs HEARTBEAT messages; else pings of the transport will do. */
  readonly heartbeats: boolean;
  /** Longest silence of ours. */
  readonly maxIdleIntervalMs: number;
  /** How long members stay once the transport is lost. */
  readonly presenceGraceMs: number;
  /** Whether the transport is TLS, or a trusted proxy says so. */
  readonly secure: boolean;
}

/** Frames of one client that may wait for storage; past it we stop reading until half are through. */
const MAX_PENDING = 1_000;
/** Channels of one client whose rate is remembered. */
const MAX_CHANNEL_RATES = 1_000;

/**
 * One client's session over one transport: who it is, what it is attached to, what it is owed an answer for.
 *
 * ```
 *   connected ──lose──► lost      transport gone: state may be resumed, members stay for the grace period
 *       │  ├────close──► closed   CLOSE, or a fatal error: members leave at once
 *       │  └────replace► replaced another transport resumed it: nothing of its state is touched
 * ```
 */
export class Connection implements Subscriber {
  readonly connectionId: string;
  readonly options: ConnectionOptions;
  readonly host: ConnectionHost;
  readonly outbox: Outbox;
  readonly acks: Acks;
  readonly attachments: Attachments;
  /** There once it has changed a message. */
  changes: PendingChanges | undefined;
  /** Whether it goes on from an earlier transport, whose attachments still count for what the client sends. */
  readonly resumed: boolean;
  /** Secret handle for a resume; stays the same for the life of this transport. */
  readonly key: string;
  /** Who it was opened by: a new token changes what it may do, never whose it is. */
  readonly opener: Principal;
  principal: Principal;
  state: 'connected' | 'lost' | 'closed' | 'replaced' = 'connected';
  /** When the client last gave a sign of life, ms. */
  lastSeen: number;
  readonly messageRate: Rate;
  readonly protocolRate: Rate;
  #channelRates: NamedRates | undefined;
  #cancelExpiry: (() => void) | undefined;
  /** What the token's expiry asks for next: a new token, or the end. */
  #expiryStep: 'hint' | 'end' = 'end';
  #paused = false;
  /** What holds up the reading of more frames. */
  #holds = 0;

  constructor(
    host: ConnectionHost,
    transport: Transport,
    principal: Principal,
    options: ConnectionOptions,
    identity: { connectionId: string; resumed: boolean },
  ) {
    this.host = host;
    this.opener = principal;
    this.principal = principal;
    this.options = options;
    this.connectionId = identity.connectionId;
    this.resumed = identity.resumed;
    this.key = host.keys.mint(this.connectionId, principal);
    const { limits, flusher } = host;
    // The overflow is found in the middle of a fan-out; ending the connection there would change the list it walks.
    const overflow = () => setImmediate(() => this.disconnect(errors.backlogExceeded()));
    this.outbox = new Outbox(transport, flusher, { soft: limits.softBacklog, hard: limits.hardBacklog }, overflow);
    this.acks = new Acks((message, unhurried) => this.#answer(message, unhurried));
    this.attachments = new Attachments(this);
    this.messageRate = rateOf(limits.maxInboundRate);
    this.protocolRate = rateOf(limits.maxProtocolRate);
    this.lastSeen = host.clock.now();
    this.outbox.lastWrite = this.lastSeen;
    host.connections.add(this);
  }

  get echo(): boolean {
    return this.options.echo;
  }

  /** The lease that rows of its members live by. */
  get owner(): string {
    return `${this.principal.app.id}/${this.connectionId}`;
  }

  /** The lease that says whether the connection may still be resumed. */
  get stateOwner(): string {
    return stateOwnerOf(this.principal, this.connectionId);
  }

  send(frame: Frame): void {
    this.outbox.push(frame);
  }

  calmed(): Promise<void> | undefined {
    return this.outbox.calmed();
  }

  /** Sends a message to this client alone. */
  sendMessage(message: ProtocolMessage): void {
    this.outbox.push(new Frame(message));
  }

  /** CONNECTED, as the answer to connecting or to AUTH (spec RTN4h, CD2). */
  sendConnected(error?: ErrorInfo): void {
    this.sendMessage({
      action: Action.CONNECTED,
      connectionId: this.connectionId,
      connectionDetails: this.#details(),
      ...(error === undefined ? {} : { error: error.toJSON() }),
    });
  }

  /**
   * Reserves the answer to a frame that must be acknowledged, and stops reading while too many wait. On a channel with a
   * window it has that long to leave: half of all writes to those who move cursors would be nothing but answers.
   */
  reserve(msgSerial: number, channel?: string) {
    const unhurried = channel !== undefined && ruleOf(channel).windowMs > 0;
    const place = this.acks.reserve(msgSerial, unhurried);
    this.#readOrWait();
    return place;
  }

  /**
   * Counts what is published on each channel, attached or not: a rate of the client's token does not begin anew when it
   * attaches again.
   */
  get channelRates(): NamedRates {
    this.#channelRates ??= new NamedRates(MAX_CHANNEL_RATES);
    return this.#channelRates;
  }

  /** Reads nothing more until this settles: what is to wait for it must not pile up. */
  async unreadUntil(settled: Promise<void>): Promise<void> {
    this.#holds += 1;
    this.#readOrWait();
    await settled;
    this.#holds -= 1;
    this.#readOrWait();
  }

  /** Takes the identity's new token: from now on its capability and expiry hold. */
  authorize(principal: Principal): void {
    this.principal = principal;
    this.watchExpiry();
  }

  /** Asks for a new token in time, and disconnects when there is none (protocol reference 2.12). */
  watchExpiry(): void {
    this.#cancelExpiry?.();
    this.#cancelExpiry = undefined;
    const { expiresAt = Number.POSITIVE_INFINITY } = this.principal;
    const now = this.host.clock.now();
    this.#expiryStep = expiresAt - REAUTH_HINT_MS > now ? 'hint' : 'end';
    this.lookAtExpiry(now);
  }

  /** Called about once a second. A timer is set when something is soon due: one for all of a token's life would be dear. */
  lookAtExpiry(now: number): void {
    const { expiresAt } = this.principal;
    if (expiresAt === undefined || this.#cancelExpiry !== undefined) return;
    const left = expiresAt - (this.#expiryStep === 'hint' ? REAUTH_HINT_MS : 0) - now;
    if (left < SOON_MS) this.#cancelExpiry = this.host.clock.after(Math.max(left, 0), () => this.#expiryIsDue());
  }

  #expiryIsDue(): void {
    this.#cancelExpiry = undefined;
    if (this.#expiryStep === 'end') {
      this.disconnect(errors.tokenExpired());
      return;
    }
    this.#expiryStep = 'end';
    this.askForToken();
  }

  /** The token ends soon: the client is to send another, with AUTH (spec RTN22). */
  askForToken(): void {
    if (this.state === 'connected') this.sendMessage({ action: Action.AUTH });
  }

  /** Tells the client to come back, and ends the transport; its state is kept for a resume. */
  disconnect(error: ErrorInfo): void {
    if (this.state !== 'connected') return;
    this.host.refused(error, { connectionId: this.connectionId });
    this.sendMessage({ action: Action.DISCONNECTED, error: error.toJSON() });
    this.lose();
    this.outbox.end();
  }

  /** Ends for good with an error: the client goes to FAILED (spec RTN15i). */
  fail(error: ErrorInfo): void {
    if (this.state !== 'connected') return;
    this.host.refused(error, { connectionId: this.connectionId });
    this.sendMessage({ action: Action.ERROR, error: error.toJSON() });
    this.#end('closed');
    this.outbox.end();
  }

  /** Ends as the client asked (spec RTN12). */
  close(): void {
    if (this.state !== 'connected') return;
    this.sendMessage({ action: Action.CLOSED });
    this.#end('closed');
    this.outbox.end();
  }

  /** Another transport goes on with this connection: its state is that one's now. */
  replace(): void {
    if (this.state !== 'connected') return;
    this.sendMessage({ action: Action.DISCONNECTED, error: errors.connectionReplaced().toJSON() });
    this.#end('replaced');
    this.outbox.end();
  }

  /** The transport is gone. Members stay until their grace period is over, the state until its time is. */
  lose(): void {
    if (this.state !== 'connected') return;
    this.#end('lost');
  }

  #end(state: 'lost' | 'closed' | 'replaced'): void {
    this.state = state;
    this.#cancelExpiry?.();
    this.host.connections.remove(this, state);
    this.attachments.drop();
    if (state === 'lost') this.#lapseLater();
    else if (state === 'closed' && this.acks.pending === 0) this.#lapseNow();
  }

  #lapseLater(): void {
    this.#lease(this.owner, this.options.presenceGraceMs);
    this.#lease(this.stateOwner, this.host.limits.connectionStateTtlMs);
  }

  /** Not before the last append is through: a row written after its lease has ended would outlive it. */
  #lapseNow(): void {
    this.#lease(this.owner, 0);
    this.#lease(this.stateOwner, 0);
  }

  #lease(owner: string, ms: number): void {
    this.host.engine.lease(owner, ms).catch((failure) => {
      this.host.report('lease of a lost connection could not be set', { connectionId: this.connectionId, failure });
    });
  }

  #answer(message: ProtocolMessage, unhurried: boolean): void {
    if (this.state === 'closed' && this.acks.pending === 0) this.#lapseNow();
    if (this.state !== 'connected') return;
    if (unhurried) this.outbox.pushUnhurried(new Frame(message));
    else this.sendMessage(message);
    this.#readOrWait();
  }

  #readOrWait(): void {
    const isFull = this.acks.pending >= (this.#paused ? MAX_PENDING / 2 : MAX_PENDING);
    const pause = isFull || this.#holds > 0;
    if (pause === this.#paused || this.state !== 'connected') return;
    this.#paused = pause;
    if (pause) this.outbox.transport.pause();
    else this.outbox.transport.resume();
  }

  #details(): ConnectionDetails {
    const { limits } = this.host;
    const { clientId } = this.principal;
    return {
      connectionKey: this.key,
      ...(clientId === undefined ? {} : { clientId }),
      maxMessageSize: limits.maxMessageSize,
      maxFrameSize: limits.maxFrameSize,
      maxInboundRate: limits.maxInboundRate,
      connectionStateTtl: limits.connectionStateTtlMs,
      maxIdleInterval: this.options.maxIdleIntervalMs,
      serverId: this.host.serverId,
    };
  }
}

/** ms before the end of a token at which the client is asked for a new one. */
const REAUTH_HINT_MS = 30_000;
/** ms before it is due that a step has its timer set: more than from one look to the next. */
const SOON_MS = 5_000;

/** Name of the lease that a connection's resumable state lives by. */
export function stateOwnerOf(principal: Principal, connectionId: string): string {
  return `${principal.app.id}/${connectionId}#state`;
}
