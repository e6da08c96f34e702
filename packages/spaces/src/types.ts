import type { ErrorInfo } from './errors.ts';

/** What one presence message said of its member. */
export type PresenceAction = 'absent' | 'present' | 'enter' | 'leave' | 'update';

/** Options of a space; local to this client, peers with others interoperate. */
export interface SpaceOptions {
  /** ms between a member's leave and its removal from the member list. Default 120 000. */
  offlineTimeout: number;
  cursors: CursorsOptions;
}

/** Options of `space.cursors`. */
export interface CursorsOptions {
  /** ms between two batches of positions, per hundred members. Default 50. */
  outboundBatchInterval: number;
  /** How many pages of history the getters look through. Default 5. */
  paginationLimit: number;
}

/** Any part of `T`, at any depth. */
export type Subset<T> = { [K in keyof T]?: T[K] extends object ? Subset<T[K]> : T[K] };

/** Some fields of an object; those that are undefined are taken away. */
export type Patch<T> = { [K in keyof NonNullable<T>]?: NonNullable<T>[K] | undefined };

/** How a list differs from what it was: items by identity of whom they tell of. */
export interface ListChange<V> {
  readonly snapshot: readonly V[];
  readonly added: readonly V[];
  readonly updated: readonly V[];
  readonly removed: readonly V[];
}

/** What a member tells of itself. */
export type ProfileData = Record<string, unknown> | null;

/** Custom data sent along with a position. */
export type CursorData = Record<string, unknown>;

/** Custom data of a lock. */
export type LockAttributes = Record<string, unknown>;

/**
 * The shapes that an application uses in a space; leave out what it does not care for.
 *
 * @example
 * interface Board { profile: { name: string }; location: { card: string } }
 * const space = await spaces.get<Board>('board');
 */
export interface SpaceTypes {
  profile?: object;
  location?: unknown;
  cursorData?: object;
  lockAttributes?: object;
}

/** The profile type of `T`, null included. */
export type ProfileOf<T> = T extends { profile: infer P } ? P | null : ProfileData;
/** The location type of `T`. */
export type LocationOf<T> = T extends { location: infer L } ? L : unknown;
/** The cursor data type of `T`. */
export type CursorDataOf<T> = T extends { cursorData: infer D } ? D : CursorData;
/** The lock attributes type of `T`. */
export type LockAttributesOf<T> = T extends { lockAttributes: infer A } ? A : LockAttributes;

/** A member: one connection in the space. Two tabs of one user are two members with the same `clientId`. */
export interface SpaceMember<T extends SpaceTypes = SpaceTypes> {
  clientId: string;
  connectionId: string;
  /** False between the leave and the removal. */
  isConnected: boolean;
  profileData: ProfileOf<T>;
  location: LocationOf<T> | null;
  /**
   * What changed last, `timestamp` in ms of the service's clock. In an event it is the message's action; in lists it is
   * `present` or `leave`, and moves with connection, profile and location, not with locks.
   */
  lastEvent: { name: PresenceAction; timestamp: number };
}

/** A place on the page, in whatever unit the application likes. */
export interface CursorPosition {
  x: number;
  y: number;
}

/** One cursor position of one member. */
export interface CursorUpdate<T extends SpaceTypes = SpaceTypes> {
  clientId: string;
  connectionId: string;
  position: CursorPosition;
  data?: CursorDataOf<T>;
}

/** The three statuses of a lock. */
export declare namespace LockStatuses {
  /** Asked for, not decided yet. */
  type Pending = 'pending';
  /** Held. */
  type Locked = 'locked';
  /** Released, refused or taken. */
  type Unlocked = 'unlocked';
}

/** A status of a lock. */
export type LockStatus = LockStatuses.Pending | LockStatuses.Locked | LockStatuses.Unlocked;

/** A lock, or a request for one, of `member`. */
export interface Lock<T extends SpaceTypes = SpaceTypes> {
  id: string;
  status: LockStatus;
  member: SpaceMember<T>;
  /** When it was asked for: ms, the requester's clock set by the service's. */
  timestamp: number;
  attributes?: LockAttributesOf<T>;
  /** Larger for each grant of the lock: what a backend refuses late writers by. Only where the server decides. */
  fence?: number;
  /** Why it is `unlocked`: 101003 refused, 101004 taken, 101005 expired; none when released. */
  reason?: ErrorInfo;
  /** Who holds it instead, or took it, where the server tells. */
  by?: { clientId: string; connectionId: string };
  /** How it was taken or refused: `forced`, `accepted`, `yielded`, `opened`, `refused`, `unanswered`. */
  how?: string;
}

/** Everything known of a space at one moment. Never changed; parts that did not change are the same objects as before. */
export interface SpaceSnapshot<T extends SpaceTypes = SpaceTypes> {
  /** Members in order of arrival, then those who left and are not removed yet. */
  readonly members: readonly SpaceMember<T>[];
  /** The locks that are held. */
  readonly locks: readonly Lock<T>[];
}
