import type { ChannelRef, Draft, Engine, Entry, Joined, Page, Range, Row } from 'parvis/engine';
import { afterEach, beforeEach, expect } from 'vitest';
import { createRecordingSink, type RecordingSink } from './recordingSink.ts';
import { until } from './until.ts';

/** An engine and the means a suite needs around it. */
export interface EngineUnderTest {
  readonly engine: Engine;
  /** Lets this much time pass for the engine, in ms. */
  advance(ms: number): Promise<void>;
}

/** Makes a new engine; the suite closes it. */
export type CreateEngine = () => EngineUnderTest | Promise<EngineUnderTest>;

/** What the tests of a suite share: a new engine for each, and short ways to say the usual things. */
export class EngineFixture {
  #under: EngineUnderTest | undefined;
  #channels = 0;

  constructor(create: CreateEngine) {
    beforeEach(async () => {
      this.#under = await create();
    });
    afterEach(async () => {
      await this.#under?.engine.close();
    });
  }

  get engine(): Engine {
    if (this.#under === undefined) throw new Error('an engine is there while a test runs');
    return this.#under.engine;
  }

  async advance(ms: number): Promise<void> {
    await this.#under?.advance(ms);
  }

  /** A channel that no test has used. */
  channel(retentionMs = 120_000): ChannelRef {
    this.#channels += 1;
    return { app: 'app', name: `room:${this.#channels}`, retentionMs };
  }

  /** Appends what must be taken, and answers with the entry. */
  async append(channel: ChannelRef, draft: Partial<Draft> = {}): Promise<Entry> {
    const appended = await this.engine.append(channel, { kind: 'message', payload: 'payload', ...draft });
    if (appended.outcome !== 'appended') throw new Error(`append came to ${appended.outcome}`);
    return appended.entry;
  }

  /** Appends an entry that sets one row, without waiting for anything else. */
  set(channel: ChannelRef, key: string, owner?: string, value: unknown = key): Promise<Entry> {
    const change = owner === undefined ? { table: 'rows', key, value } : { table: 'rows', key, value, owner };
    return this.append(channel, { kind: 'presence', rows: [change] });
  }

  async join(channel: ChannelRef, sink: RecordingSink = createRecordingSink()): Promise<RecordingSink & Joined> {
    const joined = await this.engine.join(channel, sink);
    return Object.assign(sink, joined);
  }

  read(channel: ChannelRef, range: Partial<Range> = {}): Promise<Page> {
    return this.engine.read(channel, { direction: 'forwards', limit: 1_000, ...range });
  }

  /** Serials of what a range holds. */
  async serials(channel: ChannelRef, range: Partial<Range> = {}): Promise<string[]> {
    return (await this.read(channel, range)).entries.map(({ serial }) => serial);
  }

  /** Keys of the living rows of the table that `set` writes to. */
  async keys(channel: ChannelRef): Promise<string[]> {
    return (await this.engine.rows(channel, 'rows')).rows.map(({ key }) => key);
  }

  async row(channel: ChannelRef, key: string): Promise<Row | undefined> {
    return (await this.engine.rows(channel, 'rows', { key })).rows[0];
  }

  /**
   * Appends one more entry and waits until all these sinks have it: what was not told before it is not told.
   */
  async settle(channel: ChannelRef, ...sinks: RecordingSink[]): Promise<Entry> {
    const mark = await this.append(channel, { payload: 'mark' });
    await until('the mark', () => sinks.every((sink) => sink.entries.at(-1)?.serial === mark.serial));
    for (const sink of sinks) sink.entries.pop();
    for (const sink of sinks) expect(sink.told.pop()).toBe(mark.serial);
    return mark;
  }
}

/** Serials of entries. */
export function serialsOf(entries: readonly Entry[]): string[] {
  return entries.map(({ serial }) => serial);
}
