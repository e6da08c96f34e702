import {
  ErrorInfo,
  errors,
  type Message,
  messageSerial,
  namespaceOf,
  type PresenceMessage,
  type PublishResult,
  toErrorInfo,
} from '@parvis/protocol';
import type { App } from '../access/app.ts';
import type { Principal } from '../access/principal.ts';
import type { Clock } from '../clock.ts';
import type { ChannelRef, Draft, Engine } from '../engine/engine.ts';
import type { Limits } from '../limits.ts';
import { countInto } from '../observe/appCounters.ts';
import type { Meter } from '../observe/meter.ts';
import {
  type ActiveChannelsQuery,
  activeChannels,
  type ChannelDetails,
  closedDetails,
  detailsOf,
} from './activeChannels.ts';
import { Channel } from './channel.ts';
import { countPublished } from './countPublished.ts';
import type { MessagePayload } from './entryView.ts';
import { type HistoryPage, type HistoryQuery, messageHistory, presenceHistory } from './history.ts';
import { type FreeLock, type LockDetails, lockOf, locksOf } from './lockView.ts';
import { isMetachannel, Metachannels, requireWritable } from './metachannels.ts';
import { MutableMessages } from './mutableMessages.ts';
import { type Member, presentOf } from './presence.ts';
import { presenceTable } from './presenceTable.ts';
import { draftMessages, type Publisher } from './publish.ts';
import { Push } from './push.ts';
import { wantsPush } from './pushDelivery.ts';
import { assertOwnName, writableChannel } from './qualifiedName.ts';
import { isMutable, isPersisted, retentionOf } from './rule.ts';
import type { Stats } from './stats.ts';

/** What the channels of a node are made with. */
export interface ChannelsParts {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly report: (failure: unknown, channel: string) => void;
  readonly onLost: (channel: Channel) => void;
  readonly meter: Meter;
  readonly stats: Stats;
}

/** Which members of a presence set are asked for; filters combine. */
export interface PresenceQuery {
  readonly clientId?: string;
  readonly connectionId?: string;
  /** Members, 1 to 1000. */
  readonly limit: number;
  /** Key of the last member of the page before. */
  readonly cursor?: string;
}

/** Channels without listeners that stay in memory for the whole of `idleChannelMs`; of more, each goes after this many ms. */
const MAX_IDLE = 10_000;
const CROWDED_IDLE_MS = 1_000;

/** A channel that is open or opening. */
interface OpenChannel {
  readonly opening: Promise<Channel>;
  channel: Channel | undefined;
}

/**
 * All channels of a node, and the one door to them: realtime connections and HTTP requests ask here, with the same
 * rights. Errors are those of the protocol reference: 40010 for a name, 40160 for a right.
 */
export class Channels {
  /** Changes and annotations of messages that were published. */
  readonly mutable: MutableMessages;
  /** Where the service tells what happens in an app. */
  readonly meta: Metachannels;
  readonly #parts: ChannelsParts;
  readonly #open = new Map<string, OpenChannel>();
  /** Apps whose channels are being enumerated. */
  readonly #enumerated = new Set<string>();

  /** Devices that are notified of messages. */
  readonly push: Push;

  constructor(parts: ChannelsParts) {
    this.#parts = parts;
    this.meta = new Metachannels(parts);
    this.mutable = new MutableMessages({ ...parts, ref: (app, name) => this.ref(app, name) });
    this.push = new Push(parts.engine, {
      publish: (...asked) => this.publish(...asked),
      report: (failure, channel, app) => {
        const tellable = () => ({ channel, error: toErrorInfo(failure).toJSON() });
        this.meta.tell(app.id, 'log:push', 'error', tellable);
        // What was refused was refused with a reason; anything else is a bug.
        if (failure instanceof ErrorInfo) parts.meter.refused(failure.code);
        else parts.report(failure, channel);
      },
    });
  }

  /** The channel, if it is open. */
  opened(app: App, name: string): Channel | undefined {
    const known = this.#open.get(keyOf(app, name));
    if (known?.channel !== undefined) this.#keep(known);
    return known?.channel;
  }

