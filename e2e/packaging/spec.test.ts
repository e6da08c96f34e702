import { describe, expect, it } from 'vitest';
import config from '../../vitest.config.ts';
import { filesUnder, textOf } from './sources.ts';

/** A file that holds titles: tests, and the suites that tests run. */
const files = ['packages', 'apps', 'e2e', 'bench'].flatMap((folder) =>
  filesUnder(folder, (name) => /\.(ts|tsx|mjs)$/.test(name)),
);
const titles = files.flatMap((file) =>
  [...textOf(file).matchAll(/['"`]\[([A-Z]{2}\d+|attack \d+)\] /g)].map(([, id = '']) => ({ file, id })),
);

/** Sections of SPEC.md by prefix, each row as its cells. */
const sections = new Map(
  textOf('SPEC.md')
    .split(/^## /m)
    .slice(1)
    .map((section): [string, string[][]] => [section.split(/\W/)[0] ?? '', rowsOf(section)]),
);
const attacks = sections.get('Hostile') ?? [];
const rules = [...sections].filter(([name]) => /^[A-Z]{2}$/.test(name)).flatMap(([, rows]) => rows);

function rowsOf(section: string): string[][] {
  return section
    .split('\n')
    .filter((line) => /^\| (?!id |row |-)/.test(line))
    .map((line) =>
      line
        .slice(1, -1)
        .split('|')
        .map((cell) => cell.trim()),
    );
}

/** A wildcard of a glob: any folders, or any part of a name. */
const toRegExp = (wildcard: string) => (wildcard === '*' ? '[^/]*' : '(?:.*/)?');

const numberOf = (id = '') => Number(id.replace(/\D/g, ''));
const doubles = (ids: readonly unknown[]) => ids.filter((id, at) => ids.indexOf(id) !== at);

/** Rows of the list of attacks that a rule says it serves: `attack 4`, `attacks 20, 21`. */
function attacksServedBy([, , serves = '']: string[]): number[] {
  const [, list = ''] = /attacks? ([\d, ]+)/.exec(serves) ?? [];
  return [...list.matchAll(/\d+/g)].map(Number);
}

describe('SPEC.md', () => {
  it('[PK5] each rule has a test', () => {
    const shown = new Set(titles.map(({ id }) => id));
    expect(rules.length).toBeGreaterThan(400);
    expect(rules.map(([id]) => id).filter((id = '') => !shown.has(id))).toEqual([]);
  });

  it('[PK5] each title names a rule or a row that stands there', () => {
    const known = new Set([...rules.map(([id]) => id), ...attacks.map(([row]) => `attack ${row}`)]);
    expect(titles.filter(({ id }) => !known.has(id))).toEqual([]);
  });

  it('[PK5] each title begins with a rule or a row', () => {
    const without = files
      .filter((file) => /\.test\.ts$/.test(file))
      .flatMap((file) =>
        [...textOf(file).matchAll(/\b(?:it|test)\(\s*(['"`](?!\[|%s|\$).*)/g)].map(([, rest]) => `${file}: ${rest}`),
      );
    expect(without).toEqual([]);
  });

  it('[PK6] each file of tests is in the run', () => {
    const { test } = config as { test: { include: string[] } };
    const fits = test.include.map((pattern) => new RegExp(`^${pattern.replaceAll(/\*\*\/|\*/g, toRegExp)}$`));
    const tests = files.filter((file) => /\.test\.tsx?$/.test(file));
    expect(tests.length).toBeGreaterThan(80);
    expect(tests.filter((file) => !fits.some((pattern) => pattern.test(file)))).toEqual([]);
  });

  it('[PK5] each id is defined once, in its section and in order, with a sentence and what it serves', () => {
    for (const [name, rows] of sections) {
      const isRule = rows !== attacks;
      for (const row of rows) {
        expect(row).toHaveLength(isRule ? 3 : 2);
        expect(row).not.toContain('');
        expect(row[0]).toMatch(isRule ? new RegExp(`^${name}\\d+$`) : /^\d+$/);
        if (isRule) expect(row[1]).toMatch(/\.$/);
      }
      const numbers = rows.map(([id]) => numberOf(id));
      expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
    }
    expect(doubles([...rules, ...attacks].map(([id]) => id))).toEqual([]);
  });

  it('[PK5] each row of hostile input has a test or a rule, and a rule names no other row', () => {
    const named = [
      ...titles.filter(({ id }) => id.startsWith('attack')).map(({ id }) => numberOf(id)),
      ...rules.flatMap(attacksServedBy),
    ];
    expect([...new Set(named)].sort((a, b) => a - b)).toEqual(attacks.map(([row]) => Number(row)));
  });

  it('[PK5] each section is in the table at the beginning', () => {
    const linked = new Set([...textOf('SPEC.md').matchAll(/\]\(#([\w-]+)\)/g)].map(([, anchor]) => anchor));
    const headings = [...textOf('SPEC.md').matchAll(/^## (.*)$/gm)].map(([, text = '']) => text);
    const anchorOf = (text: string) =>
      text
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-');
    expect([...linked].sort()).toEqual(headings.map(anchorOf).sort());
  });
});
