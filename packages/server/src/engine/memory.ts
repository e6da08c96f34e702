import { ChannelMap } from './channelMap.ts';
import type { ChannelRef } from './engine.ts';
import { EntryLog } from './entryLog.ts';
import type { Batch, Store, Stored, StorePage, StoreRange } from './store.ts';

/** Choices of a memory store. */
export interface MemoryStoreOptions {
  /** Entries kept per channel at most, whatever the retention; the oldest go early. 1 million unless told. */
  readonly maxEntries?: number;
}

/**
 * A store for as long as the process lives: logs only, since the engine itself holds the rows. Answers at once.
 */
export function createMemoryStore(options: MemoryStoreOptions = {}): Store {
  return new MemoryStore(options.maxEntries ?? 1_000_000);
}

class MemoryStore implements Store {
  readonly inMemory = true;
  readonly #logs = new ChannelMap<EntryLog>();
  readonly #maxEntries: number;

  constructor(maxEntries: number) {
    this.#maxEntries = maxEntries;
  }

  load(epoch: string): Stored {
    return { epoch, floor: '', channels: [] };
  }

  commit(batch: Batch): void {
    for (const { channel, entry, floor } of batch.writes) {
      if (entry === undefined) continue;
      let log = this.#logs.get(channel);
      if (log === undefined) {
        log = new EntryLog(floor);
        this.#logs.set(channel, log);
      }
      log.push(entry);
      if (log.length > this.#maxEntries) log.dropOldest(log.length - this.#maxEntries);
    }
  }

  read(channel: ChannelRef, range: StoreRange): StorePage {
    return this.#logs.get(channel)?.page(range) ?? { entries: [], more: false, floor: '' };
  }

  prune(channel: ChannelRef, before: string): void {
    const log = this.#logs.get(channel);
    if (log === undefined) return;
    log.dropBefore(before);
    if (log.length === 0) this.#logs.delete(channel);
  }

  close(): void {}
}
