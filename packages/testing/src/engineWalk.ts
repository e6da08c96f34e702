import { parseSerial } from '@parvis/protocol';
import type { Appended, Draft, Entry, Page, Row } from 'parvis/engine';
import { expect } from 'vitest';
import type { EngineUnderTest } from './engineFixture.ts';
import { EngineModel, type ModelChannel, type ModelLapse, rowOf, sorted, storedIn } from './engineModel.ts';
import { createRecordingSink, type RecordingSink } from './recordingSink.ts';
import { turn, until } from './until.ts';

/** One step of a random walk over an engine. `channel` is an index; `expect` says which serial a row is expected to have. */
export type WalkStep =
  | { readonly do: 'append'; readonly channel: number; readonly draft: Draft; readonly expects?: ExpectedRow }
  | { readonly do: 'join' | 'part' | 'read'; readonly channel: number }
  | { readonly do: 'lease'; readonly owner: string; readonly ms: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'turn' | 'settle' };

export interface ExpectedRow {
  readonly key: string;
  readonly serial: 'none' | 'present' | 'wrong';
}

interface Listening {
  readonly channel: ModelChannel;
  readonly sink: RecordingSink;
  readonly joined: Promise<{ position: string; rows: Row[] }>;
  /** The rows, and how many entries were fed, when it was called to join. */
  readonly before: { readonly rows: readonly Row[]; readonly fed: number };
  /** Entries told when it parted; undefined while it is joined. */
  parted: number | undefined;
  /** Lapses it must have been told of. */
  readonly lapses: Row[];
  /** Undefined until the first settlement. */
  position: string | undefined;
}

interface Pending {
  readonly channel: ModelChannel;
  readonly draft: Draft;
  readonly answer: Promise<Appended | Error>;
}

interface EarlyRead {
  readonly channel: ModelChannel;
  readonly page: Promise<Page>;
  readonly settledBefore: number;
}

/** What a walk puts up with. */
export interface Leeway {
  /** Appends may be rejected with 50004. */
  readonly mayFail?: boolean;
  /** Entries and ids may go early, the oldest of a channel together, as long as its positions tell. */
  readonly mayCut?: boolean;
}

const whole = { direction: 'forwards', limit: 10_000 } as const;

/**
 * Walks over an engine and over the model beside it. What is called between two settlements is not waited for, so that
 * it meets in all ways; at a settlement both must have come to the same.
 */
export class EngineWalk {
  readonly #under: EngineUnderTest;
  readonly #model: EngineModel;
  readonly #startedAt: number;
  readonly #leeway: Leeway;
  readonly #listening: Listening[] = [];
  #pending: Pending[] = [];
  #reads: EarlyRead[] = [];

  /** `startedAt` is the engine's time now. */
  constructor(under: EngineUnderTest, startedAt: number, leeway: Leeway) {
    const ref = (name: string, retentionMs: number) => ({ app: 'app', name, retentionMs });
    this.#model = new EngineModel([ref('short', 30_000), ref('long', 300_000)], leeway.mayCut);
    this.#under = under;
    this.#startedAt = startedAt;
    this.#leeway = leeway;
  }

  /** Entries that were seen to have gone early. */
  get cuts(): number {
    return this.#model.cuts;
  }

  async step(step: WalkStep): Promise<void> {
    switch (step.do) {
      case 'append':
        return this.#append(this.#channel(step.channel), step.draft, step.expects);
      case 'join':
        return this.#join(this.#channel(step.channel));
      case 'part':
        return this.#part(this.#channel(step.channel));
      case 'read':
        return this.#readEarly(this.#channel(step.channel));
      case 'lease':
        return this.#lease(step.owner, step.ms);
      case 'pass':
        return this.#pass(step.ms);
      case 'turn':
        return turn();
      case 'settle':
        return this.settle();
    }
  }

  /** Waits for all that is under way and compares everything. */
  async settle(): Promise<void> {
    const joining = this.#listening.filter(({ position }) => position === undefined);
    for (const one of joining) one.position = (await one.joined).position;
    for (const { channel, draft, answer } of this.#pending) {
      const got = await answer;
      if (got instanceof Error) expect([this.#leeway.mayFail, got]).toMatchObject([true, { code: 50004 }]);
      else this.#expectLapses(this.#model.append(channel, draft, got, this.#startedAt));
    }
    this.#pending = [];
    for (const one of joining) await this.#checkJoined(one);
    for (const one of this.#listening) await this.#checkListening(one);
    await this.#checkReads();
    for (const channel of this.#model.channels) await this.#checkChannel(channel);
  }

  async #checkReads(): Promise<void> {
    for (const { channel, page, settledBefore } of this.#reads) {
      const { entries } = await page;
      if (this.#leeway.mayCut === true) {
        expect(entries).toEqual(runOf(storedIn(channel), entries[0], entries.length));
        continue;
      }
      const kept = this.#model.kept(channel, this.#startedAt);
      expect(entries).toEqual(kept.slice(0, entries.length));
      expect(entries.length).toBeGreaterThanOrEqual(settledBefore);
    }
    this.#reads = [];
  }

  #channel(index: number): ModelChannel {
    const channel = this.#model.channels[index];
    if (channel === undefined) throw new Error(`no channel ${index}`);
    return channel;
  }

  #append(channel: ModelChannel, draft: Draft, expects: ExpectedRow | undefined): void {
    const full = expects === undefined ? draft : { ...draft, expect: [expectation(channel, expects)] };
    const answer = this.#under.engine.append(channel.ref, full).catch((error: Error) => error);
    this.#pending.push({ channel, draft: full, answer });
  }

  #join(channel: ModelChannel): void {
    const sink = createRecordingSink();
    const joined = this.#under.engine.join(channel.ref, sink);
    const before = { rows: channel.rows, fed: channel.fed.length };
    this.#listening.push({ channel, sink, joined, before, parted: undefined, lapses: [], position: undefined });
  }

