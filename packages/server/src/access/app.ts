import type { Capability } from '@parvis/auth';

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
}

/** Rules for all channels whose name begins with `<id>:`, or is `<id>`. */
export interface Namespace {
  readonly id: string;
  /** Entries are kept for `persistedRetentionMs` instead of `retentionMs`. */
  readonly persisted?: boolean;
  readonly pushEnabled?: boolean;
  readonly mutableMessages?: boolean;
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
