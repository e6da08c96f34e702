import { expect, it } from 'vitest';
import { filesUnder, textOf } from '../packaging/sources.ts';

/** Rows of the list of attacks that each must have a test whose title begins with `[attack <row>]`. */
const rows = [
  ...Array.from({ length: 20 }, (_, i) => i + 1),
  ...[
    21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 56, 57,
    58, 59, 60, 62, 64, 65, 66, 67,
  ],
];

it.each(rows)('[FZ30] row %i of the list of attacks is tried by at least one test', (row) => {
  const title = new RegExp(`(?:it|test)(?:\\.\\w+)*\\b[^]{0,2000}?['"\`]\\[attack ${row}\\] `);
  const tests = ['packages', 'e2e'].flatMap((folder) => filesUnder(folder, (name) => name.endsWith('.test.ts')));
  expect(tests.filter((file) => !file.endsWith('attacks/rows.test.ts') && title.test(textOf(file)))).not.toEqual([]);
});
