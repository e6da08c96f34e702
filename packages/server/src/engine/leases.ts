import { Deadlines, type Due } from './deadlines.ts';
import type { Row } from './engine.ts';

/** How long a lapse is remembered, in ms: an append that was still under way for its owner must not make a row for good. */
const rememberLapseMs = 120_000;

/**
 * Who is alive, and whose rows are whose. An owner that never had a lease is alive. One whose lease has lapsed is dead
 * until it gets a lease again, or until the lapse is two minutes old and forgotten.
 *
 * `C` is what the rows of an owner are grouped by: the engine's channel.
 */
export class Leases<C> {
  readonly #owners = new Map<string, Owner<C>>();
  readonly #deadlines = new Deadlines<Owner<C>>();

  /** When something is due next; Infinity if nothing is. */
  get next(): number {
    return this.#deadlines.next;
  }

  /** Owners that have a lease, rows, or a lapse that is remembered. */
  get size(): number {
    return this.#owners.size;
  }

  isAlive(owner: string | undefined): boolean {
    return owner === undefined || this.#owners.get(owner)?.state !== 'lapsed';
  }

  /** A row is there from now on and lives with its owner. */
  add(row: Row, channel: C): void {
    if (row.owner === undefined) return;
    const owner = this.#owner(row.owner);
    owner.rows ??= new Map();
    owner.rows.set(row, channel);
  }

  /** A row is gone, or another one took its place. */
  remove(row: Row | undefined): void {
    if (row?.owner === undefined) return;
    const owner = this.#owners.get(row.owner);
    if (owner?.rows?.delete(row) !== true || owner.rows.size > 0) return;
    owner.rows = undefined;
    if (owner.state === 'unleased') this.#owners.delete(row.owner);
  }

  /** The lease lasts until this time; Infinity for no end. True if there was a live one. */
  set(name: string, until: number): boolean {
    const owner = this.#owner(name);
    const had = owner.state === 'live';
    owner.state = 'live';
    if (until === Number.POSITIVE_INFINITY) this.#deadlines.delete(owner);
    else this.#deadlines.set(owner, until);
    return had;
  }

  /** Ends what is due at this time; answers with the rows that are gone by it, by channel. */
  due(now: number): Map<C, Row[]> {
    const gone = new Map<C, Row[]>();
    for (let owner = this.#deadlines.take(now); owner !== undefined; owner = this.#deadlines.take(now)) {
      if (owner.state === 'lapsed') this.#owners.delete(owner.name);
      else this.#lapse(owner, now, gone);
    }
    return gone;
  }

  #lapse(owner: Owner<C>, now: number, gone: Map<C, Row[]>): void {
    for (const [row, channel] of owner.rows ?? []) {
      const rows = gone.get(channel);
      if (rows === undefined) gone.set(channel, [row]);
      else rows.push(row);
    }
    owner.rows = undefined;
    owner.state = 'lapsed';
    this.#deadlines.set(owner, now + rememberLapseMs);
  }

  #owner(name: string): Owner<C> {
    let owner = this.#owners.get(name);
    if (owner === undefined) {
      owner = { name, state: 'unleased', rows: undefined, at: 0, slot: -1 };
      this.#owners.set(name, owner);
    }
    return owner;
  }
}

interface Owner<C> extends Due {
  readonly name: string;
  /** unleased ── lease ──► live ── its time is over ──► lapsed ── two minutes ──► forgotten; lapsed ── lease ──► live */
  state: 'unleased' | 'live' | 'lapsed';
  /** Only while there are any: most owners never have a row. */
  rows: Map<Row, C> | undefined;
}
