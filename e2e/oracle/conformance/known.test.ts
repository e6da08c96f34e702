import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type FileRun, parseReport, type TestResult } from './fileRun.ts';
import { compare, type KnownFailure, parseKnown } from './known.ts';

const entry: KnownFailure = {
  file: 'rest/push',
  title: 'rest/push delivers',
  reason: 'push delivery',
  why: 'no vendor is called',
  link: 'protocol.md 4.11',
};

const run = (tests: Record<string, TestResult['state']>, more: Partial<FileRun> = {}): FileRun => ({
  file: 'rest/push',
  variant: { transport: 'web_socket', format: 'json' },
  tests: Object.entries(tests).map(([title, state]) => ({ title, state, message: 'why' })),
  ended: true,
  ...more,
});

const nothing = { unknown: [], passing: [], unmatched: [] };
const comet = { variant: { transport: 'comet', format: 'msgpack' } } as const;

describe('what is compared with known.json', () => {
  it('[CF1] a failure that no entry names is found, with what the test said', () => {
    const runs = [run({ 'rest/push delivers': 'failed', other: 'failed', fine: 'passed', later: 'pending' })];
    expect(compare(runs, [entry])).toEqual({ ...nothing, unknown: ['rest/push (web_socket json): other\n    why'] });
    expect(compare([run({ fine: 'passed' })], [])).toEqual(nothing);
  });

  it('[CF1] an entry is for its file, its transport and its format', () => {
    const runs = [run({ 'rest/push delivers': 'failed' })];
    for (const more of [{ file: 'rest/other' }, { transport: 'comet' }, { format: 'msgpack' }] as const) {
      expect(compare(runs, [{ ...entry, ...more }]).unknown).toHaveLength(1);
    }
    expect(compare(runs, [{ ...entry, transport: 'web_socket', format: 'json' }])).toEqual(nothing);
  });

  it('[CF2] an entry that passes in one of its runs is found', () => {
    const runs = [run({ 'rest/push delivers': 'failed' }), run({ 'rest/push delivers': 'passed' }, comet)];
    expect(compare(runs, [entry]).passing).toEqual(['rest/push (comet msgpack): rest/push delivers']);
    expect(compare(runs, [{ ...entry, transport: 'web_socket' }])).toEqual(nothing);
  });

  it('[CF2] an entry that hangs on chance may pass, and must still be a test', () => {
    expect(compare([run({ 'rest/push delivers': 'passed' })], [{ ...entry, sometimes: true }])).toEqual(nothing);
    expect(compare([run({ other: 'passed' })], [{ ...entry, sometimes: true }]).unmatched).toHaveLength(1);
  });

  it('[CF2] of several tests with one title, one that fails is enough for the entry', () => {
    const tests: TestResult[] = ['passed', 'failed', 'passed'].map((state) => ({
      title: entry.title,
      state: state as 'passed',
    }));
    expect(compare([run({}, { tests })], [entry])).toEqual(nothing);
    expect(compare([run({}, { tests })], []).unknown).toHaveLength(1);
  });

  it('[CF3] an entry that matches no test, or only one that is skipped, is found', () => {
    expect(compare([run({ other: 'passed' })], [entry]).unmatched).toEqual(['rest/push: rest/push delivers']);
    expect(compare([run({ 'rest/push delivers': 'pending' })], [entry]).unmatched).toHaveLength(1);
    expect(compare([run({ 'rest/push delivers': 'failed' }), run({ other: 'passed' }, comet)], [entry])).toEqual(
      nothing,
    );
  });

  it('[CF3] an entry whose file or variant was not run is not judged', () => {
    expect(compare([run({ other: 'passed' }, { file: 'rest/time' })], [entry])).toEqual(nothing);
    expect(compare([run({ other: 'passed' })], [{ ...entry, transport: 'comet' }])).toEqual(nothing);
    expect(compare([], [entry])).toEqual(nothing);
  });

  it('[CF5] a file that did not end is a failure, and no proof against an entry it did not come to', () => {
    const difference = compare([run({ other: 'passed' }, { ended: false })], [entry]);
    expect(difference).toEqual({
      ...nothing,
      unknown: ['rest/push (web_socket json): (the file)\n    did not end within its time'],
    });
  });

  it('[CF5] what the reporter wrote before it was cut off counts', () => {
    const line = (value: unknown) => `${JSON.stringify(value)}\n`;
    const done = line({ title: 'a', state: 'passed' });
    expect(parseReport(`${done}{"title":"b","sta`)).toEqual({ tests: [{ title: 'a', state: 'passed' }], ended: false });
    expect(parseReport(done + line({ end: true })).ended).toBe(true);
    expect(parseReport('')).toEqual({ tests: [], ended: false });
  });
});

describe('known.json', () => {
  it.each([
    ['reason', { reason: 'later' }],
    ['why', { why: '' }],
    ['link', { link: 'somewhere' }],
    ['link', { link: undefined }],
    ['title', { title: 7 }],
    ['transport', { transport: 'sse' }],
    ['format', { format: 'xml' }],
    ['sometimes', { sometimes: false }],
  ])('[CF4] an entry with a bad %s is refused, and named', (name, more) => {
    const text = JSON.stringify([entry, { ...entry, ...more }]);
    expect(() => parseKnown(text)).toThrow(new RegExp(`^known failure 1 \\(.*\\): .*${name}.* is not valid$`));
  });

  it('[CF4] an entry that is there twice, and a list that is none, are refused', () => {
    expect(() => parseKnown(JSON.stringify([entry, entry]))).toThrow('is there twice');
    expect(() => parseKnown('{}')).toThrow('must be an array');
    expect(() => parseKnown('[null]')).toThrow('known failure 0');
    expect(parseKnown(JSON.stringify([entry, { ...entry, format: 'json' }]))).toHaveLength(2);
  });

  it('[CF8] ours is well formed, and its links lead to rules that are there', () => {
    const entries = parseKnown(readFileSync(new URL('../known.json', import.meta.url), 'utf8'));
    const spec = readFileSync(new URL('../../../SPEC.md', import.meta.url), 'utf8');
    const rules = entries.flatMap(({ link }) => (link.startsWith('SPEC.md ') ? [link.slice('SPEC.md '.length)] : []));
    expect(rules.filter((rule) => !new RegExp(`^\\| ${rule} +\\|`, 'm').test(spec))).toEqual([]);
  });
});
