import { describe, expect, it } from 'vitest';
import { defaultDecodeLimits, jsonCodec, msgpackCodec } from './index.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (text: string) => jsonCodec.decodeValue(encode(text));
const code = (expected: number) => expect.objectContaining({ code: expected });

describe('the JSON format', () => {
  it('[WP16] skips a byte order mark at the start and keeps one inside a string', () => {
    expect(decode('\ufeff{"a":"\ufeffb"}')).toEqual({ a: '\ufeffb' });
  });

  it('[WP16] makes U+FFFD of a lone surrogate, in keys and values, as MessagePack does', () => {
    const value = decode('{"\\ud800":["a\\udc00b","\\ud83d\\ude00","\\uD83D\\uDE00"],"n":1}');
    expect(value).toEqual({ '\ufffd': ['a\ufffdb', '😀', '😀'], n: 1 });
    expect(msgpackCodec.decodeValue(msgpackCodec.encodeValue(['a\udc00b']))).toEqual(['a\ufffdb']);
    expect(Object.keys(decode('{"__proto__":"\\ud800"}') as object)).toEqual(['__proto__']);
  });

  it('[WP16] reads numbers as doubles: 1e400 as Infinity that goes out as null, 2^53+1 as 2^53', () => {
    expect(decode('[1e400,-0,9007199254740993]')).toEqual([Infinity, -0, 2 ** 53]);
    expect(new TextDecoder().decode(jsonCodec.encodeValue([Infinity, -0]))).toBe('[null,0]');
  });

  it('[WP16] takes the last of duplicate keys, and NUL and line separators as any character', () => {
    expect(decode('{"a":1,"a":2,"b":"\\u0000\u2028"}')).toEqual({ a: 2, b: '\0\u2028' });
  });

  it('[WP16] refuses text that is no JSON or no UTF-8 with 40000', () => {
    for (const text of ['', '{', '{"a":01}', "{'a':1}", '{"a":1}x', '"\u0000"', 'NaN', '[1,]']) {
      expect(() => decode(text)).toThrow(code(40000));
    }
    for (const bytes of [
      [0x22, 0xff, 0x22],
      [0x22, 0xc0, 0x80, 0x22],
      [0x22, 0xed, 0xa0, 0x80, 0x22],
      [0x22, 0xc3],
    ]) {
      expect(() => jsonCodec.decodeValue(Uint8Array.from(bytes))).toThrow(code(40000));
    }
  });

  it('[WP11] does not count brackets inside strings as nesting', () => {
    const text = `["${'[{'.repeat(200)}\\"${'[{'.repeat(200)}\\\\",1]`;
    expect(decode(text)).toHaveLength(2);
    const brackets = '{'.repeat(70);
    expect(decode(`["${brackets}",${'['.repeat(63)}${']'.repeat(63)}]`)).toHaveLength(2);
    expect(() => decode(`["\\\\",${'['.repeat(64)}${']'.repeat(64)}]`)).toThrow(code(40013));
  });

  it('[WP11] refuses 60,000 levels and a million empty objects without building them', () => {
    for (const text of [
      '['.repeat(60_000),
      `${'['.repeat(60_000)}${']'.repeat(60_000)}`,
      '{"a":'.repeat(60_000),
      `[${'{},'.repeat(1_000_000)}{}]`,
      `{${Array.from({ length: 60_000 }, (_, i) => `"${i}":0`).join()}}`,
    ]) {
      const bytes = encode(text);
      const heap = process.memoryUsage().heapUsed;
      expect(() => jsonCodec.decodeValue(bytes)).toThrow(code(40013));
      expect(process.memoryUsage().heapUsed - heap).toBeLessThan(bytes.length * 4 + 2_000_000);
    }
    const atLimit = `[${'0,'.repeat(defaultDecodeLimits.maxElements - 2)}0]`;
    expect(decode(atLimit)).toHaveLength(defaultDecodeLimits.maxElements - 1);
    expect(() => decode(atLimit.replace('[', '[0,'))).toThrow(code(40013));
  });
});
