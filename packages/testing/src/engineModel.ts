import type { Appended, ChannelRef, Draft, Entry, Row } from 'parvis/engine';
import { expect } from 'vitest';

/** An engine remembers ids, and that an owner has lapsed, for so long, in ms. */
const rememberedMs = 120_000;

/** One channel as the contract of Engine says it must be, in the plainest form. */
export interface ModelChannel {
  readonly ref: ChannelRef;
  /** Every entry ever fed, ephemeral ones too, in order. */
  readonly fed: { readonly entry: Entry; readonly ephemeral: boolean; readonly rowsAfter: readonly Row[] }[];
  rows: Row[];
  readonly ids: Map<string, Entry>;
  /** Serial of the last entry that went early, for want of room; '' while none did. */
  cut: string;
  /** Entries whose ids were not recognised, though they are young: each must have gone early. */
  readonly unknown: Entry[];
}

/** What became of an owner's lease. */
type Lease = { readonly until: number } | { readonly lapsedAt: number };

/** A lapse that every sink joined at that time must have been told of. */
export interface ModelLapse {
  readonly channel: ModelChannel;
  readonly row: Row;
  /** The entry it followed, if an append for a dead owner made it. */
  readonly after: string | undefined;
}

/**
 * What an engine must come to. Appends are folded in when their answers are known, in the order of the calls; time and
 * leases move only while none is under way.
 */
export class EngineModel {
  readonly channels: readonly ModelChannel[];
  readonly #leases = new Map<string, Lease>();
  readonly #mayCut: boolean;
  /** The channel that was appended to last, if the entry was stored. */
  #newest: ModelChannel | undefined;
  /** Entries that went early. */
  cuts = 0;
  now = 0;

  /** `mayCut` allows entries and ids to go early, the oldest of a channel together. */
  constructor(refs: readonly ChannelRef[], mayCut = false) {
    this.channels = refs.map((ref) => ({ ref, fed: [], rows: [], ids: new Map(), cut: '', unknown: [] }));
    this.#mayCut = mayCut;
  }

