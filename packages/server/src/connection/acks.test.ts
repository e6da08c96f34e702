import { Action, errors, type ProtocolMessage } from '@parvis/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Acks } from './acks.ts';

describe('acknowledgements', () => {
  it('[PB3] whatever order work finishes in, each serial is answered once, in the order of arrival', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ rank: fc.nat(1000), good: fc.boolean() }), { maxLength: 40 }), (work) => {
        const sent: ProtocolMessage[] = [];
        const acks = new Acks((message) => sent.push(message));
        const places = work.map(({ rank, good }, msgSerial) => ({
          rank,
          good,
          msgSerial,
          place: acks.reserve(msgSerial),
        }));
        for (const { good, place, msgSerial } of places.toSorted((a, b) => a.rank - b.rank)) {
          if (good) place.ack({ serials: [String(msgSerial)] });
          else place.nack(errors.internal());
        }
        const answers = sent.flatMap(({ action, msgSerial = 0, count = 0, res = [] }) =>
          Array.from({ length: count }, (_, i) => ({
            msgSerial: msgSerial + i,
            good: action === Action.ACK,
            serial: res[i]?.serials[0],
          })),
        );
        expect(answers).toEqual(
          work.map(({ good }, msgSerial) => ({ msgSerial, good, serial: good ? String(msgSerial) : undefined })),
        );
        expect(acks.pending).toBe(0);
      }),
    );
  });

  it('[PB3] serials that do not follow each other are answered apart', () => {
    const sent: ProtocolMessage[] = [];
    const acks = new Acks((message) => sent.push(message));
    const [late, early] = [acks.reserve(3), acks.reserve(9)];
    early.ack({ serials: [] });
    late.ack({ serials: [] });
    expect(sent.map(({ msgSerial, count }) => [msgSerial, count])).toEqual([
      [3, 1],
      [9, 1],
    ]);
  });
});
