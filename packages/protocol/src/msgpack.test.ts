import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeMsgpack, encodeMsgpack } from './index.ts';

const decode = (...bytes: number[]) => decodeMsgpack(Uint8Array.from(bytes));
const code = (expected: number) => expect.objectContaining({ code: expected });
const hex = (value: unknown) => Buffer.from(encodeMsgpack(value)).toString('hex');

describe('MessagePack', () => {
  it('[WP17] refuses at once a length greater than what is left, whatever family it is of', () => {
    for (const type of [0xc6, 0xdb, 0xdd, 0xdf]) {
      const started = performance.now();
      const heap = process.memoryUsage().heapUsed;
      for (let i = 0; i < 100; i++) expect(() => decode(type, 255, 255, 255, 255)).toThrow(code(40000));
      expect(process.memoryUsage().heapUsed - heap).toBeLessThan(20_000_000);
      expect(performance.now() - started).toBeLessThan(500);
    }
    for (const bytes of [[0xc4, 1], [0xa1], [0x91], [0x82, 0xa1, 0x61, 1], [0xde, 0, 1, 0xa0], [0xcb, 1], [0xcd], []]) {
      expect(() => decode(...bytes)).toThrow(code(40000));
    }
  });

  it('[WP17] refuses a 72 KB chain of arrays by depth and a wide one by its elements', () => {
    const chain = new Uint8Array(72_000);
    for (let at = 0; at < chain.length; at += 3) chain.set([0xdc, 0, 1], at);
    expect(() => decodeMsgpack(chain)).toThrow(code(40013));
    expect(() => decodeMsgpack(new Uint8Array(60_000).fill(0x91))).toThrow(code(40013));
    const wide = new Uint8Array(200_005);
    wide.set([0xdd, 0, 3, 0x0d, 0x40]);
    expect(() => decodeMsgpack(wide)).toThrow(code(40013));
    // Each list claims all that is left, so that a reader which reserves room in advance would reserve the square of it.
    const greedy = new Uint8Array(60_000);
    for (let at = 0; at < 180; at += 3) greedy.set([0xdc, 0xe0, 0], at);
    expect(() => decodeMsgpack(greedy)).toThrow(code(40013));
  });

  it('[WP18] refuses trailing bytes, extension types, timestamps and the type that is none', () => {
    const extensions = [
      [0xd4, 1, 0],
      [0xd4, 0, 1],
      [0xd5, 0, 0, 0],
      [0xd6, 0xff, 0, 0, 0, 0],
      [0xd7, 0xff, 0, 0, 0, 0, 0, 0, 0, 0],
      [0xc7, 12, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
      [0xc8, 0, 0, 1],
      [0xc9, 0, 0, 0, 0, 1],
    ];
    for (const bytes of [...extensions, [0xc1], [0xc0, 0xc0], [0x80, 0]]) {
      expect(() => decode(...bytes)).toThrow(code(40000));
    }
    expect(decode(0x91, 0xd4, 0, 0)).toEqual([null]);
  });

  it('[WP18] refuses keys that are no strings and strings that are no UTF-8', () => {
    for (const key of [[1], [0xc0], [0xc3], [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], [0xc4, 1, 0x61], [0x90], [0x80]]) {
      expect(() => decode(0x81, ...key, 1)).toThrow(code(40000));
    }
    const long = [0xd9, 40, ...new Array(39).fill(0x61), 0xff];
    for (const text of [[0xa1, 0xff], [0xa1, 0x80], [0xa2, 0xc0, 0x80], [0xa3, 0xed, 0xa0, 0x80], [0xa1, 0xc3], long]) {
      expect(() => decode(...text)).toThrow(code(40000));
      expect(() => decode(0x81, ...text, 1)).toThrow(code(40000));
    }
  });

  it('[WP18] refuses a key that is no UTF-8 even if its bytes are the characters of a key read before', () => {
    for (let first = 0x80; first < 0x90; first++) {
      for (let last = 0x80; last < 0x100; last++) {
        const key = String.fromCharCode(first, last);
        expect(Object.keys(decodeMsgpack(encodeMsgpack({ [key]: 1 })) as object)[0] === key).toBe(true);
        expect(() => decode(0x81, 0xa2, first, last, 1)).toThrow(code(40000));
      }
    }
  });

  it('[WP18] takes the last of duplicate keys and keeps a byte order mark in a string', () => {
    expect(decode(0x82, 0xa1, 0x61, 1, 0xa1, 0x61, 2)).toEqual({ a: 2 });
    expect(decode(0xa4, 0xef, 0xbb, 0xbf, 0x61)).toBe('\ufeffa');
    expect(decode(0xd9, 24, 0xef, 0xbb, 0xbf, ...new Array(21).fill(0x61))).toBe(`\ufeff${'a'.repeat(21)}`);
  });

  it('[WP19] writes integers in their smallest form and what is no safe integer as float64', () => {
    expect([0, -0, 127, 128, 255, 256, 65_535, 65_536].map(hex)).toEqual([
      '00',
      '00',
      '7f',
      'cc80',
      'ccff',
      'cd0100',
      'cdffff',
      'ce00010000',
    ]);
    expect([-1, -32, -33, -128, -129, -32_768, -32_769].map(hex)).toEqual([
      'ff',
      'e0',
      'd0df',
      'd080',
      'd1ff7f',
      'd18000',
      'd2ffff7fff',
    ]);
    expect(hex(2 ** 32)).toBe('cf0000000100000000');
    expect(hex(-(2 ** 31) - 1)).toBe('d3ffffffff7fffffff');
    expect([2 ** 53, 0.5, Number.NaN].map(hex)).toEqual([
      'cb4340000000000000',
      'cb3fe0000000000000',
      'cb7ff8000000000000',
    ]);
  });

  it('[WP19] reads every number back, float32 included, and 64-bit integers as the nearest double', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.maxSafeInteger(), fc.integer()), (number) => {
        expect(decodeMsgpack(encodeMsgpack(number))).toBe(Object.is(number, -0) ? 0 : number);
      }),
    );
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (integer) => {
        const bytes = new DataView(new ArrayBuffer(9));
        bytes.setBigUint64(1, integer);
        bytes.setUint8(0, 0xcf);
        expect(decodeMsgpack(new Uint8Array(bytes.buffer))).toBe(Number(integer));
        bytes.setUint8(0, 0xd3);
        expect(decodeMsgpack(new Uint8Array(bytes.buffer))).toBe(Number(BigInt.asIntN(64, integer)));
      }),
    );
    expect(decode(0xca, 0x3f, 0xc0, 0, 0)).toBe(1.5);
  });

  it('[WP19] writes what JSON would: undefined, functions and symbols left out of maps and null in arrays', () => {
    const value = { a: undefined, b: () => 1, c: Symbol('c'), d: [undefined, () => 1], e: new Date(0), f: null };
    expect(decodeMsgpack(encodeMsgpack(value))).toEqual({ d: [null, null], e: '1970-01-01T00:00:00.000Z', f: null });
    expect(() => encodeMsgpack({ big: 1n })).toThrow(TypeError);
    expect(hex({ a: 1 })).toBe('81a16101');
  });

  it('[WP19] a toJSON that encodes too does not disturb the value it is part of', () => {
    const inner = { toJSON: () => [...encodeMsgpack({ deep: 'x'.repeat(5000) })].length };
    expect(decodeMsgpack(encodeMsgpack({ a: 'before', inner, b: 'after' }))).toEqual({
      a: 'before',
      inner: 5009,
      b: 'after',
    });
    const broken = { a: 'x', toJSON: () => encodeMsgpack(1n) };
    expect(() => encodeMsgpack([1, broken])).toThrow(TypeError);
    expect(hex([1])).toBe('9101');
  });
});
