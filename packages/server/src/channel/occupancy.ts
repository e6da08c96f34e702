import { errors, Mode } from '@parvis/protocol';
import type { Attachment } from './attachment.ts';

/** Who is on a channel, by what they may do there (spec CHM2). All are counts of connections but `presenceMembers`. */
export interface OccupancyMetrics {
  readonly connections: number;
  readonly publishers: number;
  readonly subscribers: number;
  readonly presenceConnections: number;
  readonly presenceMembers: number;
  readonly presenceSubscribers: number;
  readonly objectPublishers: number;
  readonly objectSubscribers: number;
}

export type OccupancyCategory = keyof OccupancyMetrics;

/** What an attachment asks for: every metric, or one of them. */
export type OccupancyWish = 'metrics' | `metrics.${OccupancyCategory}`;

/** Nobody at all. */
export const emptyOccupancy: OccupancyMetrics = {
  connections: 0,
  publishers: 0,
  subscribers: 0,
  presenceConnections: 0,
  presenceMembers: 0,
  presenceSubscribers: 0,
  objectPublishers: 0,
  objectSubscribers: 0,
};

const wishes: ReadonlySet<string> = new Set([
  'metrics',
  ...Object.keys(emptyOccupancy).map((name) => `metrics.${name}`),
]);

/** Reads the channel param `occupancy`. Throws 40000. */
export function parseOccupancy(text: string): OccupancyWish {
  if (isWish(text)) return text;
  throw errors.badRequest('channel param occupancy must be metrics, or metrics. and the name of one of them');
}

function isWish(text: string): text is OccupancyWish {
  return wishes.has(text);
}

/** The part of the metrics that was asked for. */
export function metricsFor(wish: OccupancyWish, metrics: OccupancyMetrics): Partial<OccupancyMetrics> {
  const category = wish.slice('metrics.'.length) as OccupancyCategory | '';
  return category === '' ? metrics : { [category]: metrics[category] };
}

/**
 * Counts the live attachments of one channel on this node as they come and go, a few additions each. What a sum over nodes
 * needs is these numbers of each of them; members are the same everywhere.
 */
export class Occupancy {
  #connections = 0;
  #publishers = 0;
  #subscribers = 0;
  #presenceConnections = 0;
  #presenceSubscribers = 0;

  /** Attachments that messages are delivered to. */
  get subscribers(): number {
    return this.#subscribers;
  }

  /** Attachments that presence is delivered to. */
  get presenceSubscribers(): number {
    return this.#presenceSubscribers;
  }

  /** An attachment with these modes came (1) or went (-1). */
  count(modes: number, change: 1 | -1): void {
    this.#connections += change;
    if (modes & Mode.PUBLISH) this.#publishers += change;
    if (modes & Mode.SUBSCRIBE) this.#subscribers += change;
    if (modes & Mode.PRESENCE) this.#presenceConnections += change;
    if (modes & Mode.PRESENCE_SUBSCRIBE) this.#presenceSubscribers += change;
  }

  metrics(presenceMembers: number): OccupancyMetrics {
    return {
      ...emptyOccupancy,
      connections: this.#connections,
      publishers: this.#publishers,
      subscribers: this.#subscribers,
      presenceConnections: this.#presenceConnections,
      presenceMembers,
      presenceSubscribers: this.#presenceSubscribers,
    };
  }

  /** Which of the metrics are not zero, as bits: a change of it is one that is told at once. */
  presentBits(presenceMembers: number): number {
    return (
      (this.#connections > 0 ? 1 : 0) |
      (this.#publishers > 0 ? 2 : 0) |
      (this.#subscribers > 0 ? 4 : 0) |
      (this.#presenceConnections > 0 ? 8 : 0) |
      (this.#presenceSubscribers > 0 ? 16 : 0) |
      (presenceMembers > 0 ? 32 : 0)
    );
  }
}

/** The same numbers from the attachments themselves; one connection under several names of the channel counts once. */
export function occupancyOf(attachments: Iterable<Attachment>, presenceMembers: number): OccupancyMetrics {
  const modes = new Map<string, number>();
  for (const { subscriber, modes: granted } of attachments) {
    modes.set(subscriber.connectionId, (modes.get(subscriber.connectionId) ?? 0) | granted);
  }
  const occupancy = new Occupancy();
  for (const granted of modes.values()) occupancy.count(granted, 1);
  return occupancy.metrics(presenceMembers);
}
