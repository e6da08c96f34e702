import { createFakeClock, delayingStore, describeEngineWalks, failingStore, seededRandom, turn } from '@parvis/testing';
import { createLocalEngine, type LocalEngineOptions } from './local.ts';
import { createMemoryStore } from './memory.ts';
import type { Store } from './store.ts';

const random = seededRandom('walks');

function over(createStore: () => Store, limits: Pick<LocalEngineOptions, 'maxBytes' | 'maxChannelBytes'> = {}) {
  return () => {
    const clock = createFakeClock();
    const engine = createLocalEngine({ store: createStore(), clock, random: random.next, ...limits });
    const advance = async (ms: number) => {
      clock.advance(ms);
      await turn();
    };
    return { under: { engine, advance }, startedAt: clock.now() };
  };
}

const failing = () => failingStore(createMemoryStore(), () => random.below(4) === 0);

describeEngineWalks('local, memory store', { create: over(createMemoryStore) });
describeEngineWalks('local, store that takes its time', {
  create: over(() => delayingStore(createMemoryStore(), random)),
});
describeEngineWalks('local, store that fails at times', { create: over(failing), mayFail: true });
describeEngineWalks('local, store that takes its time and fails at times', {
  create: over(() => delayingStore(failing(), random)),
  mayFail: true,
});

const little = { maxBytes: 3_000, maxChannelBytes: 2_000 };

describeEngineWalks('local, little memory', { create: over(createMemoryStore, little), mayCut: true });
describeEngineWalks('local, little memory, store that takes its time and fails at times', {
  create: over(() => delayingStore(failing(), random), little),
  mayFail: true,
  mayCut: true,
});
