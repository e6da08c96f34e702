import { expect, it } from 'vitest';
import { type EngineFixture, serialsOf } from './engineFixture.ts';
import { createRecordingSink } from './recordingSink.ts';

/** Rules of the feed: what a sink is told, and in which order. */
export function feedRules(on: EngineFixture): void {
  orderRules(on);
  joinRules(on);
}

function orderRules(on: EngineFixture): void {
  it('[EN4] every joined sink is fed every entry once, in serial order', async () => {
    const channel = on.channel();
    const sinks = [await on.join(channel), await on.join(channel)];
    const entries = await Promise.all(Array.from({ length: 30 }, (_, i) => on.append(channel, { payload: i })));
    await on.settle(channel, ...sinks);
    for (const sink of sinks) expect(sink.entries).toEqual(entries);
  });

  it('[EN5] each entry names the one before it, beginning with the position of the join', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    for (let i = 0; i < 5; i++) await on.append(channel, { ephemeral: i === 2 });
    await on.settle(channel, sink);
    const previous = sink.entries.map((entry) => entry.previous);
    expect(previous).toEqual([sink.position, ...serialsOf(sink.entries).slice(0, -1)]);
  });

  it('[EN18] an ephemeral entry is fed and never read back; rows it sets stay', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    const before = await on.append(channel);
    const entry = await on.append(channel, { ephemeral: true, rows: [{ table: 'rows', key: 'k', value: 1 }] });
    await on.settle(channel, sink);
    expect(sink.entries).toEqual([before, entry]);
    expect(entry.serial > before.serial).toBe(true);
    expect(await on.serials(channel, { upTo: entry.serial })).toEqual([before.serial]);
    expect(await on.row(channel, 'k')).toMatchObject({ serial: entry.serial });
  });

  it('[EN37] what a sink appends while it is told something comes after that for every other sink too', async () => {
    const channel = on.channel();
    const answers: Promise<unknown>[] = [];
    const answering = createRecordingSink({
      entry: ({ payload }) => {
        if (payload === 'question') answers.push(on.append(channel, { payload: 'answer' }));
      },
    });
    await on.join(channel, answering);
    const other = await on.join(channel);
    const asked = await Promise.all([1, 2, 3].map(() => on.append(channel, { payload: 'question' })));
    await Promise.all(answers);
    await on.settle(channel, answering, other);
    expect(answering.entries).toHaveLength(asked.length * 2);
    expect(other.told).toEqual(answering.told);
    expect(serialsOf(other.entries).toSorted()).toEqual(serialsOf(other.entries));
  });
}

function joinRules(on: EngineFixture): void {
  it('[EN6] a join answers with the last serial and the rows at it, and is fed what comes after', async () => {
    const channel = on.channel();
    await on.set(channel, 'early');
    const last = await on.set(channel, 'late');
    const sink = await on.join(channel);
    const next = await on.append(channel);
    await on.settle(channel, sink);
    expect(sink.position).toBe(last.serial);
    expect(sink.rows.map(({ key }) => key).toSorted()).toEqual(['early', 'late']);
    expect(sink.entries).toEqual([next]);
  });

  it('[EN6] a join in the midst of appends neither loses nor doubles any', async () => {
    const channel = on.channel();
    const first = await on.join(channel);
    const joins = [];
    const appends = [];
    for (let i = 0; i < 40; i++) {
      appends.push(on.set(channel, `k${i}`));
      if (i % 4 === 0) joins.push(on.join(channel));
    }
    const sinks = await Promise.all(joins);
    await Promise.all(appends);
    await on.settle(channel, first, ...sinks);
    for (const sink of sinks) {
      const before = first.entries.filter(({ serial }) => serial <= sink.position);
      expect(sink.entries).toEqual(first.entries.slice(before.length));
      expect(serialsOf(before)).toEqual(sink.rows.map(({ serial }) => serial).toSorted());
    }
  });

  it('[EN7] nothing is fed after parting, and one sink parting leaves the other', async () => {
    const channel = on.channel();
    const [going, staying] = [await on.join(channel), await on.join(channel)];
    const before = await on.append(channel);
    await on.settle(channel, going, staying);
    await on.engine.part(channel, going);
    const after = await on.append(channel);
    await on.settle(channel, staying);
    expect(going.entries).toEqual([before]);
    expect(staying.entries.slice(-1)).toEqual([after]);
  });

  it('[EN7] a sink that parted may join again and starts anew', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    await on.engine.part(channel, sink);
    const missed = await on.append(channel);
    const again = await on.join(channel, sink);
    const next = await on.append(channel);
    await on.settle(channel, sink);
    expect(again.position).toBe(missed.serial);
    expect(sink.entries).toEqual([next]);
  });

  it('[EN39] joining a channel twice with one sink is rejected and changes nothing', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    await expect(on.engine.join(channel, sink)).rejects.toThrow('joined');
    const entry = await on.append(channel);
    await on.settle(channel, sink);
    expect(sink.entries).toEqual([entry]);
  });
}
