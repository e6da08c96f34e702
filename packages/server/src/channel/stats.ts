import { errors } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import type { ChannelRef, Engine, Row } from '../engine/engine.ts';
import { AppCounters, type StatsRecord } from '../observe/appCounters.ts';
import type { HistoryPage } from './history.ts';
import { endOf, intervalAround, intervalOf, type StatsUnit } from './statsInterval.ts';
import { addRecord, entriesOf, extendRecord } from './statsRecord.ts';

/** What statistics are made of. */
export interface StatsParts {
  readonly engine: Engine;
  readonly clock: Clock;
  /** ms that each minute is kept. */
  readonly retentionMs: number;
  /** Name of this node: each counts for itself, and who reads sums up. */
  readonly nodeId: string;
  /** Counters could not be written: if their minute is over, they are lost. */
  readonly report: (failure: unknown, app: string) => void;
  /** A minute of an app is over in which something was counted. */
  readonly onMinute?: (app: string, item: StatsItem) => void;
}

/** Which statistics of an app are asked for. Bounds are ids of intervals, both inclusive. */
export interface StatsQuery {
  readonly start?: string;
  readonly end: string;
  readonly unit: StatsUnit;
  readonly direction: 'forwards' | 'backwards';
  /** Intervals, 1 to 1000. */
  readonly limit: number;
  /** Id of the last interval of the page before. */
  readonly cursor?: string;
}

/** Statistics of one interval (spec TS12). */
export interface StatsItem {
  readonly intervalId: string;
  readonly unit: StatsUnit;
  readonly schema: string;
  readonly appId: string;
  /** The last minute that has been counted, of an interval that is not over. */
  readonly inProgress?: string;
  readonly entries: Readonly<Record<string, number>>;
}

/** Names of the entries are those of this schema. */
const SCHEMA = 'https://schemas.ably.com/json/app-stats-0.0.1.json';
/** Clients cannot name it, as they cannot that of the nonces. Keys of its rows are `<minute> <who counted>`. */
const CHANNEL = '[parvis]stats';
const MINUTES = 'minutes';
const FIXTURES = 'fixtures';
/** Minutes that fixtures of one app may fill, and those of all: more than a year has hours. */
const MAX_FIXTURES = 10_000;
const MAX_ALL_FIXTURES = 100_000;
const PAGE = 1_000;
const ROWS_AT_ONCE = 500;

interface AppStats {
  readonly counters: AppCounters;
  /** What stands in the row of this minute. */
  written: string;
}

/**
 * Statistics of the apps of a node: counted in memory, written as one row for each minute in which there was something to
 * count, and summed up to hours, days and months when they are read.
 */
export class Stats {
  readonly #parts: StatsParts;
  readonly #apps = new Map<string, AppStats>();
  readonly #fixtures = new Map<string, number>();
  #minute: string;

  constructor(parts: StatsParts) {
    this.#parts = parts;
    this.#minute = this.#now();
  }

  /** Counters of an app that there is. */
  of(app: string): AppCounters {
    let stats = this.#apps.get(app);
    if (stats === undefined) {
      stats = { counters: new AppCounters(), written: '' };
      this.#apps.set(app, stats);
    }
    return stats.counters;
  }

  /** Counters of an app, unless it is gone. */
  find(app: string): AppCounters | undefined {
    return this.#apps.get(app)?.counters;
  }

