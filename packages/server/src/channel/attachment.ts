import type { Entry } from '../engine/engine.ts';
import type { Channel } from './channel.ts';
import type { Frame } from './frame.ts';
import type { OccupancyWish } from './occupancy.ts';
import type { QualifiedName } from './qualifiedName.ts';
import { type View, type ViewStep, viewOf } from './view.ts';

/** What a channel needs of whoever listens. */
export interface Subscriber {
  readonly connectionId: string;
  /** Whether the connection gets back what it publishes (spec TO3h). */
  readonly echo: boolean;
  send(frame: Frame): void;
  /** Settles once the client has taken most of what it was sent; undefined if it has already. */
  calmed(): Promise<void> | undefined;
}

/** One connection on one channel: granted modes, what it asked for, and where it stands. */
export class Attachment {
  readonly channel: Channel;
  readonly subscriber: Subscriber;
  /** The channel as the client calls it: what it is sent says so. */
  readonly name: string;
  /** How it sees messages, if otherwise than all others. */
  readonly view: View | undefined;
  /** Mode bits asked for, and those of them that the capability grants. */
  readonly requested: number;
  modes: number;
  /** Channel params that were understood, as they were sent. */
  readonly params: Record<string, string> | undefined;
  readonly echo: boolean;
  /** What it wants to be told of who is on the channel. */
  readonly occupancy: OccupancyWish | undefined;
  /** Where it stands in the channel's list of live attachments; -1 while it is not in it. */
  slot = -1;
  /** Whether it gets appends as updates with all of the message: param `appendMode`, and wherever messages are filtered. */
  readonly wholeAppends: boolean;
  /**
   * It has been sent all that came after this position, and of what came before the latest versions of the messages that
   * were published from `rewound` on: an append to any of these needs no more than what it adds.
   */
  since = '';
  rewound: string | undefined;
  /** Entries fed while it is read what an append goes on from; undefined while it takes part in the fan-out. */
  late: Entry[] | undefined;
  /**
   * Whether a sync after a gap says each member twice, at first without locks: the official Spaces SDK goes on with locks
   * that are merely not there any more.
   */
  readonly syncsTwice: boolean;
  /** The sync that is under way to a client that is slow to take it. */
  syncing: object | undefined;
  /** Entries fed while the attach was still reading its backlog; undefined once live. */
  held: Entry[] | undefined = [];

  constructor(channel: Channel, subscriber: Subscriber, request: AttachRequest, modes: number) {
    this.channel = channel;
    this.subscriber = subscriber;
    this.name = request.name.requested;
    this.view = viewOf(request);
    this.requested = request.modes;
    this.modes = modes;
    this.params = request.params;
    this.echo = subscriber.echo && request.echo;
    this.occupancy = request.occupancy;
    this.wholeAppends = request.wholeAppends;
    this.syncsTwice = request.syncsTwice && channel.locks !== undefined;
  }

  /** It has no more than what comes after this position, and the messages that were rewound, published from a serial on. */
  startFrom(position: string, rewound?: string): void {
    this.since = position;
    this.rewound = rewound;
  }

  /** Sends what others get too, as of the channel that this attachment knows. */
  send(frame: Frame): void {
    // It does not belong to the messages of the channel, and the next of those is told whole.
    if (frame.message.messages !== undefined && this.view?.delta !== undefined) this.view.delta.previous = '';
    this.subscriber.send(this.name === this.channel.name ? frame : frame.under(this.name));
  }
}

/** An ATTACH as it was understood. */
export interface AttachRequest {
  readonly name: QualifiedName;
  /** What makes its messages differ from those of others; mostly nothing. */
  readonly steps: readonly ViewStep[];
  /** Whether it gets messages as deltas, param `delta`. */
  readonly delta: boolean;
  /** Mode bits asked for. */
  readonly modes: number;
  readonly params: Record<string, string> | undefined;
  readonly echo: boolean;
  /** Whether the client says that it was attached before, with or without a position. */
  readonly wasAttached: boolean;
  /** Position to go on from: everything after it is to be delivered. */
  readonly channelSerial: string | undefined;
  /** What to replay when there is no position. */
  readonly rewind: Rewind | undefined;
  /** Param `appendMode`, or a filter. */
  readonly wholeAppends: boolean;
  /** Param `occupancy`. */
  readonly occupancy: OccupancyWish | undefined;
  /** Whether it is a client of spaces by param `agent` that does not say that it takes locks from the service. */
  readonly syncsTwice: boolean;
}

/** The last messages of a channel, or those of the last `ms`. */
export interface Rewind {
  /** Messages at most. */
  readonly limit: number;
  /** Whether it is us who set that limit: a client that would have got more is told so. */
  readonly isOurs: boolean;
  readonly ms: number | undefined;
}
