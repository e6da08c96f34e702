import { expect, it } from 'vitest';
import { Lanes } from './lane.ts';

it('[MU18] tasks of one lane run one after the other, those of others meanwhile, and an empty lane is forgotten', async () => {
  const lanes = new Lanes();
  const told: string[] = [];
  const ends = new Map<string, () => void>();
  const task =
    (name: string, fails = false) =>
    async () => {
      told.push(`${name} begins`);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      told.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
  const all = Promise.allSettled([
    lanes.run('a', task('1', true)),
    lanes.run('a', task('2')),
    lanes.run('b', task('3')),
  ]);
  await new Promise(setImmediate);
  expect([told, lanes.size]).toEqual([['1 begins', '3 begins'], 2]);
  ends.get('3')?.();
  ends.get('1')?.();
  await new Promise(setImmediate);
  expect([told.slice(2), lanes.size]).toEqual([['3 ends', '1 ends', '2 begins'], 1]);
  ends.get('2')?.();
  expect(await all).toMatchObject([{ reason: { message: '1' } }, { value: '2' }, { value: '3' }]);
  expect(lanes.size).toBe(0);
});
