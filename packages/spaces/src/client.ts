/** An error as a realtime client reports it. */
export interface ErrorLike {
  readonly message: string;
  readonly code: number;
  readonly statusCode: number;
}

/** A change of the connection's state; `current` is where it is now. */
export interface ConnectionChange {
  readonly current: string;
  readonly reason?: ErrorLike | undefined;
}

/** A change of a channel's state. `attached` without `resumed` means that messages may have been missed. */
export interface ChannelChange {
  readonly current: string;
  readonly resumed?: boolean | undefined;
  readonly reason?: ErrorLike | undefined;
}

/** A presence message as received. `timestamp` is the service's clock in ms. */
export interface PresenceMessageLike {
  readonly action: string;
  readonly clientId: string;
  readonly connectionId: string;
  readonly timestamp: number;
  readonly id?: string | undefined;
  readonly data?: unknown;
  readonly extras?: unknown;
}

/** A channel message as received; all that cursors read of it. `timestamp` is the service's clock in ms. */
export interface MessageLike {
  readonly clientId?: string | undefined;
  readonly connectionId?: string | undefined;
  readonly timestamp?: number | undefined;
  readonly data?: unknown;
}

/** One page of history, newest message first. */
export interface HistoryPage {
  readonly items: readonly MessageLike[];
  hasNext(): boolean;
  next(): Promise<HistoryPage | null>;
}

/** The connection of a client: `id` while there is one, and an emitter of its states. */
export interface ConnectionPort {
  readonly id?: string | undefined;
  readonly state: string;
  readonly errorReason?: ErrorLike | null | undefined;
  on(listener: (change: ConnectionChange) => void): unknown;
  off(listener: (change: ConnectionChange) => void): unknown;
}

/**
 * Presence of one channel. Operations resolve on acknowledgement; `get` waits for a sync in progress and attaches;
 * `subscribe` attaches; own changes are echoed. The set's members keep their `extras`.
 */
export interface PresencePort {
  enter(value?: unknown): Promise<unknown>;
  update(value?: unknown): Promise<unknown>;
  leave(value?: unknown): Promise<unknown>;
  get(): Promise<readonly PresenceMessageLike[]>;
  subscribe(listener: (message: PresenceMessageLike) => void): Promise<unknown>;
  unsubscribe(listener: (message: PresenceMessageLike) => void): unknown;
}

/** One channel. `modes`, where known, are those granted on attach, in lower case (`presence_subscribe`). */
export interface ChannelPort {
  readonly name: string;
  readonly state: string;
  readonly modes?: readonly string[] | undefined;
  /** Channel params that the service understood, once attached. */
  readonly params?: Record<string, string> | undefined;
  readonly presence: PresencePort;
  publish(name: string, data: unknown): Promise<unknown>;
  publish(message: { name: string; data: unknown; extras?: unknown }): Promise<unknown>;
  subscribe(name: string, listener: (message: MessageLike) => void): Promise<unknown>;
  unsubscribe(name: string, listener: (message: MessageLike) => void): unknown;
  history(): Promise<HistoryPage>;
  detach(): Promise<unknown>;
  on(listener: (change: ChannelChange) => void): unknown;
  off(listener: (change: ChannelChange) => void): unknown;
}

/**
 * The port: what a realtime client must offer to carry spaces. The `ably` client (2.x, realtime) fits as it is.
 * `channels.get` returns one and the same channel per name. `time` is the service's clock in ms.
 *
 * Presence operations are handed plain `{ data, extras }`, unless the client has a message class (see
 * {@link presenceValue}).
 */
export interface SpacesClient {
  readonly auth: { readonly clientId: string };
  readonly connection: ConnectionPort;
  readonly channels: { get(name: string, options?: { params?: Record<string, string> }): ChannelPort };
  time(): Promise<number>;
}

/** The channel type of a client, so that `space.channel` keeps the type that the application knows. */
export type ChannelOf<C extends SpacesClient> = ReturnType<C['channels']['get']>;

interface MessageClass {
  fromValues(values: { data: unknown; extras?: unknown }): unknown;
}

interface WithMessageClass {
  constructor?: { PresenceMessage?: MessageClass };
  // A client put together from modules has no static of that name.
  _RealtimePresence?: { PresenceMessage?: MessageClass } | null;
}

/** What to hand to a presence operation: the client's own message class where it has one, else `{ data, extras }`. */
export function presenceValue(client: SpacesClient, data: unknown, extras: unknown): unknown {
  const values = extras === undefined ? { data } : { data, extras };
  const holder = client as WithMessageClass;
  const message = holder.constructor?.PresenceMessage ?? holder._RealtimePresence?.PresenceMessage;
  return message ? message.fromValues(values) : values;
}

/** Adds `name/version` to the agent string that the client sends when it connects; other entries stay. */
export function addAgent(client: SpacesClient, name: string, version: string): void {
  const holder = client as { options?: { agents?: Record<string, unknown> } };
  if (holder.options) holder.options.agents = { ...holder.options.agents, [name]: version };
}

/** Whether the client is one user: a clientId that is neither missing nor the wildcard. */
export function hasClientId(client: SpacesClient): boolean {
  const { clientId } = client.auth;
  return Boolean(clientId) && clientId !== '*';
}

/** Whether attaching granted a mode; a client that does not tell is trusted. */
export function isGranted(channel: ChannelPort, mode: string): boolean {
  const modes = channel.modes;
  return !Array.isArray(modes) || modes.includes(mode);
}

const users = new WeakMap<ChannelPort, number>();

/** Counts one more who uses the channel until it quits. */
export function use(channel: ChannelPort): ChannelPort {
  users.set(channel, (users.get(channel) ?? 0) + 1);
  return channel;
}

/** Ends one use of a channel; with the last one, leaves its presence if it can, and detaches. Never rejects. */
export async function quit(client: SpacesClient, channel: ChannelPort, leave: () => Promise<unknown>): Promise<void> {
  const left = (users.get(channel) ?? 1) - 1;
  users.set(channel, left);
  if (left > 0) return;
  // Without a connection the leave would wait for the next one; the service ends the membership by itself.
  if (client.connection.state === 'connected') await leave().catch(() => {});
  await channel.detach().catch(() => {});
}
