import {
  type CreateEngine,
  createDurableStore,
  createFakeClock,
  delayingStore,
  describeEngine,
  describeEngineBudget,
  type EngineBudget,
  type EngineUnderTest,
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

function open(store: Store, wrap: (engine: Engine) => Engine, limits?: EngineBudget): EngineUnderTest {
  const clock = createFakeClock();
  const engine = createLocalEngine({ store, clock, random: random.next, ...limits });
  const advance = async (ms: number) => {
    clock.advance(ms);
    await turn();
  };
  return { engine: wrap(engine), advance };
}

function over(createStore: () => Store, wrap = (engine: Engine) => engine): CreateEngine {
  return () => open(createStore(), wrap);
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

const asItIs = (engine: Engine) => engine;
describeEngineBudget('local, memory store', (limits) => open(createMemoryStore(), asItIs, limits));
describeEngineBudget('local, memory store that takes its time', (limits) =>
  open(delayingStore(createMemoryStore(), random), asItIs, limits),
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
