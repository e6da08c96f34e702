import { formatSerial } from '@parvis/protocol';
import type { ChannelRef, Entry, EntryKind } from 'parvis/engine';
import { expect, it } from 'vitest';
import { type EngineFixture, serialsOf } from './engineFixture.ts';

/** Rules of read: pages, bounds, retention, continuity. */
export function readRules(on: EngineFixture): void {
  pageRules(on);
  boundRules(on);
  retentionRules(on);
  continuityRules(on);
}

async function fill(on: EngineFixture, channel: ChannelRef, count: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const kind: EntryKind = i % 2 === 0 ? 'message' : 'presence';
    entries.push(await on.append(channel, { kind, payload: i }));
    await on.advance(10);
  }
  return entries;
}

function pageRules(on: EngineFixture): void {
  it('[EN20] pages go in either direction, hold at most the limit and tell whether there is more', async () => {
    const channel = on.channel();
    const entries = await fill(on, channel, 5);
    const forwards = await on.read(channel, { limit: 3 });
    expect(forwards).toMatchObject({ entries: entries.slice(0, 3), more: true });
    expect(await on.read(channel, { limit: 5 })).toMatchObject({ entries, more: false });
    const backwards = await on.read(channel, { limit: 3, direction: 'backwards' });
    expect(backwards).toMatchObject({ entries: entries.slice(2).reverse(), more: true });
    const after = forwards.entries.at(-1)?.serial ?? '';
    expect(await on.read(channel, { limit: 3, after })).toMatchObject({ entries: entries.slice(3), more: false });
  });

  it('[EN22] a kind leaves out the other, and more speaks of that kind alone', async () => {
    const channel = on.channel();
    const entries = await fill(on, channel, 6);
    const presence = entries.filter(({ kind }) => kind === 'presence');
    expect(await on.read(channel, { kind: 'presence', limit: 3 })).toMatchObject({ entries: presence, more: false });
    expect(await on.read(channel, { kind: 'message', limit: 2 })).toMatchObject({
      entries: [entries[0], entries[2]],
      more: true,
    });
    const upTo = entries[4]?.serial ?? '';
    expect(await on.read(channel, { kind: 'presence', upTo, direction: 'backwards', limit: 9 })).toMatchObject({
      entries: [entries[3], entries[1]],
      more: false,
    });
  });

  it('[EN20] a channel that was never used reads as empty', async () => {
    expect(await on.read(on.channel())).toEqual({ entries: [], more: false, continuity: 'kept' });
  });
}

function boundRules(on: EngineFixture): void {
  it('[EN21] after and before leave their serial out, upTo takes it in', async () => {
    const channel = on.channel();
    const all = serialsOf(await fill(on, channel, 6));
    const [, second = '', , , fifth = ''] = all;
    expect(await on.serials(channel, { after: second })).toEqual(all.slice(2));
    expect(await on.serials(channel, { before: fifth })).toEqual(all.slice(0, 4));
    expect(await on.serials(channel, { upTo: fifth })).toEqual(all.slice(0, 5));
    expect(await on.serials(channel, { after: second, before: fifth })).toEqual(all.slice(2, 4));
    expect(await on.serials(channel, { after: fifth, before: second })).toEqual([]);
  });

  it('[EN21] from and to are times that are taken in, and go with bounds of serial', async () => {
    const channel = on.channel();
    const entries = await fill(on, channel, 6);
    const all = serialsOf(entries);
    const [from = 0, to = 0] = [entries[1]?.time, entries[4]?.time];
    expect(await on.serials(channel, { from, to })).toEqual(all.slice(1, 5));
    expect(await on.serials(channel, { from: from + 1, to: to - 1 })).toEqual(all.slice(2, 4));
    expect(await on.serials(channel, { from, before: all[3] ?? '' })).toEqual(all.slice(1, 3));
    expect(await on.serials(channel, { from: 0, to: 0 })).toEqual([]);
    expect(await on.serials(channel, { from: 0, to: Number.MAX_SAFE_INTEGER })).toEqual(all);
  });
}

