import { describe, expect, test } from 'vitest';
import { Capability } from './capability.ts';
import { operations } from './operation.ts';

const subscribes = (resource: string, channel: string) =>
  Capability.parse({ [resource]: ['subscribe'] }).allows('subscribe', channel);

describe('resources', () => {
  test.each([
    ['a:b', 'a:b'],
    ['*', 'a'],
    ['*', 'a:b:c'],
    ['ns:*', 'ns:x'],
    ['ns:*', 'ns:x:y'],
    ['ns:*', 'ns:'],
    ['space::*', 'space::$space'],
    ['space::*', 'space::$cursors'],
    ['space:*', 'space::$space'],
    ['foo:*:baz', 'foo:bar:baz'],
    ['*:bar', 'foo:bar'],
    ['foo*', 'foo*'],
    ['foo:**', 'foo:**'],
    ['a:', 'a:'],
    ['*', '*'],
    ['foo:*', 'foo:*'],
    ['[?rewind=1]a', 'a'],
    ['a', '[?rewind=1]a'],
    ['*', '[?rewind=1]a'],
    ['[meta]*', '[meta]log'],
    ['[meta]log', '[meta]log'],
    ['[meta]log', '[meta?rewind=1]log'],
    ['[queue]*', '[queue]app:q'],
    ['[filter]*', '[filter=bmFtZT09YQ==]a'],
    ['[filter]a', '[filter=bmFtZT09YQ==]a'],
    ['[filter=x]a', '[filter=x]a'],
    ['[filter=x]a', '[filter=x?rewind=1]a'],
    ['[*]foo', 'foo'],
    ['[*]foo', '[meta]foo'],
    ['[*]foo', '[filter=x]foo'],
    ['[*]foo:*', '[filter=x]foo:bar'],
    ['[*]*', 'a'],
    ['[*]*', '[meta]log'],
    ['[*]*', '[filter=x]a:b'],
  ])('[AU20] %s matches %s', (resource, channel) => {
    expect(subscribes(resource, channel)).toBe(true);
  });

  test.each([
    ['a:b', 'a'],
    ['a:b', 'a:b:c'],
    ['a:b', 'A:B'],
    ['*', '[meta]log'],
    ['*', '[queue]q'],
    ['*', '[filter=x]a'],
    ['ns:*', 'ns'],
    ['ns:*', 'nsx'],
    ['foo:*:baz', 'foo:bar:bam:baz'],
    ['foo:*:baz', 'foo:baz'],
    ['foo:*:baz', 'foo:bar'],
    ['*:bar', 'bar'],
    ['*:bar', 'a:b:bar'],
    ['foo*', 'foobar'],
    ['foo*', 'foo:bar'],
    ['foo:**', 'foo:bar'],
    ['foo:**', 'foo:*'],
    ['a:', 'a'],
    ['a', 'a:'],
    ['a:', 'a:b'],
    ['foo:x', 'foo:*'],
    ['a', '*'],
    ['[meta]*', 'log'],
    ['[meta]*', '[queue]log'],
    ['[meta]log', 'log'],
    ['[meta]log', '[meta]log:x'],
    ['[filter]b', '[filter=x]a'],
    ['a', '[filter=x]a'],
    ['[filter=x]a', '[filter=y]a'],
    ['[filter=x]a', '[filter]a'],
    ['[*]foo', 'bar'],
    ['[*]foo', '[meta]bar'],
    ['[*', 'a'],
  ])('[AU21] %s does not match %s', (resource, channel) => {
    expect(subscribes(resource, channel)).toBe(false);
  });

  test('[AU22] operations of all matching resources add up', () => {
    const capability = Capability.parse({
      '*': ['history'],
      'a:*': ['subscribe'],
      'a:b': ['publish'],
      '[*]*': ['presence'],
    });
    expect(operations.filter((operation) => capability.allows(operation, 'a:b'))).toEqual([
      'history',
      'presence',
      'publish',
      'subscribe',
    ]);
    expect(operations.filter((operation) => capability.allows(operation, '[meta]x'))).toEqual(['presence']);
  });

  test('[AU23] * as the operation permits every one', () => {
    const capability = Capability.parse('{"a":["*"]}');
    for (const operation of operations) {
      expect(capability.allows(operation, 'a')).toBe(operation !== 'stats');
      expect(capability.allows(operation, 'b')).toBe(false);
      expect(Capability.all.allows(operation, '[meta]x')).toBe(true);
      expect(Capability.none.allows(operation, 'a')).toBe(false);
    }
  });

  test('[AU24] stats and enumeration count on * and [*]* and nowhere else', () => {
    for (const resource of ['*', '[*]*']) {
      const capability = Capability.parse({ [resource]: ['stats', 'channel-metadata'] });
      expect(capability.allowsEverywhere('stats')).toBe(true);
      expect(capability.allowsEverywhere('channel-metadata')).toBe(true);
      expect(capability.allows('stats', 'a')).toBe(true);
    }
    for (const resource of ['a', 'a:*', '*:*', '[meta]*', '[*]a']) {
      const capability = Capability.parse({ [resource]: ['stats', 'channel-metadata'] });
      expect(capability.allowsEverywhere('stats')).toBe(false);
      expect(capability.allowsEverywhere('channel-metadata')).toBe(false);
      expect(capability.allows('stats', 'a')).toBe(false);
    }
  });
});

