import { type SeededRandom, seededRandom } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import { FrameCutter } from './cometSend.ts';

/** The frames of a body that comes in pieces of so many bytes. */
function cut(body: string, size = 1_000, maxFrame = 1_000): string[] {
  const bytes = Buffer.from(body);
  const cutter = new FrameCutter(maxFrame);
  const frames: string[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    for (const frame of cutter.push(bytes.subarray(at, at + size))) frames.push(Buffer.from(frame).toString());
  }
  cutter.end();
  return frames;
}

describe('the body of a send', () => {
  it.each([
    ['[]', []],
    [' \n[ \t]\r\n', []],
    ['[{"a":1}]', ['{"a":1}']],
    ['[{"a":[1,2]},{"b":"],[,{\\"\\\\"}]', ['{"a":[1,2]}', '{"b":"],[,{\\"\\\\"}']],
    ['[ 1 , "☃,😀" , null ]', [' 1 ', ' "☃,😀" ', ' null ']],
    ['[1,]', ['1', '']],
    ['[,]', ['', '']],
  ])('[CM2] %j is cut at its own commas', (body, frames) => {
    expect(cut(body)).toEqual(frames);
  });

  it.each(['', ' ', '{}', '[', ']', '"[]"', '[1', '1]', 'null', '{"action":0}'])(
    '[CM2] %j is no array and is refused with 40000',
    (body) => {
      expect(() => cut(body)).toThrow(expect.objectContaining({ code: 40000, statusCode: 400 }));
    },
  );

  it('[CM2] what JSON writes comes apart into what went in, whatever that is', () => {
    const random = seededRandom('bodies of sends');
    for (let round = 0; round < 300; round++) {
      const values = Array.from({ length: random.below(6) }, () => anyValue(random, 3));
      const texts = cut(JSON.stringify(values), 1 + random.below(40));
      expect(
        texts.map((text) => JSON.parse(text)),
        `seed ${random.seed}`,
      ).toEqual(values);
    }
  });

  it.each(['[{"a":"]', '[[[[]', '[}}},{{]', '["\\]', '[]]]],1]', '[1] 2', '[1],[2]', '[[1]]]'])(
    '[CM2] %j ends too early or too late, and is refused with 40000',
    (body) => {
      for (const size of [1, 2, 1_000]) {
        expect(() => cut(body, size)).toThrow(expect.objectContaining({ code: 40000, statusCode: 400 }));
      }
    },
  );

  it('[CM2] a frame that is too long is refused with 40009 before it is held, and any number of shorter ones is not', () => {
    const frame = `"${'x'.repeat(98)}"`;
    expect(cut(`[${Array(1_000).fill(frame)}]`, 33, 100)).toHaveLength(1_000);
    for (const size of [1, 33, 1_000]) {
      const tooLong = expect.objectContaining({ code: 40009, statusCode: 413 });
      expect(() => cut(`[${frame} ]`, size, 100)).toThrow(tooLong);
      expect(() => cut(`[${' '.repeat(101)}`, size, 100)).toThrow(tooLong);
    }
  });
});

function anyValue(random: SeededRandom, depth: number): unknown {
  const kind = random.below(depth === 0 ? 3 : 5);
  if (kind === 0) return random.below(1_000);
  if (kind === 1) return null;
  if (kind === 2) return random.pick(['', ',', '"', '\\', '[]{}', '\\",', '☃\n']);
  const items = Array.from({ length: random.below(4) }, () => anyValue(random, depth - 1));
  return kind === 3 ? items : Object.fromEntries(items.map((item, at) => [`k"${at},`, item]));
}
