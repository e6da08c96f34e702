import type { Row } from 'parvis/engine';
import { expect, it } from 'vitest';
import { type EngineFixture, serialsOf } from './engineFixture.ts';

/** Rules of rows and of what an append expects of them. */
export function rowRules(on: EngineFixture): void {
  foldRules(on);
  aboutRules(on);
  queryRules(on);
  expectRules(on);
}

function foldRules(on: EngineFixture): void {
  it('[EN16] a row has the value, serial and time of the entry that set it last, until one unsets it', async () => {
    const channel = on.channel();
    await on.set(channel, 'k', 'owner', 1);
    await on.advance(5);
    const { serial, time } = await on.set(channel, 'k', undefined, { v: 2 });
    expect(await on.row(channel, 'k')).toEqual({ table: 'rows', key: 'k', value: { v: 2 }, serial, time });
    await on.append(channel, { rows: [{ table: 'rows', key: 'k' }] });
    expect(await on.row(channel, 'k')).toBeUndefined();
  });

  it('[EN16] one append changes several rows of several tables, in the order it names them', async () => {
    const channel = on.channel();
    await on.set(channel, 'gone');
    const { serial } = await on.append(channel, {
      rows: [
        { table: 'rows', key: 'gone' },
        { table: 'rows', key: 'twice', value: 1 },
        { table: 'rows', key: 'twice', value: 2 },
        { table: 'other', key: 'gone', value: 3, owner: 'owner' },
      ],
    });
    expect(await on.keys(channel)).toEqual(['twice']);
    expect(await on.row(channel, 'twice')).toMatchObject({ value: 2, serial });
    const { rows } = await on.engine.rows(channel, 'other');
    expect(rows).toMatchObject([{ table: 'other', key: 'gone', value: 3, owner: 'owner', serial }]);
  });

  it('[EN16] a value of null is a value, and a key or table named like a member of Object is a name', async () => {
    const channel = on.channel();
    await on.append(channel, { rows: [{ table: '__proto__', key: 'constructor', value: null }] });
    const { rows } = await on.engine.rows(channel, '__proto__');
    expect(rows).toMatchObject([{ key: 'constructor', value: null }]);
    expect(await on.row(channel, 'constructor')).toBeUndefined();
  });
}

function aboutRules(on: EngineFixture): void {
  it('[MU2] a row about an entry is there as long as the entry is, and goes soon after, untold', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    const { serial: about } = await on.append(channel);
    await on.advance(60_000);
    await on.append(channel, { rows: [{ table: 'rows', key: 'early', value: 1, about }] });
    const late = await on.append(channel);
    await on.append(channel, { rows: [{ table: 'rows', key: 'late', value: 2, about: late.serial }] });
    await on.append(channel, { rows: [{ table: 'rows', key: 'early', value: 3, about }] });
    await on.advance(59_000);
    expect(await on.row(channel, 'early')).toMatchObject({ value: 3, about });
    await on.advance(30_000);
    await on.settle(channel, sink);
    expect(await on.keys(channel)).toEqual(['late']);
    expect(sink.lapses).toEqual([]);
  });
}

function queryRules(on: EngineFixture): void {
  it('[EN17] rows come by key, page by page, each once', async () => {
    const channel = on.channel();
    const keys = ['b', 'a', 'e', 'd', 'c'];
    for (const key of keys) await on.set(channel, key);
    const seen: string[] = [];
    let afterKey = '';
    for (let more = true; more; ) {
      const page = await on.engine.rows(channel, 'rows', { limit: 2, afterKey });
      seen.push(...page.rows.map(({ key }) => key));
      afterKey = seen.at(-1) ?? '';
      more = page.more;
    }
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(await on.engine.rows(channel, 'rows', { limit: 5 })).toMatchObject({ more: false });
    await on.append(channel, { rows: [{ table: 'rows', key: 'b' }] });
    expect(await on.engine.rows(channel, 'rows', { afterKey: 'a', limit: 1 })).toMatchObject({ rows: [{ key: 'c' }] });
  });

  it('[EN17] an unknown channel, table or key has no rows', async () => {
    const channel = on.channel();
    expect(await on.engine.rows(channel, 'rows')).toEqual({ rows: [], more: false });
    await on.set(channel, 'k');
    expect(await on.engine.rows(channel, 'none')).toEqual({ rows: [], more: false });
    expect(await on.engine.rows(channel, 'rows', { key: 'x' })).toEqual({ rows: [], more: false });
  });
}

function expectRules(on: EngineFixture): void {
  const expecting = (...expected: [string, string | null][]) => ({
    kind: 'message' as const,
    payload: 'p',
    rows: [{ table: 'rows', key: 'made', value: 1 }],
    expect: expected.map(([key, serial]) => ({ table: 'rows', key, serial })),
  });

  it('[EN12] an append whose expectations do not hold is refused with the present rows and does nothing', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    const first = await on.set(channel, 'a');
    const second = await on.set(channel, 'a');
    const draft = { ...expecting(['a', first.serial], ['b', null]), id: 'id' };
    const refused = await on.engine.append(channel, draft);
    expect(refused).toMatchObject({ outcome: 'refused', rows: [{ key: 'a', serial: second.serial }, undefined] });
    await on.settle(channel, sink);
    expect(sink.entries).toEqual([first, second]);
    expect(await on.keys(channel)).toEqual(['a']);
    const retried = await on.engine.append(channel, { ...expecting(['a', second.serial], ['b', null]), id: 'id' });
    expect(retried.outcome).toBe('appended');
  });

  it('[EN13] null expects that there is no such row', async () => {
    const channel = on.channel();
    expect((await on.engine.append(channel, expecting(['made', null]))).outcome).toBe('appended');
    expect((await on.engine.append(channel, expecting(['made', null]))).outcome).toBe('refused');
  });

  it('[EN15] all expectations must hold', async () => {
    const channel = on.channel();
    const { serial } = await on.set(channel, 'a');
    expect((await on.engine.append(channel, expecting(['a', serial], ['b', serial]))).outcome).toBe('refused');
    expect((await on.engine.append(channel, expecting(['a', serial], ['b', null]))).outcome).toBe('appended');
  });

  it('[EN14] of many at once that expect the same row one is appended, the others see its row', async () => {
    const channel = on.channel();
    const all = await Promise.all(
      Array.from({ length: 10 }, () => on.engine.append(channel, expecting(['made', null]))),
    );
    const [serial] = await on.serials(channel);
    expect(all.map(({ outcome }) => outcome)).toEqual(['appended', ...Array(9).fill('refused')]);
    for (const one of all.slice(1)) expect(one).toMatchObject({ rows: [{ key: 'made', serial }] });
  });

  it('[EN14] read, append with expect and try again adds up, however many do so at once', async () => {
    const channel = on.channel();
    const increment = async (): Promise<void> => {
      const row: Row | undefined = await on.row(channel, 'count');
      const value = Number(row?.value ?? 0) + 1;
      const { outcome } = await on.engine.append(channel, {
        kind: 'message',
        payload: value,
        rows: [{ table: 'rows', key: 'count', value }],
        expect: [{ table: 'rows', key: 'count', serial: row?.serial ?? null }],
      });
      if (outcome === 'refused') await increment();
    };
    await Promise.all(Array.from({ length: 8 }, increment));
    expect(await on.row(channel, 'count')).toMatchObject({ value: 8 });
    const { entries } = await on.read(channel);
    expect(entries.map(({ payload }) => payload)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(new Set(serialsOf(entries)).size).toBe(8);
  });
}
