import { codecs, type Format } from '@parvis/protocol';
import type { SeededRandom } from '@parvis/testing';

/**
 * A frame changed for the worse: in its bytes, or in the value that they stand for. `other` is one to splice it with. Most
 * changes are deep inside, where they are refused without the end of the connection.
 */
export function mutate(frame: Uint8Array, other: Uint8Array, format: Format, random: SeededRandom): Uint8Array {
  const dice = random.below(10);
  if (dice < 8) return mutateValue(frame, format, random, dice < 7);
  let bytes: Uint8Array = Buffer.from(frame);
  for (let rounds = 1 + random.below(3); rounds > 0; rounds--) {
    bytes = random.pick(
      format === 'json' ? [...byteMutations, ...jsonMutations] : [...byteMutations, ...msgpackMutations],
    )(bytes, other, random);
  }
  return bytes;
}

type Mutation = (bytes: Uint8Array, other: Uint8Array, random: SeededRandom) => Uint8Array;
type Mutations = readonly [Mutation, ...Mutation[]];

/** Bytes with something else in place of those from `start` to `end`. */
function replaced(
  bytes: Uint8Array,
  start: number,
  end: number,
  by: Uint8Array | string | readonly number[],
): Uint8Array {
  return Buffer.concat([
    bytes.subarray(0, start),
    typeof by === 'string' ? Buffer.from(by) : Uint8Array.from(by),
    bytes.subarray(end),
  ]);
}

const byteMutations: Mutations = [
  function flipBits(bytes, _other, random) {
    const flipped = Buffer.from(bytes);
    for (let i = 1 + random.below(4); i > 0 && flipped.length > 0; i--) {
      const at = random.below(flipped.length);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << random.below(8));
    }
    return flipped;
  },
  (bytes, _other, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  (bytes, other, random) =>
    replaced(bytes, random.below(bytes.length + 1), bytes.length, other.subarray(random.below(other.length + 1))),
  function duplicatePart(bytes, _other, random) {
    const start = random.below(bytes.length + 1);
    return replaced(bytes, start, start, bytes.subarray(start, start + random.below(64)));
  },
  function insertNoise(bytes, _other, random) {
    const at = random.below(bytes.length + 1);
    return replaced(
      bytes,
      at,
      at,
      Array.from({ length: 1 + random.below(8) }, () => random.below(256)),
    );
  },
  function overwrite(bytes, _other, random) {
    const at = random.below(bytes.length + 1);
    return replaced(bytes, at, at + 4, new Array(4).fill(random.pick([0, 0x7f, 0x80, 0xff])));
  },
];

/** Values in MessagePack that are not what they say, or too much. */
const msgpackMutations: Mutations = [
  function hugeLength(bytes, _other, random) {
    const at = random.below(bytes.length + 1);
    return replaced(bytes, at, at + 1, [random.pick([0xdd, 0xdf, 0xdb, 0xc6, 0xc9]), 255, 255, 255, random.below(256)]);
  },
  function depthBomb(bytes, _other, random) {
    const at = random.below(bytes.length + 1);
    return replaced(bytes, at, at + 1, new Array(1 + random.below(200)).fill(random.pick([0x91, 0x81])));
  },
  function swapType(bytes, _other, random) {
    const at = random.below(bytes.length + 1);
    return replaced(bytes, at, at + 1, [
      random.pick([0xc0, 0xc1, 0xc2, 0xca, 0xcb, 0xcf, 0xd3, 0xd4, 0xc7, 0x80, 0x90, 0xa0, 0xff]),
    ]);
  },
];

/** The same in JSON. */
const jsonMutations: Mutations = [
  function depthBomb(bytes, _other, random) {
    const at = random.below(bytes.length + 1);
    return replaced(bytes, at, at, random.pick(['[', '{"a":', '{"__proto__":']).repeat(1 + random.below(200)));
  },
  function swapToken(bytes, _other, random) {
    const text = Buffer.from(bytes).toString('latin1');
    const tokens = [...text.matchAll(/"(?:[^"\\]|\\.)*"|-?\d+|true|false|null|[{}[\],:]/g)];
    const token = tokens[random.below(tokens.length)];
    if (token === undefined) return bytes;
    const by = random.pick([
      'null',
      '1e400',
      '-0',
      '9007199254740993',
      '"\\ud800"',
      '{}',
      '[]',
      '""',
      ',',
      '01',
      '\u0000',
      '"__proto__"',
    ]);
    return replaced(bytes, token.index, token.index + token[0].length, by);
  },
];

type Container = Record<string | number, unknown>;

/** Decodes, changes one to three things somewhere inside, and encodes again; the outermost map may be left alone. */
function mutateValue(frame: Uint8Array, format: Format, random: SeededRandom, deepOnly: boolean): Uint8Array {
  const value = codecs[format].decodeValue(frame);
  for (let rounds = 1 + random.below(3); rounds > 0; rounds--) {
    const [outer, ...inner] = containersOf(value);
    const places = deepOnly && inner.length > 0 ? inner : [outer, ...inner];
    const place = places[random.below(places.length)];
    if (place === undefined) break;
    const keys = Object.keys(place);
    const key = keys[random.below(keys.length)] ?? 'action';
    const kind = random.below(10);
    if (kind === 0) delete place[key];
    else if (kind === 1)
      place[random.pick(['extra', 'channel', 'msgSerial', 'messages', 'presence', 'params', 'auth', 'error'])] =
        oddValue(random);
    else if (kind === 2) place[key] = new Array(random.below(6)).fill(place[key]);
    else place[key] = oddValue(random);
  }
  return codecs[format].encodeValue(value);
}

/** All maps and lists in a value, itself included. */
function containersOf(value: unknown): Container[] {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return [];
  return [value as Container, ...Object.values(value).flatMap(containersOf)];
}

function oddValue(random: SeededRandom): unknown {
  return random.pick<unknown>([
    null,
    true,
    0,
    -1,
    1.5,
    2 ** 31,
    2 ** 53,
    Number.MAX_VALUE,
    '',
    '0',
    '*',
    '__proto__',
    'a\0b',
    '\ud800',
    '[meta]x',
    'x'.repeat(random.below(5_000)),
    [],
    {},
    [[[[]]]],
    { __proto__: null, constructor: { prototype: 1 } },
    JSON.parse('{"__proto__":{"polluted":1},"toJSON":1,"then":{}}'),
    Array.from({ length: random.below(200) }, () => ({})),
    Uint8Array.from([0, 255]),
    random.below(25),
    deep(1 + random.below(80)),
  ]);
}

function deep(levels: number): unknown {
  let value: unknown = {};
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}
