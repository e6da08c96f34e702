import type { Batch, ChannelRef, Entry, Row, Store, StoredChannel, StorePage, StoreRange } from 'parvis/engine';

/** A store that can be opened again after it was closed, with all that was committed. */
export interface DurableStore {
  /** Opens it: every call gives a store over the same contents. */
  open(): Store;
}

/**
 * The contract of Store in its plainest form: slow, kept in memory, and complete, for tests of what happens when a
 * process comes back.
 */
export function createDurableStore(): DurableStore {
  const disk: Disk = { epoch: undefined, floor: '', channels: new Map() };
  return {
    open: () => ({
      load(epoch, recentFrom) {
        disk.epoch ??= epoch;
        return { epoch: disk.epoch, floor: disk.floor, channels: stored(disk, recentFrom) };
      },
      commit: (batch) => write(disk, batch),
      read: (channel, range) => page(record(disk, channel), range),
      prune: (channel, before) => prune(disk, record(disk, channel), before),
      close() {},
    }),
  };
}

interface Disk {
  epoch: string | undefined;
  floor: string;
  readonly channels: Map<string, Channel>;
}

interface Channel {
  readonly ref: ChannelRef;
  entries: Entry[];
  rows: Row[];
  floor: string;
}

function record(disk: Disk, ref: ChannelRef): Channel {
  const key = JSON.stringify([ref.app, ref.name]);
  const known = disk.channels.get(key) ?? { ref, entries: [], rows: [], floor: '' };
  disk.channels.set(key, known);
  return known;
}

function write(disk: Disk, { lapses, writes }: Batch): void {
  for (const { channel, table, key, serial } of lapses) {
    const found = record(disk, channel);
    found.rows = found.rows.filter((row) => row.table !== table || row.key !== key || row.serial !== serial);
  }
  for (const { channel, entry, rows, floor } of writes) {
    const found = record(disk, channel);
    for (const { table, key, row } of rows) {
      found.rows = found.rows.filter((other) => other.table !== table || other.key !== key);
      if (row !== undefined) found.rows.push(row);
    }
    if (entry === undefined) continue;
    if (found.entries.length === 0) found.floor = floor;
    found.entries.push(entry);
  }
}

function page(channel: Channel, range: StoreRange): StorePage {
  const { after, before, kind, keptFrom, direction, limit } = range;
  const found = channel.entries.filter(
    (entry) =>
      entry.serial > after &&
      (before === undefined || entry.serial < before) &&
      (kind === undefined || entry.kind === kind),
  );
  if (direction === 'backwards') found.reverse();
  const early = channel.entries.filter(({ serial }) => serial < keptFrom);
  return { entries: found.slice(0, limit), more: found.length > limit, floor: early.at(-1)?.serial ?? channel.floor };
}

function prune(disk: Disk, channel: Channel, before: string): void {
  const dropped = channel.entries.filter(({ serial }) => serial < before).at(-1)?.serial;
  if (dropped === undefined) return;
  channel.entries = channel.entries.filter(({ serial }) => serial >= before);
  channel.floor = dropped;
  if (dropped > disk.floor) disk.floor = dropped;
}

function stored(disk: Disk, recentFrom: number): StoredChannel[] {
  return [...disk.channels.values()]
    .filter(({ entries, rows }) => entries.length > 0 || rows.length > 0)
    .map(({ ref, entries, rows, floor }) => ({
      channel: ref,
      head: entries.at(-1)?.serial ?? floor,
      rows,
      recent: entries.filter(({ id, time }) => id !== undefined && time >= recentFrom),
    }));
}
