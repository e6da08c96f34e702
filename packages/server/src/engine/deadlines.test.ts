import { seededRandom } from '@parvis/testing';
import { expect, it } from 'vitest';
import { Deadlines, type Due } from './deadlines.ts';

it('[EN79] whatever is set, moved and deleted, the next is the soonest, and all that is due comes out in order', () => {
  const random = seededRandom('deadlines');
  const deadlines = new Deadlines<Due>();
  const items = Array.from({ length: 60 }, (): Due => ({ at: 0, slot: -1 }));
  const set = new Set<Due>();
  for (let step = 0; step < 20_000; step++) {
    const item = items[random.below(items.length)] ?? { at: 0, slot: -1 };
    if (random.below(3) > 0) {
      deadlines.set(item, step + random.below(100));
      set.add(item);
    } else {
      deadlines.delete(item);
      set.delete(item);
    }
    if (random.below(20) === 0) {
      const due = [...set].map(({ at }) => at).filter((at) => at <= step);
      const taken: number[] = [];
      for (let one = deadlines.take(step); one !== undefined; one = deadlines.take(step)) {
        set.delete(one);
        taken.push(one.at);
      }
      expect(taken).toEqual(due.sort((a, b) => a - b));
    }
    expect(deadlines.size).toBe(set.size);
    expect(deadlines.next).toBe(Math.min(...[...set].map(({ at }) => at)));
  }
});
