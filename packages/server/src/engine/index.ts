export { type Clock, systemClock } from '../clock.ts';
export type {
  Appended,
  ChannelRef,
  Draft,
  Engine,
  Entry,
  EntryKind,
  Expectation,
  Joined,
  Page,
  Range,
  Row,
  RowChange,
  RowPage,
  RowQuery,
  Sink,
} from './engine.ts';
export { createLocalEngine, type LocalEngineOptions } from './local.ts';
export { createMemoryStore, type MemoryStoreOptions } from './memory.ts';
export type {
  Batch,
  Lapse,
  RowWrite,
  Store,
  Stored,
  StoredChannel,
  StorePage,
  StoreRange,
  Write,
} from './store.ts';
