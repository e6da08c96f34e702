import { type SeededRandom, seededRandom } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import { framesOf } from './cometSend.ts';

const cut = (body: string) => framesOf(Buffer.from(body)).map((frame) => Buffer.from(frame).toString());

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
      expect(
        cut(JSON.stringify(values)).map((text) => JSON.parse(text)),
        `seed ${random.seed}`,
      ).toEqual(values);
    }
  });

  it.each(['[{"a":"]', '[[[[]', '[}}},{{]', '["\\]', '[]]]],1]'])(
    '[CM2] %j that is no JSON gives texts that are none',
    (body) => {
      const frames = cut(body);
      expect(frames.length).toBeGreaterThan(0);
      expect(() => frames.map((text) => JSON.parse(text))).toThrow(SyntaxError);
    },
  );
});

function anyValue(random: SeededRandom, depth: number): unknown {
  const kind = random.below(depth === 0 ? 3 : 5);
  if (kind === 0) return random.below(1_000);
  if (kind === 1) return null;
  if (kind === 2) return random.pick(['', ',', '"', '\\', '[]{}', '\\",', '☃\n']);
  const items = Array.from({ length: random.below(4) }, () => anyValue(random, depth - 1));
  return kind === 3 ? items : Object.fromEntries(items.map((item, at) => [`k"${at},`, item]));
}
