import type { Capability, LockRights } from '@parvis/auth';

/** An API key of an app. */
export interface Key {
  /** `<appId>.<keyId>` */
  readonly name: string;
  readonly secret: string;
  readonly capability: Capability;
  /** JSON text of the capability, its operations in the order in which they were configured. */
  readonly capabilityText: string;
  /** Tokens of this key may be revoked; they live one hour at most. */
  readonly revocableTokens: boolean;
  /** Where clients with the key itself may take locks by force; those with its tokens have it of their token alone. */
  readonly lockRights?: LockRights;
}

/** Rules for all channels whose name begins with `<id>:`, or is `<id>`. */
export interface Namespace {
  readonly id: string;
  /** Entries are kept for `persistedRetentionMs` instead of `retentionMs`. */
  readonly persisted?: boolean;
  readonly pushEnabled?: boolean;
  readonly mutableMessages?: boolean;
  /** ms that messages wait to be sent as one batch, of 200 at most. */
  readonly batchingInterval?: number;
  /** ms after which of the messages with the same key the last is sent; needs `conflationKey`, and replaces batching. */
  readonly conflationInterval?: number;
  /** JMESPath of what a message is about: `name`, or `headers.market`. Messages for which it is null are all sent. */
  readonly conflationKey?: string;
}

/** A tenant: its keys and namespaces. Channels, tokens and connections of two apps never meet. */
export interface App {
  readonly id: string;
  readonly keys: ReadonlyMap<string, Key>;
  readonly namespaces: ReadonlyMap<string, Namespace>;
  /** Overrides `Limits.maxPresenceMembers`. */
  readonly maxPresenceMembers?: number;
}

/** The apps of this node; those of configuration are there from the start. */
export interface Apps extends Iterable<App> {
  get(id: string): App | undefined;
  add(app: App): void;
  remove(id: string): boolean;
}
