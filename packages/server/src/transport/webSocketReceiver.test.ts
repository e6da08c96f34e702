import { clientFrame } from '@parvis/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WebSocketReceiver } from './webSocketReceiver.ts';

/** Everything a receiver tells, as text. */
function receiving(maxPayload = 1_000) {
  const heard: string[] = [];
  const receiver = new WebSocketReceiver(
    {
      message: (payload, isText) => heard.push(`${isText ? 'text' : 'binary'} ${payload.toString('latin1')}`),
      pinged: (payload) => heard.push(`ping ${payload}`),
      ponged: () => heard.push('pong'),
      closing: (code) => heard.push(`closing ${code}`),
      failed: (code) => heard.push(`failed ${code}`),
    },
    maxPayload,
  );
  return { heard, receiver };
}

/** What a receiver tells when bytes come cut at these places. */
function heardOf(bytes: Buffer, cuts: readonly number[], maxPayload?: number): string[] {
  const { heard, receiver } = receiving(maxPayload);
  const at = [0, ...[...cuts].map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  for (let i = 1; i < at.length; i++) receiver.push(Buffer.from(bytes.subarray(at[i - 1], at[i])));
  return heard;
}

const byte = fc.nat({ max: 255 });
const mask = fc.tuple(byte, byte, byte, byte);

describe('reading frames', () => {
  it('[WT5] messages come out as they went in, however the network cuts them, whatever their mask and length', () => {
    const message = fc.record({
      isText: fc.boolean(),
      content: fc.oneof(
        fc.string({ maxLength: 40 }),
        fc.nat(70_000).map((length) => 'x'.repeat(length)),
      ),
      mask,
      parts: fc.array(fc.nat(), { maxLength: 3 }),
      pings: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 8 }), (messages, cuts) => {
        const frames: Buffer[] = [];
        const expected: string[] = [];
        for (const { isText, content, mask, parts, pings } of messages) {
          const bytes = Buffer.from(content);
          const at = [0, ...parts.map((part) => part % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
          for (let i = 1; i < at.length; i++) {
            const opcode = i > 1 ? 0 : isText ? 1 : 2;
            frames.push(clientFrame(opcode, bytes.subarray(at[i - 1], at[i]), { fin: i === at.length - 1, mask }));
            if (pings) frames.push(clientFrame(9, 'p'));
            if (pings) expected.push('ping p');
          }
          if (pings) expected.splice(-1, 0, `${isText ? 'text' : 'binary'} ${bytes.toString('latin1')}`);
          else expected.push(`${isText ? 'text' : 'binary'} ${bytes.toString('latin1')}`);
        }
        expect(heardOf(Buffer.concat(frames), cuts, 100_000)).toEqual(expected);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['a reserved bit', clientFrame(1, '{}', { rsv: 4 }), 1002],
    ['no mask', clientFrame(1, '{}', { masked: false }), 1002],
    ['an unknown data opcode', clientFrame(3, ''), 1002],
    ['an unknown control opcode', clientFrame(11, ''), 1002],
    ['a long ping', clientFrame(9, 'x'.repeat(126)), 1002],
    ['a ping in parts', clientFrame(9, '', { fin: false }), 1002],
    ['a continuation of nothing', clientFrame(0, ''), 1002],
    ['a message inside another', Buffer.concat([clientFrame(1, 'a', { fin: false }), clientFrame(1, 'b')]), 1002],
    ['text that is no UTF-8', clientFrame(1, Buffer.from([0xc0, 0xaf])), 1007],
    ['a message over the limit', clientFrame(2, 'x'.repeat(1_001)), 1009],
    ['a length that no number holds', clientFrame(2, '', { toldLength: Number.MAX_SAFE_INTEGER }), 1009],
    [
      'parts over the limit together',
      Buffer.concat([clientFrame(2, 'x'.repeat(600), { fin: false }), clientFrame(0, 'x'.repeat(401))]),
      1009,
    ],
    ['a close frame of one byte', clientFrame(8, 'x'), 1002],
    ['the close code 1006', clientFrame(8, Buffer.from([0x03, 0xee])), 1002],
    ['a close reason that is no UTF-8', clientFrame(8, Buffer.from([0x03, 0xe8, 0xff])), 1007],
  ])('[WT6] %s fails with its code, and nothing after it is read', (_title, bytes, code) => {
    const all = Buffer.concat([clientFrame(1, 'before'), bytes, clientFrame(1, 'after')]);
    expect(heardOf(all, [])).toEqual(['text before', `failed ${code}`]);
    expect(heardOf(all, Array.from(all.keys()))).toEqual(['text before', `failed ${code}`]);
  });

  it('[WT6] a frame over the limit is refused by its header, before its payload comes', () => {
    const { heard, receiver } = receiving();
    receiver.push(clientFrame(2, '', { toldLength: 1_001 }).subarray(0, 4));
    expect(heard).toEqual(['failed 1009']);
  });

  it.each([0, 1])('[WT6] a message in more than 128 fragments of %i bytes fails with 1008', (size) => {
    const part = clientFrame(0, 'x'.repeat(size), { fin: false });
    const first = clientFrame(2, '', { fin: false });
    expect(heardOf(Buffer.concat([first, ...Array.from({ length: 128 }, () => part)]), [])).toEqual(['failed 1008']);
    const last = clientFrame(0, '');
    const most = Buffer.concat([first, ...Array.from({ length: 126 }, () => part), last]);
    expect(heardOf(most, [])).toEqual([`binary ${'x'.repeat(126 * size)}`]);
  });

  it('[WT2] nothing behind a close frame is read', () => {
    const bytes = Buffer.concat([clientFrame(8, Buffer.from([0x03, 0xe8])), clientFrame(1, 'after')]);
    expect(heardOf(bytes, [])).toEqual(['closing 1000']);
    expect(heardOf(clientFrame(8), [])).toEqual(['closing undefined']);
  });
});
