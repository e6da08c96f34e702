import { expect, it } from 'vitest';
import { type EngineFixture, serialsOf } from './engineFixture.ts';

/** Rules of append: order, atomicity, ids, what is refused. */
export function appendRules(on: EngineFixture): void {
  orderRules(on);
  idRules(on);
  closeRules(on);
}

function orderRules(on: EngineFixture): void {
  it('[EN1] an entry that was acknowledged is shown by a read at once, with all that was handed over', async () => {
    const channel = on.channel();
    const payload = { text: 'é', bytes: new Uint8Array([0, 255]), list: [1, null, true, { deep: 'x' }] };
    const entry = await on.append(channel, { kind: 'presence', id: 'a:0', payload });
    expect(entry).toMatchObject({ kind: 'presence', id: 'a:0', payload });
    expect((await on.read(channel)).entries).toEqual([entry]);
  });

  it('[EN2] serials of a channel rise as text and are unique, and times never fall', async () => {
    const channel = on.channel();
    const entries = [];
    for (let i = 0; i < 20; i++) {
      entries.push(await on.append(channel));
      if (i % 7 === 0) await on.advance(i);
    }
    const serials = serialsOf(entries);
    expect([...new Set(serials)].sort()).toEqual(serials);
    const times = entries.map(({ time }) => time);
    expect(times.toSorted((a, b) => a - b)).toEqual(times);
  });

  it('[EN3] appends take effect in the order of the calls, waited for or not', async () => {
    const channel = on.channel();
    const appended = await Promise.all(Array.from({ length: 50 }, (_, i) => on.append(channel, { payload: i })));
    const { entries } = await on.read(channel);
    expect(entries.map(({ payload }) => payload)).toEqual(appended.map((_, i) => i));
    expect(serialsOf(entries)).toEqual(serialsOf(appended));
  });

  it('[EN8] channels of one name in two apps never meet', async () => {
    const mine = on.channel();
    const theirs = { ...mine, app: 'other' };
    const sink = await on.join(mine);
    await on.append(theirs, { id: 'same', rows: [{ table: 'rows', key: 'k', value: 1 }] });
    const entry = await on.append(mine, { id: 'same' });
    await on.settle(mine, sink);
    expect(serialsOf(sink.entries)).toEqual([entry.serial]);
    expect(await on.keys(mine)).toEqual([]);
    expect(await on.keys(theirs)).toEqual(['k']);
    expect(await on.serials(theirs)).toHaveLength(1);
  });
}

function idRules(on: EngineFixture): void {
  it('[EN9] a second draft with the same id is answered with the first entry and does nothing', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    const first = await on.append(channel, { id: 'id', payload: 'first' });
    const rows = [{ table: 'rows', key: 'k', value: 1 }];
    const again = await on.engine.append(channel, { kind: 'message', id: 'id', payload: 'second', rows });
    expect(again).toEqual({ outcome: 'duplicate', entry: first });
    await on.settle(channel, sink);
    expect(sink.entries).toEqual([first]);
    expect(await on.keys(channel)).toEqual([]);
  });

  it('[EN9] of many drafts with one id at once one is appended, and all are answered with it', async () => {
    const channel = on.channel();
    const draft = { kind: 'message' as const, id: 'id', payload: 'p' };
    const all = await Promise.all(Array.from({ length: 10 }, () => on.engine.append(channel, draft)));
    const [first] = await on.serials(channel);
    expect(all.map(({ outcome }) => outcome)).toEqual(['appended', ...Array(9).fill('duplicate')]);
    for (const one of all) expect(one).toMatchObject({ entry: { serial: first } });
    expect(await on.serials(channel)).toEqual([first]);
  });

  it('[EN10] an id is recognised for two minutes, even if entries are kept for less', async () => {
    const channel = on.channel(1_000);
    const first = await on.append(channel, { id: 'id' });
    await on.advance(119_000);
    await on.append(channel);
    expect(await on.engine.append(channel, { kind: 'message', id: 'id', payload: '' })).toEqual({
      outcome: 'duplicate',
      entry: first,
    });
  });

  it('[EN10] the id of an ephemeral entry is recognised as well', async () => {
    const channel = on.channel();
    const first = await on.append(channel, { id: 'id', ephemeral: true });
    const again = await on.engine.append(channel, { kind: 'message', id: 'id', payload: '', ephemeral: true });
    expect(again).toEqual({ outcome: 'duplicate', entry: first });
  });

  it('[EN11] an id means nothing in another channel', async () => {
    await on.append(on.channel(), { id: 'id' });
    await expect(on.append(on.channel(), { id: 'id' })).resolves.toMatchObject({ id: 'id' });
  });
}

function closeRules(on: EngineFixture): void {
  it('[EN38] an open engine is ready; a closed one is not, and answers every call with 50004', async () => {
    const channel = on.channel();
    await on.append(channel);
    expect(await on.engine.ready()).toBe(true);
    await on.engine.close();
    expect(await on.engine.ready()).toBe(false);
    const refused = { code: 50004, statusCode: 503 };
    await expect(on.append(channel)).rejects.toMatchObject(refused);
    await expect(on.join(channel)).rejects.toMatchObject(refused);
    await expect(on.read(channel)).rejects.toMatchObject(refused);
    await expect(on.keys(channel)).rejects.toMatchObject(refused);
    await expect(on.engine.lease('owner', 1)).rejects.toMatchObject(refused);
  });
}
