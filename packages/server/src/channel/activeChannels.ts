import type { HistoryPage } from './history.ts';
import { emptyOccupancy, type OccupancyMetrics } from './occupancy.ts';

/** A channel as its status tells it (spec CHD2). */
export interface ChannelDetails {
  readonly channelId: string;
  readonly status: {
    /** Whether somebody is or was attached of late, or is present. */
    readonly isActive: boolean;
    readonly occupancy: { readonly metrics: OccupancyMetrics };
  };
}

/** Which active channels are asked for. */
export interface ActiveChannelsQuery {
  /** What the names begin with. */
  readonly prefix?: string;
  /** Channels, 1 to 1000. */
  readonly limit: number;
  /** Name of the last channel of the page before. */
  readonly cursor?: string;
}

/** What is asked of a channel that is open on this node. */
interface ActiveChannel {
  readonly name: string;
  metrics(): OccupancyMetrics;
}

/** The status of an open channel. */
export function detailsOf(channel: ActiveChannel): ChannelDetails {
  return { channelId: channel.name, status: { isActive: true, occupancy: { metrics: channel.metrics() } } };
}

/** The status of a channel that is not open here: members may be present all the same. */
export function closedDetails(channelId: string, presenceMembers: number): ChannelDetails {
  const metrics = { ...emptyOccupancy, presenceMembers };
  return { channelId, status: { isActive: presenceMembers > 0, occupancy: { metrics } } };
}

/** A page of the open channels of one app by name, without those that the service has for itself. */
export function activeChannels(
  channels: Iterable<ActiveChannel>,
  { prefix = '', limit, cursor }: ActiveChannelsQuery,
): HistoryPage<ChannelDetails> {
  const found: ActiveChannel[] = [];
  for (const channel of channels) {
    const { name } = channel;
    if (name.startsWith('[') || !name.startsWith(prefix)) continue;
    if (cursor === undefined || name > cursor) found.push(channel);
  }
  found.sort((a, b) => (a.name < b.name ? -1 : 1));
  const items = found.slice(0, limit).map(detailsOf);
  const next = found.length > limit ? items.at(-1)?.channelId : undefined;
  return { items, ...(next === undefined ? {} : { next }) };
}
