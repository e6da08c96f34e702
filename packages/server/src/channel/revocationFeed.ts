import { randomBytes } from 'node:crypto';
import { errors } from '@parvis/protocol';
import type { App, Apps } from '../access/app.ts';
import type { Principal } from '../access/principal.ts';
import { type Revocation, Revocations } from '../access/revocations.ts';
import type { Clock } from '../clock.ts';
import type { ChannelRef, Engine, Entry, Row, Sink } from '../engine/engine.ts';

/** Channels that begin with a bracket cannot be named by clients; this one tells all nodes what is revoked in an app. */
const REVOCATIONS = '[parvis]revocations';
const TABLE = 'revocations';
/** Entries are kept long enough for a node that missed one to read it; the rows hold what is in force. */
const RETENTION_MS = 120_000;
/** Tokens that can be revoked live no longer than this. */
const TOKEN_LIFE_MS = 3_600_000;
/** Revocations of one app that are remembered at a time. */
const MAX_REVOCATIONS = 20_000;

/** What the feed of revocations is made with. */
export interface RevocationFeedParts {
  readonly engine: Engine;
  readonly apps: Apps;
  readonly clock: Clock;
  /** Something failed that nobody waits for. */
  readonly report: (failure: unknown) => void;
}

/** A revocation as its row and entry hold it. */
interface Kept extends Revocation {
  readonly id: string;
  /** ms since the epoch at which no token is left that it could fit. */
  readonly until: number;
}

/**
 * What is revoked, on every node: rows on a reserved channel of each app, which stay until the last token that they fit has
 * expired. An app is listened to from the first token on that could be revoked, or when the node starts.
 */
export class RevocationFeed {
  readonly #parts: RevocationFeedParts;
  readonly #feeds = new Map<string, AppFeed>();
  #changed: (app: App, revocations: readonly Revocation[]) => void = () => {};

  constructor(parts: RevocationFeedParts) {
    this.#parts = parts;
  }

  /** Tells of each revocation of an app that has just come to be known here. One listener. */
  onChange(changed: (app: App, revocations: readonly Revocation[]) => void): void {
    this.#changed = changed;
  }

  /** Whether a token is revoked at this time; a promise as long as it is not yet known what is. It may reject with 50004. */
  isRevoked(principal: Principal, at = this.#parts.clock.now()): boolean | Promise<boolean> {
    if (principal.method !== 'token' || !principal.key.revocableTokens) return false;
    const feed = this.#of(principal.app);
    if (feed.isOpen) return feed.revocations.isRevoked(principal, at);
    return feed.open().then(() => feed.revocations.isRevoked(principal, at));
  }

  /**
   * Revokes tokens on all nodes; resolves when that is stored. Rejects with 50004, and with 42910 when more is revoked at a
   * time than an app may have.
   */
  async revoke(app: App, revocations: readonly Revocation[]): Promise<void> {
    const feed = this.#of(app);
    await feed.open();
    await feed.append(revocations);
  }

  /** Listens to the apps of which tokens can be revoked, so that what a store kept of them is not given up. */
  async open(): Promise<void> {
    const revocable = [...this.#parts.apps].filter((app) => [...app.keys.values()].some((key) => key.revocableTokens));
    await Promise.all(revocable.map((app) => this.#of(app).open()));
  }

  /** Lets go of apps that are gone. Called about once a second. */
  sweep(): void {
    for (const [id, feed] of this.#feeds) {
      if (this.#parts.apps.get(id) === feed.app) continue;
      this.#feeds.delete(id);
      feed.close().catch(this.#parts.report);
    }
  }

  #of(app: App): AppFeed {
    let feed = this.#feeds.get(app.id);
    if (feed?.app !== app) {
      feed?.close().catch(this.#parts.report);
      feed = new AppFeed(app, this.#parts, (known) => this.#changed(app, known));
      this.#feeds.set(app.id, feed);
    }
    return feed;
  }
}

/** The revocations of one app, as the engine feeds them. */
class AppFeed implements Sink {
  readonly app: App;
  readonly revocations = new Revocations();
  isOpen = false;
  readonly #parts: RevocationFeedParts;
  readonly #changed: (known: readonly Revocation[]) => void;
  readonly #ref: ChannelRef;
  #opening: Promise<void> | undefined;

  constructor(app: App, parts: RevocationFeedParts, changed: (known: readonly Revocation[]) => void) {
    this.app = app;
    this.#parts = parts;
    this.#changed = changed;
    this.#ref = { app: app.id, name: REVOCATIONS, retentionMs: RETENTION_MS };
  }

  /** Resolves when all that is revoked is known. One that failed is tried again by the next call. */
  open(): Promise<void> {
    this.#opening ??= this.#join().catch((failure) => {
      this.#opening = undefined;
      throw failure;
    });
    return this.#opening;
  }

  close(): Promise<void> {
    return this.#parts.engine.part(this.#ref, this);
  }

  async append(revocations: readonly Revocation[]): Promise<void> {
    const { engine, clock } = this.#parts;
    const fresh = revocations.filter((one) => !this.revocations.implies(one));
    if (fresh.length === 0) return;
    if (this.revocations.size + fresh.length > MAX_REVOCATIONS) {
      throw errors.rateLimited(`more than ${MAX_REVOCATIONS} revocations within an hour; revoke by a revocation key`);
    }
    const owner = `${this.app.id}/revocation/${randomBytes(12).toString('base64url')}`;
    const until = Math.max(...fresh.map(({ appliesAt }) => appliesAt)) + TOKEN_LIFE_MS;
    const kept = fresh.map((one): Kept => ({ ...one, id: idOf(one), until }));
    await engine.lease(owner, until - clock.now());
    await engine.append(this.#ref, {
      kind: 'message',
      payload: kept,
      rows: kept.map((value) => ({ table: TABLE, key: value.id, value, owner })),
    });
  }

  entry(entry: Entry): void {
    this.#learn(entry.payload as readonly Kept[]);
  }

  lapsed(rows: Row[]): void {
    for (const { key } of rows) this.revocations.delete(key);
  }

  lost(): void {
    this.isOpen = false;
    this.#opening = undefined;
    this.open().catch(this.#parts.report);
  }

  async #join(): Promise<void> {
    const { engine, clock } = this.#parts;
    const { rows } = await engine.join(this.#ref, this);
    const now = clock.now();
    // A store keeps rows, not leases: what it kept over a restart would soon be given up.
    const owners = new Map(rows.map(({ owner = '', value }) => [owner, (value as Kept).until]));
    await Promise.all([...owners].map(([owner, until]) => engine.lease(owner, Math.max(until - now, 0))));
    this.isOpen = true;
    this.#learn(rows.map(({ value }) => value as Kept).filter(({ until }) => until > now));
  }

  #learn(kept: readonly Kept[]): void {
    for (const revocation of kept) this.revocations.add(revocation.id, revocation);
    if (kept.length > 0) this.#changed(kept);
  }
}

/** The same revocation has one row, however often it is made. */
function idOf({ keyName, target, issuedBefore, appliesAt }: Revocation): string {
  return `${keyName} ${issuedBefore} ${appliesAt} ${target}`;
}