  /** Checks an answer against the state it was given in, and takes it into the state; answers with what lapses. */
  append(channel: ModelChannel, draft: Draft, answer: Appended, startedAt: number): ModelLapse[] {
    const first = draft.id === undefined ? undefined : channel.ids.get(draft.id);
    const isYoung = first !== undefined && first.time - startedAt > this.now - rememberedMs;
    if ((isYoung && !this.#mayCut) || (first !== undefined && answer.outcome === 'duplicate')) {
      expect(answer).toEqual({ outcome: 'duplicate', entry: first });
      return [];
    }
    if (isYoung) channel.unknown.push(first);
    const present = (draft.expect ?? []).map(({ table, key }) => rowOf(channel, table, key));
    if (!(draft.expect ?? []).every(({ serial }, i) => (present[i]?.serial ?? null) === serial)) {
      expect(answer).toEqual({ outcome: 'refused', rows: present });
      return [];
    }
    return this.#appended(channel, draft, answer);
  }

  /** What the log holds at this time: neither ephemeral nor older than the retention nor gone early. */
  kept(channel: ModelChannel, startedAt: number): Entry[] {
    const since = startedAt + this.now - channel.ref.retentionMs;
    return storedIn(channel).filter(({ time, serial }) => time >= since && serial > channel.cut);
  }

  /** Learns from what a log holds what went early: the oldest alone, and never what was appended last. */
  learnCut(channel: ModelChannel, log: readonly Entry[], startedAt: number): void {
    if (!this.#mayCut) return;
    const kept = this.kept(channel, startedAt);
    const gone = kept.length - log.length;
    expect(log).toEqual(kept.slice(gone));
    if (channel === this.#newest) expect(gone).toBeLessThan(Math.max(kept.length, 1));
    this.cuts += gone;
    channel.cut = kept[gone - 1]?.serial ?? channel.cut;
    for (const { serial } of channel.unknown) expect(serial < (log[0]?.serial ?? '~')).toBe(true);
  }

  /** Whether every entry after this serial that was ever stored is still there. */
  isKept(channel: ModelChannel, serial: string, startedAt: number): boolean {
    const after = storedIn(channel).filter((entry) => entry.serial > serial);
    return after.length === this.kept(channel, startedAt).filter((entry) => entry.serial > serial).length;
  }

  /** Sets a lease; answers with whether there was one, and with what lapses. */
  lease(owner: string, ms: number): { had: boolean; lapses: ModelLapse[] } {
    const had = this.#isLive(owner);
    this.#leases.set(owner, { until: this.now + ms });
    return { had, lapses: this.pass(0) };
  }

  /** Lets time pass; answers with what lapses meanwhile. */
  pass(ms: number): ModelLapse[] {
    this.now += ms;
    const lapses: ModelLapse[] = [];
    for (const [owner, lease] of this.#leases) {
      if (!('until' in lease) || lease.until > this.now) continue;
      this.#leases.set(owner, { lapsedAt: lease.until });
      for (const channel of this.channels) {
        const gone = channel.rows.filter((row) => row.owner === owner);
        lapses.push(...gone.map((row) => ({ channel, row, after: undefined })));
        channel.rows = channel.rows.filter((row) => row.owner !== owner);
      }
    }
    return lapses;
  }

  #appended(channel: ModelChannel, draft: Draft, answer: Appended): ModelLapse[] {
    expect(answer.outcome).toBe('appended');
    if (answer.outcome !== 'appended') return [];
    const { entry } = answer;
    const last = channel.fed.at(-1)?.entry;
    expect(entry).toMatchObject({ kind: draft.kind, payload: draft.payload });
    expect(entry.id).toBe(draft.id);
    if (last !== undefined) expect(entry.serial > last.serial && entry.time >= last.time).toBe(true);
    if (entry.id !== undefined) channel.ids.set(entry.id, entry);
    const lapses = this.#fold(channel, draft, entry);
    channel.fed.push({ entry, ephemeral: draft.ephemeral === true, rowsAfter: channel.rows });
    this.#newest = draft.ephemeral === true ? undefined : channel;
    return lapses;
  }

  #fold(channel: ModelChannel, draft: Draft, { serial, time }: Entry): ModelLapse[] {
    const lapses: ModelLapse[] = [];
    for (const { table, key, value, owner } of draft.rows ?? []) {
      channel.rows = channel.rows.filter((row) => row.table !== table || row.key !== key);
      if (value === undefined) continue;
      const row: Row = { table, key, value, serial, time, ...(owner === undefined ? {} : { owner }) };
      if (owner !== undefined && this.#isDead(owner)) lapses.push({ channel, row, after: serial });
      else channel.rows = [...channel.rows, row];
    }
    return lapses;
  }

  #isLive(owner: string): boolean {
    const lease = this.#leases.get(owner);
    return lease !== undefined && 'until' in lease;
  }

  #isDead(owner: string): boolean {
    const lease = this.#leases.get(owner);
    return lease !== undefined && 'lapsedAt' in lease && lease.lapsedAt + rememberedMs > this.now;
  }
}

/** Entries that were stored, in order, whether or not they are still kept. */
export function storedIn(channel: ModelChannel): Entry[] {
  return channel.fed.filter(({ ephemeral }) => !ephemeral).map(({ entry }) => entry);
}

/** A row as it is now. */
export function rowOf(channel: ModelChannel, table: string, key: string): Row | undefined {
  return channel.rows.find((row) => row.table === table && row.key === key);
}

/** Rows in an order of their own, to be compared. */
export function sorted(rows: readonly Row[]): Row[] {
  const name = (row: Row) => `${row.table} ${row.key} ${row.serial}`;
  return rows.toSorted((a, b) => (name(a) < name(b) ? -1 : 1));
}
