import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  compareSerials,
  epochOf,
  formatSerial,
  messageSerial,
  nextPosition,
  type Position,
  parseMessageSerial,
  parseSerial,
} from './index.ts';

const position = fc.record({
  ms: fc.integer({ min: 0, max: 99_999_999_999_999 }),
  seq: fc.integer({ min: 0, max: 999_999 }),
  epoch: fc.stringMatching(/^[\w-]{1,64}$/),
});

describe('serials', () => {
  it('[WP27] a position reads back from its serial, and no other text does', () => {
    expect(formatSerial({ ms: 1_764_012_345_678, seq: 3, epoch: 'e1' })).toBe('01764012345678-000003@e1');
    fc.assert(
      fc.property(position, (any) => {
        expect(parseSerial(formatSerial(any))).toEqual(any);
      }),
    );
    const good = '01764012345678-000003@e1';
    for (const text of [
      '',
      '@',
      good.slice(1),
      `0${good}`,
      ` ${good}`,
      `${good}\n`,
      `${good}:000`,
      good.replace('e1', ''),
      good.replace('e1', 'é'),
      good.replace('e1', 'x'.repeat(65)),
      good.replace('-', '_'),
      good.replace('3', 'x'),
      `-${good.slice(1)}`,
      'x'.repeat(100_000),
    ]) {
      expect(parseSerial(text)).toBeUndefined();
    }
  });

  it('[MU1] the serial of a message reads back as entry and index, and no other text does', () => {
    fc.assert(
      fc.property(position, fc.nat({ max: 2_000_000 }), (any, index) => {
        const serial = formatSerial(any);
        expect(parseMessageSerial(messageSerial(serial, index))).toEqual({ serial, index });
      }),
    );
    const entry = '01764012345678-000003@e1';
    const others = ['', ':', ':000', entry, `${entry}:`, `${entry}:0`, `${entry}:1e3`, `${entry}:-01`, `${entry}:a001`];
    for (const text of [...others, `${entry}:0000`, ` ${entry}:000`, `${entry}:000 `, `${entry}:999999999999999999`]) {
      expect([text, parseMessageSerial(text)]).toEqual([text, undefined]);
    }
  });

  it('[WP28] serials sort as text in the order of minting, whatever the clock does', () => {
    const clock = fc.array(fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_009 }), { maxLength: 60 });
    fc.assert(
      fc.property(clock, (times) => {
        let last: Position | undefined;
        const minted: string[] = [];
        for (const now of times) {
          const next = nextPosition(last, now, 'e');
          expect(next.ms).toBeGreaterThanOrEqual(Math.max(now, last?.ms ?? 0));
          minted.push(formatSerial(next));
          last = next;
        }
        expect([...new Set(minted)]).toEqual(minted);
        expect([...minted].reverse().sort(compareSerials)).toEqual(minted);
      }),
    );
    fc.assert(
      fc.property(position, position, (a, b) => {
        const byPosition = Math.sign(a.ms - b.ms || a.seq - b.seq);
        if (byPosition !== 0) expect(compareSerials(formatSerial(a), formatSerial(b))).toBe(byPosition);
      }),
    );
    expect(compareSerials('a', 'a')).toBe(0);
  });

  it('[WP28] time does not go back over a change of epoch, and a full ms makes the next one', () => {
    const last = { ms: 100, seq: 999_999, epoch: 'old' };
    expect(nextPosition(last, 90, 'new')).toEqual({ ms: 101, seq: 0, epoch: 'new' });
    expect(nextPosition({ ...last, seq: 4 }, 90, 'new')).toEqual({ ms: 100, seq: 5, epoch: 'new' });
    expect(nextPosition(last, 200.7, 'old')).toEqual({ ms: 200, seq: 0, epoch: 'old' });
    expect(nextPosition(undefined, 7, 'e')).toEqual({ ms: 7, seq: 0, epoch: 'e' });
  });

  it('[WP29] serials of messages sort by index, between their entry and the next one', () => {
    const entry = formatSerial({ ms: 5, seq: 1, epoch: 'e' });
    const next = formatSerial({ ms: 5, seq: 2, epoch: 'e' });
    expect(messageSerial(entry, 0)).toBe(`${entry}:000`);
    const index = fc.oneof(fc.nat({ max: 1200 }), fc.nat({ max: 2 ** 31 }));
    fc.assert(
      fc.property(index, index, (a, b) => {
        expect(compareSerials(messageSerial(entry, a), messageSerial(entry, b))).toBe(Math.sign(a - b));
        expect(compareSerials(entry, messageSerial(entry, a))).toBe(-1);
        expect(compareSerials(messageSerial(entry, a), next)).toBe(-1);
        expect(epochOf(messageSerial(entry, a))).toBe('e');
      }),
    );
  });

  it('[WP29] the epoch is found in the serial of an entry or a message, and in nothing else', () => {
    expect(epochOf('01764012345678-000003@e1')).toBe('e1');
    for (const text of ['', 'e1', '@e1', '01764012345678-000003@', '01764012345678-000003@e1:', '1-2@e1:000']) {
      expect(epochOf(text)).toBeUndefined();
    }
  });
});
