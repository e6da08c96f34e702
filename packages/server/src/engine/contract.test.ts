import {
  type CreateEngine,
  createDurableStore,
  createFakeClock,
  delayingStore,
  describeEngine,
  everyNth,
  failingStore,
  seededRandom,
  turn,
} from '@parvis/testing';
import type { Appended, ChannelRef, Draft, Engine } from './engine.ts';
import { createLocalEngine } from './local.ts';
import { createMemoryStore } from './memory.ts';
import type { Store } from './store.ts';

const random = seededRandom('engine contract');

function over(createStore: () => Store, wrap: (engine: Engine) => Engine = (engine) => engine): CreateEngine {
  return () => {
    const clock = createFakeClock();
    const engine = createLocalEngine({ store: createStore(), clock, random: random.next });
    const advance = async (ms: number) => {
      clock.advance(ms);
      await turn();
    };
    return { engine: wrap(engine), advance };
  };
}

describeEngine('local, memory store', over(createMemoryStore));
describeEngine(
  'local, memory store that takes its time',
  over(() => delayingStore(createMemoryStore(), random)),
);
describeEngine(
  'local, durable store that takes its time',
  over(() => delayingStore(createDurableStore().open(), random)),
);
describeEngine(
  'local, store that fails every third commit, each append tried until it is taken',
  over(() => failingStore(createMemoryStore(), everyNth(3)), retrying),
);
describeEngine(
  'local, store that takes its time and fails every third commit, each append tried until it is taken',
  over(() => delayingStore(failingStore(createMemoryStore(), everyNth(3)), random), retrying),
);

/** As a caller that insists: one append after the other, each again until storage takes it. */
function retrying(engine: Engine): Engine {
  let last: Promise<unknown> = Promise.resolve();
  const insist = async (channel: ChannelRef, draft: Draft): Promise<Appended> => {
    for (;;) {
      try {
        return await engine.append(channel, draft);
      } catch (error) {
        if (!(await engine.ready())) throw error;
      }
    }
  };
  return new Proxy(engine, {
    get(target, name) {
      if (name === 'append') {
        return (channel: ChannelRef, draft: Draft) => {
          const result = last.then(() => insist(channel, draft));
          last = result.catch(() => {});
          return result;
        };
      }
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
