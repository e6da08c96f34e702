import { describe, expect, it } from 'vitest';
import type { Subject } from './evaluate.ts';
import { Filter } from './filter.ts';
import { MAX_STEPS, Steps } from './steps.ts';
import { FilterError } from './tokens.ts';

const message: Subject = {
  name: 'trade',
  clientId: 'ann',
  connectionId: 'c1',
  extras: {
    headers: { symbol: 'ACME', price: 101.5, hot: true, cold: false, none: null, empty: '', 'x-y': 'dash', é: 'acute' },
    ref: { type: 'com.example', list: ['a', 'b'] },
  },
};
const matches = (expression: string, subject: Subject = message) => new Filter(expression).matches(subject);

describe('filters', () => {
  it.each([
    'name == `"trade"`',
    "name == 'trade' && headers.symbol == 'ACME'",
    'headers.price == `101.5`',
    'headers.price > `100` && headers.price <= `101.5` && headers.price < `1e3` && headers.price >= `0`',
    "name == 'nothing' || headers.hot",
    "!(name == 'nothing') && !headers.cold",
    '!headers.none && !headers.absent && !headers.empty && !headers.absent.deeper',
    '!!headers.hot',
    "headers.symbol != 'OTHER'",
    'extras.headers."x-y" == \'dash\'',
    'headers."\\u00e9" == `"acute"`',
    "clientId == 'ann' && connectionId == 'c1'",
    "name == 'a' && name == 'b' || name == 'trade'",
    "name == 'trade' || name == 'a' && name == 'b'",
    "starts_with(headers.symbol, 'AC') && ends_with(headers.symbol, 'ME')",
    "contains(headers.symbol, 'CM') && !contains(headers.symbol, 'MC')",
    'contains(`["quote","trade"]`, name) && contains(extras.ref.list, \'b\')',
    'length(headers.symbol) == `4` && length(extras.ref.list) == `2`',
    "not_null(headers.absent, headers.symbol) == 'ACME'",
    "type(headers.price) == 'number' && type(headers.absent) == 'null'",
    "to_number('12.5') == `12.5`",
    'extras.ref == `{"list":["a","b"],"type":"com.example"}`',
    'name == `trade`',
    "@.name == 'trade'",
    'headers',
    "name=='trade'&&headers.hot==`true`",
  ])('[FL1] a message passes %s', (expression) => {
    expect(matches(expression)).toBe(true);
  });

  it.each([
    "name == 'Trade'",
    'name > `1`',
    "headers.symbol < 'Z'",
    'headers.absent == `0`',
    'headers.price == `"101.5"`',
    "starts_with(headers.absent, 'A')",
    'contains(headers.price, `1`)',
    'length(headers.absent)',
    "data == 'x'",
    'headers.toString',
    'headers.__proto__',
    'extras.constructor.name',
    'to_number(`"1x"`)',
    '`[]`',
    '`{}`',
    "''",
  ])('[FL1] no message of these passes %s', (expression) => {
    expect(matches(expression)).toBe(false);
  });

  it('[FL2] a message without name, extras or headers is judged like any other', () => {
    for (const subject of [{}, { extras: {} }, { extras: { headers: 'text' } }, { extras: null }, { extras: [1] }]) {
      expect(matches("headers.symbol == 'ACME'", subject)).toBe(false);
      expect(matches('!name && !headers.symbol', subject)).toBe(true);
    }
  });

  it.each([
    ['', 'ends too early'],
    ['name ==', 'ends too early'],
    ['(name', 'ends too early'],
    ['name = `1`', 'character 6'],
    ["name == 'x", 'character 9'],
    ['name == `1', 'character 9'],
    ['name name', 'character 6'],
    ['a == b == c', 'character 8'],
    ['headers[0]', 'character 8'],
    ['a | b', 'character 3'],
    ['"\\q" == `1`', 'character 1'],
    ['regex(name)', 'no function regex'],
    ['toString(name)', 'no function toString'],
    ['contains(name', 'ends too early'],
    ['contains(name,)', ') does not belong'],
    ['name.', 'ends too early'],
  ])('[FL3] the expression %j is refused, and it is said where it goes wrong', (expression, why) => {
    expect(() => new Filter(expression)).toThrow(FilterError);
    expect(() => new Filter(expression)).toThrow(why);
  });

  it.each([
    ['too long', `name == '${'x'.repeat(1_024)}'`],
    ['100 KB long', `name == '${'x'.repeat(100_000)}'`],
    ['nested too deep', `${'('.repeat(33)}name${')'.repeat(33)}`],
    ['calls nested too deep', `${'not_null('.repeat(40)}name${')'.repeat(40)}`],
  ])('[FL4] an expression that is %s is refused', (_, expression) => {
    expect(() => new Filter(expression)).toThrow(FilterError);
  });

  it('[FL4] as deep and as long as it may be, it is read', () => {
    expect(matches(`${'('.repeat(31)}name${')'.repeat(31)}`)).toBe(true);
    expect(matches(`${'!'.repeat(1_020)}name`)).toBe(true);
    expect(matches(`${"name=='x'||".repeat(90)}name`)).toBe(true);
  });

  it('[FL5] equal expressions have equal keys, others have others', () => {
    expect(new Filter("name == 'a'").key).toBe(new Filter("name == 'a'").key);
    expect(new Filter("name == 'a'").key).not.toBe(new Filter("name == 'b'").key);
  });
});

describe('the work of a filter', () => {
  const work = (expression: string, headers: Record<string, unknown>) => {
    const steps = new Steps();
    new Filter(expression).matches({ extras: { headers } }, steps);
    return steps.taken;
  };

  it.each([
    ['a part that nearly matches at each place', 'aaaaaaaaab', 'a'],
    ['a part as long as half of the text', undefined, 'a'],
    ['a part that begins again and again', 'abababac', 'ab'],
  ])('[attack 65] looking for text grows with the lengths and no faster: %s', (_, part, unit) => {
    const search = (length: number) => {
      const text = unit.repeat(length / unit.length);
      return work('contains(headers.text, headers.part)', { text, part: part ?? `${'a'.repeat(length / 2)}b` });
    };
    expect(search(4_000)).toBeLessThan(2.1 * search(2_000));
    expect(search(4_000)).toBeGreaterThan(4_000);
    expect(search(4_000)).toBeLessThan(4 * 4_000);
  });

  it('[attack 65] no message makes more than so much work of any expression', () => {
    const headers = {
      text: 'a'.repeat(60_000),
      part: `${'a'.repeat(30_000)}b`,
      ...Object.fromEntries(Array(9_000).entries()),
    };
    const parts = ['contains(headers.text,headers.part)', 'headers.text==headers.text', '!headers', 'headers==headers'];
    for (const part of parts) {
      const expression = Array(Math.floor(1_000 / (part.length + 2)))
        .fill(part)
        .join('||');
      const steps = new Steps();
      expect(new Filter(`!(${expression})`).matches({ extras: { headers } }, steps)).toBe(false);
      expect(steps.taken).toBeLessThan(MAX_STEPS + 61_000);
    }
  });

  it('[attack 65] words without end are read once: quotes, backslashes and blanks by the hundred', () => {
    for (const part of ['"\\', "'\\", '`\\', '  ', '!', '((', '.a', "''", '``']) {
      for (const expression of [part.repeat(500), `name == ${part.repeat(400)}`]) {
        try {
          new Filter(expression).matches(message);
        } catch (failure) {
          expect(failure).toBeInstanceOf(FilterError);
        }
      }
    }
  });
});
