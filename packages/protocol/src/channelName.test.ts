import { describe, expect, it } from 'vitest';
import { assertChannelName, namespaceOf } from './index.ts';

describe('channel names', () => {
  it('[WP32] a name that is not valid is refused with 40010', () => {
    for (const name of [
      undefined,
      null,
      7,
      {},
      '',
      ':',
      '::',
      ':hell',
      '[meta]log',
      '[?rewind=1]x',
      '[*]foo',
      ',a',
      ' a',
      '\u00a0a',
      'a\rb',
      'a\nb',
      'a\n',
      'a\0b',
      'a\u001bb',
      'a\u007fb',
      'a\u0085b',
      'a\u2028b',
      'a\u2029b',
      'a\ud800',
      '\udc00a',
      '.',
      '..',
      'x'.repeat(2049),
      'x'.repeat(65_536),
    ]) {
      expect(() => assertChannelName(name)).toThrow(expect.objectContaining({ code: 40010, statusCode: 400 }));
    }
  });

  it('[WP32] any other name is given back as it is', () => {
    const longest = 'x'.repeat(2048);
    for (const name of [
      'a',
      'a:b',
      'board::$space',
      'a b ',
      'a,b',
      'a[b]',
      '*',
      'foo:*',
      '...',
      '../keys',
      '%2F',
      'é😀',
      longest,
    ]) {
      expect(assertChannelName(name)).toBe(name);
    }
  });

  it('[WP33] names that look alike stay different names', () => {
    const alike = ['\u00e9', 'e\u0301', 'K', '\u212a', 'a', '\uff41', 'a\u200f', 'a\u200b', 'A'];
    expect(new Set(alike.map(assertChannelName)).size).toBe(alike.length);
  });

  it('[WP34] the namespace is what stands before the first colon, or all of the name', () => {
    expect(['a', 'a:b', 'a:b:c', 'board::$space', 'a:'].map(namespaceOf)).toEqual(['a', 'a', 'a', 'board', 'a']);
  });
});