  /** The channel, fed by the engine from now on; it stays so for a while after the last attachment is gone. */
  open(app: App, name: string): Promise<Channel> {
    const key = keyOf(app, name);
    const known = this.#open.get(key);
    if (known !== undefined) {
      this.#keep(known);
      return known.opening;
    }
    const record: OpenChannel = { opening: this.#join(app, name), channel: undefined };
    this.#open.set(key, record);
    record.opening.then(
      (channel) => {
        record.channel = channel;
        this.#opened(channel);
      },
      () => this.#open.delete(key),
    );
    return record.opening;
  }

  /** Publishes as one atomic entry and resolves once it is stored. The caller has checked modes; we check the right. */
  async publish(
    principal: Principal,
    name: string,
    publisher: Publisher,
    messages: readonly Message[],
  ): Promise<PublishResult> {
    const channel = writableChannel(name);
    requireWritable(channel);
    const ref = this.ref(principal.app, channel);
    this.#allow(principal, 'publish', name);
    const notifies = wantsPush(principal.app, channel, messages);
    const userClaim = principal.userClaims?.for(channel);
    const draft = draftMessages(
      userClaim === undefined ? publisher : { ...publisher, userClaim },
      messages,
      this.#parts.limits,
    );
    const result = await this.#parts.engine.append(ref, draft);
    if (result.outcome === 'refused') throw errors.internal();
    if (result.outcome === 'appended') {
      this.#countPublished(principal.app, channel, publisher, draft);
      if (notifies) this.push.delivery.forward(principal.app, channel, messages);
    }
    return { serials: messages.map((_, index) => messageSerial(result.entry.serial, index)) };
  }

  async history(principal: Principal, name: string, query: HistoryQuery): Promise<HistoryPage<Message>> {
    const ref = this.ref(principal.app, writableChannel(name));
    this.#allow(principal, 'history', name);
    const page = await messageHistory(this.#parts.engine, ref, query, isMutable(principal.app, ref.name));
    countInto(this.#parts.stats.of(ref.app).outbound.rest.messages, page.items);
    return page;
  }

  async presenceHistory(
    principal: Principal,
    name: string,
    query: HistoryQuery,
  ): Promise<HistoryPage<PresenceMessage>> {
    const ref = this.ref(principal.app, writableChannel(name));
    this.#allow(principal, 'history', name);
    const page = await presenceHistory(this.#parts.engine, ref, query);
    countInto(this.#parts.stats.of(ref.app).outbound.rest.presence, page.items);
    return page;
  }

  /** Members of a presence set, ordered by member key, with the action `present`. */
  async members(principal: Principal, name: string, query: PresenceQuery): Promise<HistoryPage<PresenceMessage>> {
    const ref = this.ref(principal.app, writableChannel(name));
    this.#allow(principal, 'subscribe', name);
    const items: PresenceMessage[] = [];
    let afterKey = query.cursor;
    for (;;) {
      const page = await this.#parts.engine.rows(ref, presenceTable, {
        limit: 1_000,
        ...(afterKey === undefined ? {} : { afterKey }),
      });
      for (const row of page.rows) {
        const message = presentOf({ message: row.value as Member['message'], serial: row.serial, time: row.time });
        if (!matches(message, query)) continue;
        if (items.length === query.limit) return { items, ...(afterKey === undefined ? {} : { next: afterKey }) };
        items.push(message);
        afterKey = row.key;
      }
      const last = page.rows[page.rows.length - 1];
      if (!page.more || last === undefined) return { items };
      afterKey = last.key;
    }
  }

  /** All locks of a space that are held, by id. Needs the right to subscribe to its channel. */
  locks(principal: Principal, space: string): Promise<LockDetails[]> {
    return locksOf(this.#parts.engine, this.#lockRef(principal, space));
  }

  /** One lock of a space, held or not. Needs the right to subscribe to its channel. */
  lock(principal: Principal, space: string, id: string): Promise<LockDetails | FreeLock> {
    return lockOf(this.#parts.engine, this.#lockRef(principal, space), id);
  }

  #lockRef(principal: Principal, space: string): ChannelRef {
    const name = `${space}::$space`;
    const ref = this.ref(principal.app, writableChannel(name));
    this.#allow(principal, 'subscribe', name);
    return ref;
  }

  /** Who is on a channel (spec RSL8). A channel that nobody is on is not told from one that never was. */
  async status(principal: Principal, requested: string): Promise<ChannelDetails> {
    const name = writableChannel(requested);
    this.#allow(principal, 'channel-metadata', requested);
    const open = this.#open.get(keyOf(principal.app, name))?.channel;
    return open === undefined ? closedDetails(name, await this.#countMembers(principal.app, name)) : detailsOf(open);
  }

  /**
   * A page of the app's channels that are open on this node, by name. Needs the right to the metadata of all channels;
   * one call of an app at a time goes through them, another meanwhile is refused with 42912.
   */
  async active({ app, capability }: Principal, query: ActiveChannelsQuery): Promise<HistoryPage<ChannelDetails>> {
    if (!capability.allowsEverywhere('channel-metadata'))
      throw errors.capabilityDenied('channel-metadata', 'channel *');
    if (this.#enumerated.has(app.id)) throw errors.enumerationBusy();
    this.#enumerated.add(app.id);
    try {
      // It looks at every channel of the node: what came in before goes first.
      await new Promise((resolve) => setImmediate(resolve));
      return activeChannels(this.#openOf(app), query);
    } finally {
      this.#enumerated.delete(app.id);
    }
  }

  /** How the engine knows a channel. Throws 40010; the name of an open channel is known to be good. */
  ref(app: App, name: string): ChannelRef {
    const open = this.#open.get(keyOf(app, name))?.channel;
    if (open !== undefined) return open.ref;
    assertOwnName(name);
    return { app: app.id, name, retentionMs: retentionOf(app, name, this.#parts.limits) };
  }

  /** Lets go of channels that nobody has been attached to for long enough. */
  async sweep(): Promise<void> {
    const { clock, limits } = this.#parts;
    const idle: [string, OpenChannel][] = [];
    for (const open of this.#open) if (open[1].channel?.idleSince !== undefined) idle.push(open);
    const ms = idle.length > MAX_IDLE ? Math.min(CROWDED_IDLE_MS, limits.idleChannelMs) : limits.idleChannelMs;
    const before = clock.now() - ms;
    const closing: Promise<void>[] = [];
    for (const [key, { channel }] of idle) {
      if (channel?.idleSince === undefined || channel.idleSince > before) continue;
      this.#open.delete(key);
      this.#closed(channel);
      closing.push(channel.close());
    }
    await Promise.all(closing);
  }

  /** Channels that are open on this node. */
  get size(): number {
    return this.#open.size;
  }

  #countPublished(app: App, channel: string, publisher: Publisher, draft: Draft): void {
    const { messages } = draft.payload as MessagePayload;
    this.#parts.meter.messagesPublished(messages.length);
    const persisted = draft.ephemeral !== true && isPersisted(app, channel);
    countPublished(this.#parts.stats.of(app.id), publisher, messages, persisted);
  }

  #opened(channel: Channel): void {
    const { ref } = channel;
    if (isMetachannel(ref.name)) {
      this.meta.opened(ref);
      return;
    }
    this.#parts.stats.of(ref.app).channels.up();
    this.meta.tell(ref.app, 'channel.lifecycle', 'channel.opened', () => detailsOf(channel));
  }

  #closed({ ref }: Channel): void {
    if (isMetachannel(ref.name)) {
      this.meta.closed(ref);
      return;
    }
    this.#parts.stats.find(ref.app)?.channels.down();
    this.meta.tell(ref.app, 'channel.lifecycle', 'channel.closed', () => closedDetails(ref.name, 0));
  }

  *#openOf(app: App): Iterable<Channel> {
    for (const { channel } of this.#open.values()) if (channel?.ref.app === app.id) yield channel;
  }

  async #countMembers(app: App, name: string): Promise<number> {
    let count = 0;
    for (let afterKey: string | undefined; ; ) {
      const page = await this.#parts.engine.rows(this.ref(app, name), presenceTable, {
        limit: 1_000,
        ...(afterKey === undefined ? {} : { afterKey }),
      });
      count += page.rows.length;
      afterKey = page.rows.at(-1)?.key;
      if (!page.more || afterKey === undefined) return count;
    }
  }

  /** Whoever asks is about to attach: a sweep must not close it under their feet. */
  #keep({ channel }: OpenChannel): void {
    if (channel?.idleSince !== undefined) channel.idleSince = this.#parts.clock.now();
  }

  async #join(app: App, name: string): Promise<Channel> {
    const { engine, clock, limits, meter, report, onLost } = this.#parts;
    const channel = new Channel({
      ref: this.ref(app, name),
      namespace: app.namespaces.get(namespaceOf(name)),
      engine,
      clock,
      meter,
      counters: this.#parts.stats.of(app.id),
      meta: this.meta,
      persisted: isPersisted(app, name),
      mutable: isMutable(app, name),
      maxMembers: app.maxPresenceMembers ?? limits.maxPresenceMembers,
      maxPresenceBytes: limits.maxPresenceSize,
      occupancyIntervalMs: limits.occupancyIntervalMs,
      report,
      onLost,
    });
    await channel.open();
    return channel;
  }

  #allow(
    principal: Principal,
    operation: 'publish' | 'subscribe' | 'history' | 'channel-metadata',
    name: string,
  ): void {
    if (!principal.capability.allows(operation, name)) throw errors.capabilityDenied(operation, `channel ${name}`);
  }
}

function matches(message: PresenceMessage, query: PresenceQuery): boolean {
  if (query.clientId !== undefined && message.clientId !== query.clientId) return false;
  return query.connectionId === undefined || message.connectionId === query.connectionId;
}

/** App ids hold no blank, so no two channels of two apps share a key. */
function keyOf(app: App, name: string): string {
  return `${app.id} ${name}`;
}
