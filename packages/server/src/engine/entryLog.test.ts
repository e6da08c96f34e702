import { formatSerial } from '@parvis/protocol';
import { seededRandom } from '@parvis/testing';
import { expect, it } from 'vitest';
import type { Entry } from './engine.ts';
import { EntryLog } from './entryLog.ts';
import type { StoreRange } from './store.ts';

const serial = (n: number) => formatSerial({ ms: n, seq: 0, epoch: 'e' });
const entryAt = (n: number): Entry => ({
  serial: serial(n),
  previous: '',
  kind: n % 3 === 0 ? 'presence' : 'message',
  time: n,
  payload: n,
});

it('[EN77] a log answers as a plain list would, whatever is added, dropped and asked', () => {
  const random = seededRandom('entry log');
  const log = new EntryLog('floor');
  let list: Entry[] = [];
  let [floor, next] = ['floor', 1];
  const drop = (kept: Entry[]) => {
    floor = list[list.length - kept.length - 1]?.serial ?? floor;
    list = kept;
  };
  const some = () => serial(next - random.below(3_000));
  for (let step = 0; step < 5_000; step++) {
    for (let i = random.below(20); i > 0; i--) {
      const entry = entryAt(next);
      next += 1 + random.below(2);
      log.push(entry);
      list.push(entry);
    }
    if (random.below(10) === 0) {
      const bound = some();
      log.dropBefore(bound);
      drop(list.filter((entry) => entry.serial >= bound));
    }
    if (random.below(50) === 0) {
      const count = random.below(30);
      log.dropOldest(count);
      drop(list.slice(count));
    }
    const range: StoreRange = {
      after: random.below(4) === 0 ? '' : some(),
      keptFrom: some(),
      direction: random.pick(['forwards', 'backwards']),
      limit: 1 + random.below(40),
      ...(random.below(2) === 0 ? { before: some() } : {}),
      ...(random.below(2) === 0 ? { kind: random.pick(['message', 'presence'] as const) } : {}),
    };
    expect(log.page(range)).toEqual(plainPage(list, floor, range));
    expect(log.length).toBe(list.length);
    expect(log.floor).toBe(floor);
  }
});

function plainPage(list: Entry[], floor: string, range: StoreRange) {
  const found = list.filter(
    (entry) =>
      entry.serial > range.after &&
      (range.before === undefined || entry.serial < range.before) &&
      (range.kind === undefined || range.kind === entry.kind),
  );
  if (range.direction === 'backwards') found.reverse();
  return {
    entries: found.slice(0, range.limit),
    more: found.length > range.limit,
    floor: list.filter((entry) => entry.serial < range.keptFrom).at(-1)?.serial ?? floor,
  };
}
