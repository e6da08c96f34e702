import { createDurableStore } from './durableStore.ts';
import { delayingStore } from './faultyStore.ts';
import { seededRandom } from './seededRandom.ts';
import { describeStore } from './store.ts';

describeStore('durable', () => {
  const durable = createDurableStore();
  return { store: durable.open(), reopen: () => durable.open() };
});

const random = seededRandom('delaying store');

describeStore('durable, delayed', () => {
  const durable = createDurableStore();
  const open = () => delayingStore(durable.open(), random);
  return { store: open(), reopen: open };
});