function retentionRules(on: EngineFixture): void {
  it('[EN24] entries older than the retention are absent, whatever the bounds', async () => {
    const channel = on.channel(60_000);
    await on.append(channel);
    await on.advance(50_000);
    const second = await on.append(channel);
    await on.advance(20_000);
    expect(await on.serials(channel)).toEqual([second.serial]);
    expect(await on.serials(channel, { direction: 'backwards', from: 0 })).toEqual([second.serial]);
    await on.advance(50_000);
    expect(await on.read(channel)).toMatchObject({ entries: [], more: false });
  });

  it('[EN24] each channel keeps to its own retention', async () => {
    const [short, long] = [on.channel(1_000), on.channel(3_600_000)];
    await on.append(short);
    const kept = await on.append(long);
    await on.advance(3_000_000);
    expect(await on.serials(short)).toEqual([]);
    expect(await on.serials(long)).toEqual([kept.serial]);
  });
}

function continuityRules(on: EngineFixture): void {
  const continuity = async (channel: ChannelRef, after: string) => (await on.read(channel, { after })).continuity;

  it('[EN23] a position is kept while every entry after it is there', async () => {
    const channel = on.channel();
    const { position } = await on.join(channel);
    expect(await continuity(channel, position)).toBe('kept');
    const first = await on.append(channel);
    const ephemeral = await on.append(channel, { ephemeral: true });
    const second = await on.append(channel);
    for (const after of [position, first.serial, ephemeral.serial, second.serial]) {
      expect(await continuity(channel, after)).toBe('kept');
    }
  });

  it('[EN24] a position is expired once an entry after it is older than the retention', async () => {
    const channel = on.channel(60_000);
    const { position } = await on.join(channel);
    const first = await on.append(channel);
    await on.advance(50_000);
    const second = await on.append(channel);
    await on.advance(20_000);
    expect(await on.read(channel, { after: position })).toMatchObject({ entries: [second], continuity: 'expired' });
    expect(await continuity(channel, first.serial)).toBe('kept');
    await on.advance(3_600_000);
    expect(await continuity(channel, first.serial)).toBe('expired');
    expect(await continuity(channel, second.serial)).toBe('kept');
    const third = await on.append(channel);
    expect(await continuity(channel, first.serial)).toBe('expired');
    expect(await on.read(channel, { after: second.serial })).toMatchObject({ entries: [third], continuity: 'kept' });
  });

  it('[EN25] a serial of another epoch, of the future or of no form at all is foreign, and nothing follows it', async () => {
    const channel = on.channel();
    const { serial, time } = await on.append(channel);
    const epoch = serial.slice(serial.indexOf('@') + 1);
    const foreign = [
      formatSerial({ ms: time, seq: 0, epoch: 'another' }),
      formatSerial({ ms: time + 60_000, seq: 0, epoch }),
      `${serial}:000`,
      '',
      'x',
      '\u0000',
    ];
    for (const after of foreign) {
      expect(await on.read(channel, { after })).toEqual({ entries: [], more: false, continuity: 'foreign' });
      expect(await continuity(on.channel(), after)).toBe('foreign');
    }
  });

  it('[EN26] a position in a channel that was never appended to is kept, however long nobody asks', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    await on.engine.part(channel, sink);
    await on.advance(3_600_000);
    expect(await continuity(channel, sink.position)).toBe('kept');
    const entry = await on.append(channel);
    expect(await on.read(channel, { after: sink.position })).toMatchObject({ entries: [entry], continuity: 'kept' });
  });

  it('[EN26] a position that could be had at the parting is kept for the retention, whatever other channels do', async () => {
    const [quiet, busy] = [on.channel(), on.channel(1_000)];
    const sink = await on.join(quiet);
    await on.advance(30_000);
    await on.append(busy);
    await on.advance(3_600_000);
    await on.engine.part(quiet, sink);
    await on.advance(110_000);
    expect(await continuity(quiet, sink.position)).toBe('kept');
  });

  it('[EN27] a position before entries that are gone stays expired, though the channel lay idle and is used again', async () => {
    const channel = on.channel();
    const sink = await on.join(channel);
    const lost = await on.append(channel);
    await on.engine.part(channel, sink);
    await on.advance(3_600_000);
    expect(await continuity(channel, sink.position)).toBe('expired');
    const again = await on.append(channel);
    expect(again.serial > lost.serial).toBe(true);
    expect(await continuity(channel, sink.position)).toBe('expired');
    expect(await continuity(channel, lost.serial)).toBe('kept');
  });
}
