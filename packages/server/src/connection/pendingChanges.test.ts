import { expect, it } from 'vitest';
import { PendingChanges } from './pendingChanges.ts';

it('[MU18] a change is under way until it is done or refused, the last of a channel hides those before, and nothing stays', async () => {
  const changes = new PendingChanges();
  const ends: (() => void)[] = [];
  const order: string[] = [];
  const change = (channel: string, name: string, fails = false) => {
    const work = new Promise<void>((resolve, reject) => {
      ends.push(() => (fails ? reject(new Error('refused')) : resolve()));
    });
    changes.add(channel, work);
    changes.on(channel)?.then(() => order.push(name));
  };
  expect(changes.on('a')).toBeUndefined();
  change('a', 'first', true);
  change('b', 'other');
  change('a', 'second');
  expect(changes.size).toBe(2);
  ends[0]?.();
  await new Promise(setImmediate);
  expect([order, changes.size]).toEqual([['first'], 2]);
  for (const end of ends) end();
  await new Promise(setImmediate);
  expect(order.toSorted()).toEqual(['first', 'other', 'second']);
  expect([changes.size, changes.on('a'), changes.on('b')]).toEqual([0, undefined, undefined]);
});
