/** What one server grants to one client, channel or request. Each is enforced, and those of CONNECTED are told. */
export interface Limits {
  /** Bytes of name, clientId, extras and data of one publish (40009). */
  maxMessageSize: number;
  /** Bytes of one frame; a larger one closes its connection. */
  maxFrameSize: number;
  /** Messages a second that one connection may publish (42911); 0 is no limit. */
  maxInboundRate: number;
  /** Protocol messages a second of any kind before a connection is ended (42924); 0 is no limit. */
  maxProtocolRate: number;
  /** Messages in one publish (40034). */
  maxMessagesPerPublish: number;
  /** Channels one connection may be attached to (90010). */
  maxChannelsPerConnection: number;
  /** Members in one presence set (91003). */
  maxPresenceMembers: number;
  /** Bytes of presence data and extras in one presence set (91006). */
  maxPresenceSize: number;
  /** Messages that rewind replays, and entries that a resume may replay. */
  maxRewind: number;
  maxResumeBacklog: number;
  /** Bytes waiting for one client: over the soft one presence and cursors are conflated, over the hard one it is ended. */
  softBacklog: number;
  hardBacklog: number;
  /** Open connections in all, and those that have not yet authenticated. */
  maxConnections: number;
  /** ms that a connection may stay silent before CONNECTED is due, and how often a keepalive is sent. */
  connectTimeoutMs: number;
  maxIdleIntervalMs: number;
  /** ms that the state of a lost connection is kept, and after which its presence members leave. */
  connectionStateTtlMs: number;
  presenceGraceMs: number;
  /** ms within which those who asked for occupancy are told of a change, but for one from or to nobody: at once. */
  occupancyIntervalMs: number;
  /** ms that a channel nobody listens to stays in memory. */
  idleChannelMs: number;
  /** ms that entries of a channel are kept for continuity, and in a namespace that persists or whose messages change. */
  retentionMs: number;
  persistedRetentionMs: number;
  /** ms that each minute of an app's statistics is kept. */
  statsRetentionMs: number;
  /** Whether unknown top-level keys of a message's `extras` are refused (40032); presence extras never are. */
  strictExtras: boolean;
}

export const defaultLimits: Limits = {
  maxMessageSize: 65_536,
  maxFrameSize: 524_288,
  maxInboundRate: 10_000,
  maxProtocolRate: 20_000,
  maxMessagesPerPublish: 1_000,
  maxChannelsPerConnection: 200,
  maxPresenceMembers: 1_000,
  maxPresenceSize: 2 * 1024 * 1024,
  maxRewind: 100,
  maxResumeBacklog: 10_000,
  softBacklog: 256 * 1024,
  hardBacklog: 8 * 1024 * 1024,
  maxConnections: 50_000,
  connectTimeoutMs: 10_000,
  maxIdleIntervalMs: 15_000,
  connectionStateTtlMs: 120_000,
  presenceGraceMs: 15_000,
  occupancyIntervalMs: 1_000,
  idleChannelMs: 60_000,
  retentionMs: 120_000,
  persistedRetentionMs: 24 * 3_600_000,
  statsRetentionMs: 7 * 24 * 3_600_000,
  strictExtras: false,
};
