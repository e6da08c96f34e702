import { describe, expect, it } from 'vitest';
import type { FileRun, TestState } from './fileRun.ts';
import { tableOf, withTable } from './table.ts';
import type { Variant } from './variant.ts';

const [socket, comet]: Variant[] = [
  { transport: 'web_socket', format: 'json' },
  { transport: 'comet', format: 'msgpack' },
];
const run = (file: string, variant: Variant | undefined, states: TestState[], ended = true): FileRun => ({
  file,
  variant: variant ?? { transport: 'both', format: 'json' },
  tests: states.map((state, at) => ({ title: `${at}`, state })),
  ended,
});
const occasion = { date: '2026-01-02', commit: 'abc', clientVersion: '2.28.0' };

describe('the table', () => {
  it('[CF6] it has a row for each file, a column for each variant, sums, and when it was made of what', () => {
    const runs = [
      run('rest/a', socket, ['passed', 'passed', 'failed', 'pending']),
      run('rest/b', socket, ['passed']),
      run('rest/a', comet, ['failed'], false),
    ];
    expect(tableOf(runs, occasion).split('\n')).toEqual([
      'Suite at `abc`, `ably` 2.28.0, run on 2026-01-02. Each cell: passed / failed / pending.',
      '',
      '| file | web_socket json | comet msgpack |',
      '| --- | --: | --: |',
      '| rest/a | 2 / 1 / 1 | 0 / 1 / 0 (cut short) |',
      '| rest/b | 1 / 0 / 0 |  |',
      '| all | 3 / 1 / 1 | 0 / 1 / 0 (cut short) |',
    ]);
  });

  it('[CF6] it takes the place of the one before, and nothing else changes', () => {
    const [begin, end] = ['<!-- the table, as `npm run conformance` wrote it -->', '<!-- end of the table -->'];
    const page = `above\n\n${begin}\n\nold\n\n${end}\n\nbelow\n`;
    const once = withTable(page, '| new |');
    expect(once).toBe(`above\n\n${begin}\n\n| new |\n\n${end}\n\nbelow\n`);
    expect(withTable(once, '| new |')).toBe(once);
    expect(() => withTable('no place', '| new |')).toThrow('no place for the table');
  });
});
