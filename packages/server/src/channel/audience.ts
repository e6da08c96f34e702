import { Mode } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import type { ChannelRef, Entry } from '../engine/engine.ts';
import { type AppCounters, countInto } from '../observe/appCounters.ts';
import { detailsOf } from './activeChannels.ts';
import type { Attachment } from './attachment.ts';
import type { MessagePayload, PresencePayload } from './entryView.ts';
import { isMetachannel, type Metachannels } from './metachannels.ts';
import type { MutationPayload } from './mutationView.ts';
import { Occupancy, type OccupancyMetrics, occupancyOf } from './occupancy.ts';
import { OccupancyFeed, type OccupancySource } from './occupancyFeed.ts';

/** The channel, as far as its audience has to do with it. */
export interface AudienceParts {
  readonly ref: ChannelRef;
  readonly clock: Clock;
  readonly occupancyIntervalMs: number;
  readonly counters: AppCounters;
  readonly meta: Metachannels;
  members(): number;
  /** Those that are live. */
  attachments(): Iterable<Attachment>;
  /** Sends what waits; the position up to which all live attachments have been sent everything. */
  settle(): string;
}

/**
 * The live attachments of a channel in numbers: who is there, how many get what is delivered, and who is told of it.
 * Coming and going costs some additions, a delivery one.
 */
export class Audience implements OccupancySource {
  readonly #parts: AudienceParts;
  readonly #occupancy = new Occupancy();
  /** There while somebody asks who is on the channel. */
  #feed: OccupancyFeed | undefined;
  /** Those that know the channel by another name, beside which their connection may have one more. */
  #otherNames = 0;
  /** Subscribers that do not get back what their connection publishes, by it. */
  readonly #silent = new Map<string, number>();
  #cancelLifecycle: (() => void) | undefined;

  constructor(parts: AudienceParts) {
    this.#parts = parts;
  }

  get name(): string {
    return this.#parts.ref.name;
  }

  settle(): string {
    return this.#parts.settle();
  }

  add(attachment: Attachment): void {
    this.#count(attachment, 1);
    this.changed();
  }

  remove(attachment: Attachment): void {
    if (attachment.occupancy !== undefined) {
      this.#feed?.remove(attachment);
      if (this.#feed?.empty === true) this.#feed = undefined;
    }
    this.#count(attachment, -1);
    this.changed();
  }

  /** Gives an attachment other modes. */
  regrant(attachment: Attachment, modes: number): void {
    this.#count(attachment, -1);
    attachment.modes = modes;
    this.#count(attachment, 1);
    this.changed();
  }

  /** Tells an attachment that asked for it who is on the channel, now and whenever that changes. */
  watch(attachment: Attachment): void {
    if (attachment.occupancy === undefined) return;
    this.#feed ??= new OccupancyFeed(this, this.#parts.clock, this.#parts.occupancyIntervalMs);
    this.#feed.add(attachment, attachment.occupancy);
  }

  /** The numbers may have changed. */
  changed(): void {
    this.#feed?.changed();
    const { meta, ref, clock, occupancyIntervalMs } = this.#parts;
    if (!meta.isHeard(ref.app, 'channel.lifecycle')) return;
    this.#cancelLifecycle ??= clock.after(occupancyIntervalMs, () => this.#tellLifecycle());
  }

  /** Nobody is told anything more. */
  stop(): void {
    this.#feed?.stop();
    this.#cancelLifecycle?.();
    this.#cancelLifecycle = undefined;
  }

  /** Who is on the channel: attachments of this node, members of all. Here those of other nodes are to be added. */
  metrics(): OccupancyMetrics {
    const members = this.#parts.members();
    return this.#otherNames > 0 ? occupancyOf(this.#parts.attachments(), members) : this.#occupancy.metrics(members);
  }

  presentBits(): number {
    return this.#occupancy.presentBits(this.#parts.members());
  }

  /** Counts an entry that goes to all. What a filter keeps from a derived channel counts as given. */
  delivered({ kind, payload }: Entry): void {
    const { messages, presence } = this.#parts.counters.outbound.realtime;
    const { subscribers, presenceSubscribers } = this.#occupancy;
    if (kind === 'message' && subscribers > 0) {
      const { messages: given, connectionId } = payload as MessagePayload;
      const silent = connectionId === undefined ? 0 : (this.#silent.get(connectionId) ?? 0);
      countInto(messages, given, subscribers - silent);
    } else if (kind === 'mutation' && subscribers > 0) {
      countInto(messages, [(payload as MutationPayload).message], subscribers);
    } else if (kind === 'presence' && presenceSubscribers > 0) {
      countInto(presence, (payload as PresencePayload).presence, presenceSubscribers);
    }
  }

  #tellLifecycle(): void {
    this.#cancelLifecycle = undefined;
    const { meta, ref } = this.#parts;
    if (!isMetachannel(ref.name)) meta.tell(ref.app, 'channel.lifecycle', 'channel.occupancy', () => detailsOf(this));
  }

  #count({ modes, name, echo, subscriber }: Attachment, change: 1 | -1): void {
    this.#occupancy.count(modes, change);
    if (name !== this.name) this.#otherNames += change;
    if (echo || (modes & Mode.SUBSCRIBE) === 0) return;
    const count = (this.#silent.get(subscriber.connectionId) ?? 0) + change;
    if (count === 0) this.#silent.delete(subscriber.connectionId);
    else this.#silent.set(subscriber.connectionId, count);
  }
}