  /** Called about once a second: what is counted until a call belongs to the minute before it. */
  tick(): void {
    const minute = this.#now();
    if (minute === this.#minute) return;
    const over = this.#minute;
    this.#minute = minute;
    for (const [app, stats] of this.#apps) {
      const record = stats.counters.record();
      stats.counters.begin();
      this.#end(app, stats, over, record).catch((failure) => this.#parts.report(failure, app));
    }
  }

  /** Writes what has been counted so far. */
  async flush(): Promise<void> {
    await Promise.all([...this.#apps.keys()].map((app) => this.#flush(app)));
  }

  /** A page of intervals in which something was counted; what is being counted now is in it. */
  async read(app: string, query: StatsQuery): Promise<HistoryPage<StatsItem>> {
    this.tick();
    await this.#flush(app);
    const intervals = await this.#intervals(app, query);
    const ids = [...intervals.keys()].sort();
    if (query.direction === 'backwards') ids.reverse();
    const { cursor } = query;
    const isLater = (id: string) =>
      cursor === undefined || (query.direction === 'backwards' ? id < cursor : id > cursor);
    const left = ids.filter(isLater);
    const page = left.slice(0, query.limit);
    const items = page.map((id) => this.#item(app, query.unit, id, intervals.get(id) ?? new Map()));
    const next = left.length > page.length ? page.at(-1) : undefined;
    return { items, ...(next === undefined ? {} : { next }) };
  }

  /** Sets minutes as if they had been counted, for tests of applications. Throws 40000 when there are too many. */
  async addFixtures(app: string, minutes: ReadonlyMap<string, StatsRecord>): Promise<void> {
    const rows = [...minutes].map(([minute, value]) => ({ table: FIXTURES, key: `${minute} fixture`, value }));
    const keys = new Set(rows.map(({ key }) => key));
    for await (const { key } of this.#rows(app, FIXTURES, '')) keys.add(key);
    const before = this.#fixtures.get(app) ?? 0;
    let all = keys.size - before;
    for (const count of this.#fixtures.values()) all += count;
    if (keys.size > MAX_FIXTURES || all > MAX_ALL_FIXTURES) {
      throw errors.badRequest(
        `an app may have ${MAX_FIXTURES} minutes of statistics made up, all apps ${MAX_ALL_FIXTURES}`,
      );
    }
    this.#fixtures.set(app, keys.size);
    for (let start = 0; start < rows.length; start += ROWS_AT_ONCE) {
      await this.#append(app, rows.slice(start, start + ROWS_AT_ONCE));
    }
  }

  /** Forgets an app that is no more. */
  async forget(app: string): Promise<void> {
    this.#apps.delete(app);
    this.#fixtures.delete(app);
    for (const table of [MINUTES, FIXTURES]) {
      const keys: string[] = [];
      for await (const { key } of this.#rows(app, table, '')) keys.push(key);
      for (let start = 0; start < keys.length; start += ROWS_AT_ONCE) {
        await this.#append(
          app,
          keys.slice(start, start + ROWS_AT_ONCE).map((key) => ({ table, key })),
        );
      }
    }
  }

  async #intervals(app: string, { start = '', end, unit }: StatsQuery): Promise<Map<string, Map<string, number>>> {
    const minutes = new Map<string, Map<string, number>>();
    const oldest = this.#oldest();
    for (const [table, after] of [
      [MINUTES, start > oldest ? start : oldest],
      [FIXTURES, start],
    ] as const) {
      for await (const { key, value } of this.#rows(app, table, after)) {
        if (key > endOf(end)) break;
        addRecord(entryOf(minutes, intervalAround(key, 'minute')), value as StatsRecord);
      }
    }
    const intervals = new Map<string, Map<string, number>>();
    for (const [minute, record] of minutes) extendRecord(entryOf(intervals, intervalAround(minute, unit)), record);
    return intervals;
  }

  #item(appId: string, unit: StatsUnit, intervalId: string, record: ReadonlyMap<string, number>): StatsItem {
    const isNow = intervalId === intervalAround(this.#minute, unit);
    const common = { intervalId, unit, schema: SCHEMA, appId, ...(isNow ? { inProgress: this.#minute } : {}) };
    return { ...common, entries: entriesOf(record) };
  }

  async #flush(app: string): Promise<void> {
    const stats = this.#apps.get(app);
    if (stats !== undefined) await this.#write(app, stats, this.#minute, stats.counters.record());
  }

  /** Writes a minute that is over, and drops some that are too old: no app gains more than one row a minute. */
  async #end(app: string, stats: AppStats, minute: string, record: StatsRecord): Promise<void> {
    if (Object.keys(record).length === 0) return;
    this.#parts.onMinute?.(app, this.#item(app, 'minute', minute, new Map(Object.entries(record))));
    await this.#write(app, stats, minute, record);
    const { rows } = await this.#parts.engine.rows(this.#ref(app), MINUTES, { limit: 8 });
    const old = rows.filter(({ key }) => key < this.#oldest());
    if (old.length > 0)
      await this.#append(
        app,
        old.map(({ key }) => ({ table: MINUTES, key })),
      );
  }

  async #write(app: string, stats: AppStats, minute: string, record: StatsRecord): Promise<void> {
    const text = JSON.stringify([minute, record]);
    if (Object.keys(record).length === 0 || text === stats.written) return;
    await this.#append(app, [{ table: MINUTES, key: `${minute} ${this.#parts.nodeId}`, value: record }]);
    stats.written = text;
  }

  async #append(app: string, rows: readonly { table: string; key: string; value?: unknown }[]): Promise<void> {
    await this.#parts.engine.append(this.#ref(app), { kind: 'message', payload: null, ephemeral: true, rows });
  }

  async *#rows(app: string, table: string, after: string): AsyncIterable<Row> {
    for (let afterKey = after; ; ) {
      const page = await this.#parts.engine.rows(this.#ref(app), table, { afterKey, limit: PAGE });
      yield* page.rows;
      const last = page.rows.at(-1);
      if (!page.more || last === undefined) return;
      afterKey = last.key;
    }
  }

  #ref(app: string): ChannelRef {
    return { app, name: CHANNEL, retentionMs: 0 };
  }

  #now(): string {
    return intervalOf(this.#parts.clock.now(), 'minute');
  }

  #oldest(): string {
    return intervalOf(this.#parts.clock.now() - this.#parts.retentionMs, 'minute');
  }
}

function entryOf(intervals: Map<string, Map<string, number>>, id: string): Map<string, number> {
  let record = intervals.get(id);
  if (record === undefined) {
    record = new Map();
    intervals.set(id, record);
  }
  return record;
}