describe('parsing', () => {
  test.each([
    ['not JSON', '{'],
    ['an empty text', ''],
    ['a list', '[]'],
    ['null', 'null'],
    ['a number', '5'],
    ['an operation that does not exist', { a: ['fly'] }],
    ['an operation in another case', { a: ['Publish'] }],
    ['operations that are no list', { a: 'publish' }],
    ['operations in a map', { a: { 0: 'publish' } }],
    ['an empty list', { a: [] }],
    ['* beside others', { a: ['*', 'publish'] }],
    ['* twice', { a: ['*', '*'] }],
    ['an operation that is no string', { a: [['publish']] }],
    ['a resource without a name', { '': ['publish'] }],
    ['a name of Object.prototype as operation', { a: ['constructor'] }],
    ['too many resources', Object.fromEntries(Array.from({ length: 1_001 }, (_, index) => [`c${index}`, ['publish']]))],
    ['too long a text', JSON.stringify({ ['x'.repeat(70_000)]: ['publish'] })],
    ['deep nesting', `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
  ])('[AU25] %s is refused with 40000', (_, source) => {
    expect(() => Capability.parse(source)).toThrow(expect.objectContaining({ code: 40000, statusCode: 400 }));
  });

  test('[AU26] the text is canonical: sorted, without spaces or repetition, and reads back to itself', () => {
    const capability = Capability.parse('{ "b": ["subscribe", "publish", "publish"], "a": ["*"], "B": ["history"] }');
    expect(capability.text).toBe('{"B":["history"],"a":["*"],"b":["publish","subscribe"]}');
    expect(Capability.parse(capability.text).text).toBe(capability.text);
    expect(`${capability}`).toBe(capability.text);
    expect(Capability.parse(capability)).toBe(capability);
  });

  test('[AU27] names of Object.prototype are resources like any other and change nothing else', () => {
    const capability = Capability.parse('{"__proto__":["publish"],"constructor":["subscribe"]}');
    expect(capability.allows('publish', '__proto__')).toBe(true);
    expect(capability.allows('subscribe', 'constructor')).toBe(true);
    expect(capability.allows('publish', 'toString')).toBe(false);
    expect(capability.text).toBe('{"__proto__":["publish"],"constructor":["subscribe"]}');
    expect(({} as Record<string, unknown>).publish).toBeUndefined();
  });
});

describe('intersection', () => {
  test.each([
    [{ channel2: ['publish', 'subscribe'] }, { channel2: ['*'] }, { channel2: ['publish', 'subscribe'] }],
    [{ channel2: ['publish', 'subscribe'] }, { channel2: ['presence', 'subscribe'] }, { channel2: ['subscribe'] }],
    [{ channel6: ['*'] }, { channel6: ['publish', 'subscribe'] }, { channel6: ['publish', 'subscribe'] }],
    [
      { 'cansubscribe:*': ['subscribe'] },
      { 'cansubscribe:check': ['subscribe'] },
      { 'cansubscribe:check': ['subscribe'] },
    ],
    [{ 'cansubscribe:*': ['subscribe'] }, { 'cansubscribe:*': ['subscribe'] }, { 'cansubscribe:*': ['subscribe'] }],
    [{ a: ['*'] }, { a: ['*'] }, { a: ['*'] }],
    [{ channel0: ['publish'] }, { other: ['*'] }, {}],
    [{ a: ['publish'] }, { a: ['subscribe'] }, {}],
    [{ '*': ['*'] }, { 'a:*:c': ['publish'], '[meta]*': ['subscribe'] }, { 'a:*:c': ['publish'] }],
    [{ '[*]*': ['subscribe'] }, { '[meta]*': ['*'], a: ['*'] }, { '[meta]*': ['subscribe'], a: ['subscribe'] }],
    [{ 'a:*': ['subscribe', 'history'] }, { '*:b': ['*'] }, {}],
    [{ 'a:*': ['subscribe'], '*': ['publish'] }, { 'a:b': ['*'] }, { 'a:b': ['publish', 'subscribe'] }],
    [{ '[filter]*': ['subscribe'] }, { '[filter=x]a': ['subscribe'] }, { '[filter=x]a': ['subscribe'] }],
    [{ '[meta]*': ['subscribe'] }, { '[*]log': ['subscribe'] }, {}],
  ])('[AU28] %j and %j have %j in common', (a, b, common) => {
    const [left, right] = [Capability.parse(a), Capability.parse(b)];
    expect(left.intersect(right).text).toBe(Capability.parse(common).text);
    expect(right.intersect(left).text).toBe(Capability.parse(common).text);
    expect(left.intersect(right).isEmpty).toBe(Object.keys(common).length === 0);
  });

  test('[AU28] everything leaves the other as it is', () => {
    const some = Capability.parse({ a: ['publish'] });
    expect(Capability.all.intersect(some)).toBe(some);
    expect(some.intersect(Capability.all)).toBe(some);
    expect(some.intersect(Capability.none).isEmpty).toBe(true);
  });

  test('[AU28] two capabilities of the largest size meet within a bounded time', () => {
    const wide = (mark: string) =>
      Capability.parse(
        Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [`*:a:*:b:${index}:${mark}`, ['*']])),
      );
    const [left, right] = [wide('x'), wide('y')];
    const start = performance.now();
    expect(left.intersect(right).isEmpty).toBe(true);
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
