import type { Store } from 'parvis/engine';
import type { SeededRandom } from './seededRandom.ts';
import { turn } from './until.ts';

const mostTurns = 4;

/**
 * A store that takes its time: each call takes effect some turns later, and its answer comes some turns after that. The
 * order of effects is that of the calls.
 */
export function delayingStore(store: Store, random: SeededRandom): Store {
  let last: Promise<unknown> = Promise.resolve();
  const wait = async () => {
    for (let turns = random.below(mostTurns); turns > 0; turns--) await turn();
  };
  const later = async <T>(call: () => T | Promise<T>): Promise<T> => {
    const before = last;
    const effect = (async () => {
      await before.catch(() => {});
      await wait();
      return call();
    })();
    last = effect;
    const result = await effect;
    await wait();
    return result;
  };
  return {
    inMemory: store.inMemory ?? false,
    load: (epoch, recentFrom) => later(() => store.load(epoch, recentFrom)),
    commit: (batch) => later(() => store.commit(batch)),
    read: (channel, range) => later(() => store.read(channel, range)),
    prune: (channel, before) => later(() => store.prune(channel, before)),
    close: () => later(() => store.close()),
  };
}

/** A store whose commits fail whenever `fails` says so; what failed has changed nothing. */
export function failingStore(store: Store, fails: () => boolean): Store {
  return {
    inMemory: store.inMemory ?? false,
    load: (epoch, recentFrom) => store.load(epoch, recentFrom),
    commit(batch) {
      if (fails()) throw new Error('disk is full, or so the test says');
      return store.commit(batch);
    },
    read: (channel, range) => store.read(channel, range),
    prune: (channel, before) => store.prune(channel, before),
    close: () => store.close(),
  };
}

/** True on every n-th call. */
export function everyNth(n: number): () => boolean {
  let calls = 0;
  return () => ++calls % n === 0;
}
