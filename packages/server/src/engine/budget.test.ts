import { seededRandom } from '@parvis/testing';
import { expect, it } from 'vitest';
import { Budget, type BudgetOptions } from './budget.ts';
import type { Ledger } from './ledger.ts';

interface Holder {
  readonly name: string;
  readonly ledger: Ledger;
}

const keptMs = 120_000;

function house(limits: Pick<BudgetOptions<Holder>, 'maxBytes' | 'maxShare'>) {
  const gone: string[] = [];
  let looks = 0;
  const letGo = ({ name }: Holder, upTo: string) => gone.push(`${name} ${upTo}`);
  const budget = new Budget<Holder>({ ...limits, letGo });
  const open = (name: string): Holder => {
    const ledger = budget.open();
    return {
      name,
      get ledger() {
        looks += 1;
        return ledger;
      },
    };
  };
  return { budget, gone, open, looks: () => looks };
}

it('[EN109] over its share one loses its oldest, over the total the one that holds most, and rows count but stay', () => {
  const { budget, gone, open } = house({ maxBytes: 1_000, maxShare: 600 });
  const [a, b, c] = [open('a'), open('b'), open('c')];
  for (const serial of ['1', '2', '3', '4', '5']) budget.add(a, serial, 100, 0, keptMs);
  budget.setRows(a, 200);
  expect(gone).toEqual(['a 1']);
  for (const serial of ['1', '2', '3']) budget.add(b, serial, 100, 0, keptMs);
  expect([gone, budget.bytes]).toEqual([['a 1'], 900]);
  budget.add(c, '1', 200, 0, keptMs);
  expect([gone, budget.bytes]).toEqual([['a 1', 'a 2'], 1_000]);
  budget.setRows(a, 0);
  budget.delete(b);
  expect([budget.bytes, a.ledger.entries, c.ledger.entries]).toEqual([500, 300, 200]);
});

it('[EN109] who has just got something keeps it, however much it is', () => {
  const { budget, gone, open } = house({ maxBytes: 1_000, maxShare: 600 });
  const [a, b] = [open('a'), open('b')];
  budget.add(a, '1', 500, 0, keptMs);
  budget.add(b, '1', 100, 0, keptMs);
  budget.add(b, '2', 5_000, 0, keptMs);
  expect(gone).toEqual(['b 1', 'a 1']);
  budget.add(a, '2', 10, 0, keptMs);
  expect([gone.at(-1), budget.bytes]).toEqual(['b 2', 10]);
});

it('[EN109] whatever comes and goes, the total is right and kept, and what goes is of one that holds most', () => {
  const random = seededRandom('budget');
  const { budget, gone, open } = house({ maxBytes: 100_000, maxShare: 30_000 });
  const holders = new Map(Array.from({ length: 40 }, (_, i) => [`${i}`, open(`${i}`)]));
  const most = () => Math.max(...[...holders.values()].map(({ ledger }) => ledger.entries));
  for (let step = 1; step < 20_000; step++) {
    const name = `${random.below(1 + random.below(40))}`;
    const holder = holders.get(name) ?? open(name);
    const all = [...holders.values()];
    const heaviest = most();
    const before = new Map(all.map(({ name, ledger }) => [name, ledger.entries]));
    const what = random.below(200);
    if (what === 0) budget.dropBefore(holder, `${step - 1_000}`.padStart(9, '0'));
    else if (what === 1) budget.setRows(holder, random.below(2_000));
    else budget.add(holder, `${step}`.padStart(9, '0'), 1 + random.below(900), step, keptMs);
    for (const loss of gone.splice(0)) {
      const [loser = ''] = loss.split(' ');
      if (loser !== name) expect(before.get(loser)).toBeGreaterThan(heaviest / 1.25 - 2_000);
    }
    if (random.below(500) === 0) {
      budget.delete(holder);
      holders.set(name, open(name));
    }
    expect(budget.bytes).toBe([...holders.values()].reduce((sum, { ledger }) => sum + ledger.bytes, 0));
    expect(budget.bytes).toBeLessThanOrEqual(100_000);
    expect(holder.ledger.bytes).toBeLessThanOrEqual(30_000);
  }
});

it.each([10, 10_000])('[EN109] what an entry costs does not depend on how many there are: %i', (count) => {
  const { budget, open, looks, gone } = house({ maxBytes: 1_000_000, maxShare: 500_000 });
  const holders = Array.from({ length: count }, (_, i) => open(`${i}`));
  const add = (i: number) => {
    const holder = holders[(i * 7_919) % count];
    if (holder !== undefined) budget.add(holder, `${i}`, 100, i, keptMs);
  };
  for (let i = 0; i < 20_000; i++) add(i);
  const [looked, went] = [looks(), gone.length];
  for (let i = 20_000; i < 40_000; i++) add(i);
  expect(gone.length - went).toBeGreaterThan(100);
  expect((looks() - looked) / 20_000).toBeLessThan(40);
});