  async #part(channel: ModelChannel): Promise<void> {
    const one = this.#listening.find((listening) => listening.channel === channel && listening.parted === undefined);
    if (one === undefined) return;
    await one.joined;
    await this.#under.engine.part(channel.ref, one.sink);
    one.parted = one.sink.told.length;
  }

  #readEarly(channel: ModelChannel): void {
    const settledBefore = this.#model.kept(channel, this.#startedAt).length;
    this.#reads.push({ channel, page: this.#under.engine.read(channel.ref, whole), settledBefore });
  }

  async #lease(owner: string, ms: number): Promise<void> {
    await this.settle();
    const { had, lapses } = this.#model.lease(owner, ms);
    expect(await this.#under.engine.lease(owner, ms)).toBe(had);
    this.#expectLapses(lapses);
    await this.settle();
  }

  async #pass(ms: number): Promise<void> {
    await this.settle();
    await this.#under.advance(ms);
    this.#expectLapses(this.#model.pass(ms));
    await this.settle();
  }

  #expectLapses(lapses: readonly ModelLapse[]): void {
    for (const { channel, row, after } of lapses) {
      for (const one of this.#listening) {
        if (one.channel !== channel || one.parted !== undefined) continue;
        if (after === undefined || after > (one.position ?? '')) one.lapses.push(row);
      }
    }
  }

  /** A sink that is joined has every entry after its position once and in order; one that parted has the first of them. */
  async #checkListening(one: Listening): Promise<void> {
    const { channel, sink, position = '' } = one;
    const after = channel.fed.filter(({ entry }) => entry.serial > position).map(({ entry }) => entry);
    if (one.parted === undefined) await until('the feed', () => sink.entries.length >= after.length);
    else expect(sink.told.length).toBe(one.parted);
    expect(sink.entries).toEqual(one.parted === undefined ? after : after.slice(0, sink.entries.length));
    sink.entries.forEach((entry, i) => {
      expect(entry.previous).toBe(sink.entries[i - 1]?.serial ?? position);
    });
    if (one.parted === undefined) expect(sorted(sink.lapses.flat())).toEqual(sorted(one.lapses));
  }

  /** The rows of a join are those that stood at its position. */
  async #checkJoined({ channel, before, joined, position = '' }: Listening): Promise<void> {
    const last = channel.fed.findLastIndex(({ entry }) => entry.serial <= position);
    const stood = last < before.fed ? before.rows : channel.fed[last]?.rowsAfter;
    expect(sorted((await joined).rows)).toEqual(sorted(stood ?? []));
    expect(last).toBeGreaterThanOrEqual(before.fed - 1);
  }

  async #checkChannel(channel: ModelChannel): Promise<void> {
    const { engine } = this.#under;
    const { entries } = await engine.read(channel.ref, whole);
    this.#model.learnCut(channel, entries, this.#startedAt);
    const kept = this.#model.kept(channel, this.#startedAt);
    expect(entries).toEqual(kept);
    const last = await engine.read(channel.ref, { direction: 'backwards', limit: 3, kind: 'message' });
    const messages = kept.filter(({ kind }) => kind === 'message').reverse();
    expect(last).toMatchObject({ entries: messages.slice(0, 3), more: messages.length > 3 });
    const { rows } = await engine.rows(channel.ref, 'rows');
    expect(rows).toEqual(sorted(channel.rows));
    for (const serial of this.#positions(channel)) await this.#checkContinuity(channel, serial);
  }

  /** Some positions that a client of this channel may hold. */
  #positions(channel: ModelChannel): string[] {
    const joined = this.#listening.filter((one) => one.channel === channel).map(({ position }) => position ?? '');
    const fed = channel.fed.map(({ entry }) => entry.serial);
    return [joined[0], joined.at(-1), fed[0], fed[fed.length >> 1], fed.at(-1)].filter(
      (serial) => serial !== undefined,
    );
  }

  async #checkContinuity(channel: ModelChannel, after: string): Promise<void> {
    const { entries, continuity } = await this.#under.engine.read(channel.ref, { ...whole, after });
    const kept = this.#model.kept(channel, this.#startedAt).filter(({ serial }) => serial > after);
    expect(entries).toEqual(kept);
    const isKept = this.#model.isKept(channel, after, this.#startedAt);
    const age = this.#startedAt + this.#model.now - (parseSerial(after)?.ms ?? 0);
    // A channel that nobody touched for so long may have been forgotten, and is answered for with care.
    const allowed = age < Math.max(channel.ref.retentionMs, 120_000) ? ['kept'] : ['kept', 'expired'];
    expect(isKept ? allowed : ['expired']).toContain(continuity);
  }
}

/** So many entries in a row from this one on. */
function runOf(entries: readonly Entry[], from: Entry | undefined, count: number): Entry[] {
  const first = entries.findIndex(({ serial }) => serial === from?.serial);
  return first < 0 ? [] : entries.slice(first, first + count);
}

function expectation(channel: ModelChannel, { key, serial }: ExpectedRow) {
  const present = rowOf(channel, 'rows', key)?.serial ?? null;
  return { table: 'rows', key, serial: { none: null, present, wrong: 'wrong' }[serial] };
}
