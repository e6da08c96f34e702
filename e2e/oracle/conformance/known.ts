import { type FileRun, statesOf, type TestState } from './fileRun.ts';
import { type Format, type Transport, type Variant, variantName } from './variant.ts';

/** Why a test of the official suite may fail here. */
export const reasons = ['liveobjects', 'push delivery', 'upstream bug', 'environment'] as const;

/** A failure that is known, as it stands in known.json. */
export interface KnownFailure {
  /** Path below `test`, without `.test.js`: `rest/push`. */
  readonly file: string;
  /** Full title, as mocha joins it. */
  readonly title: string;
  /** Which runs fail; all when left out. */
  readonly transport?: Transport;
  readonly format?: Format;
  readonly reason: (typeof reasons)[number];
  /** What happens, in a sentence. */
  readonly why: string;
  /** The rule: a row of SPEC.md (`SPEC.md PU9`), a section of the protocol reference (`protocol.md 4.11`) or an address. */
  readonly link: string;
  /** It hangs on chance whether the test fails, and no server can change that: passing is not held against the entry. */
  readonly sometimes?: true;
}

/** What the runner and the list disagree on; all empty when a run is as expected. */
export interface Difference {
  /** Failures that no entry names. */
  readonly unknown: readonly string[];
  /** Entries whose test passed. */
  readonly passing: readonly string[];
  /** Entries whose file was run and has no such test, or has it only skipped. */
  readonly unmatched: readonly string[];
}

/** Compares runs with the list. Entries whose file or variant was not run are not judged. */
export function compare(runs: readonly FileRun[], known: readonly KnownFailure[]): Difference {
  const unknown = runs.flatMap((run) =>
    failuresOf(run)
      .filter(([title]) => !known.some((entry) => entry.title === title && covers(entry, run)))
      .map(([title, message]) => `${nameOf(run)}: ${title}\n    ${message}`),
  );
  const judged = known.map((entry) => ({ entry, seen: sightings(entry, runs) }));
  return {
    unknown,
    passing: judged.flatMap(({ entry, seen }) =>
      (seen ?? [])
        .filter(({ state }) => state === 'passed' && entry.sometimes !== true)
        .map(({ run }) => `${nameOf(run)}: ${entry.title}`),
    ),
    unmatched: judged
      .filter(({ seen }) => seen?.every(({ state }) => state === 'pending'))
      .map(({ entry }) => `${entry.file}: ${entry.title}`),
  };
}

/** Reads the text of known.json. Throws an Error that says which entry is wrong. */
export function parseKnown(text: string): readonly KnownFailure[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list)) throw new Error('known failures must be an array');
  const entries = list.map(parseEntry);
  const keys = entries.map(({ file, title, transport, format }) => JSON.stringify([file, title, transport, format]));
  const double = keys.find((key, at) => keys.indexOf(key) !== at);
  if (double !== undefined) throw new Error(`known failure ${double} is there twice`);
  return entries;
}

const linkForms = /^(https:\/\/\S+|SPEC\.md [A-Z]{2}\d+|protocol\.md \d+(\.\d+)*)$/;

function parseEntry(value: unknown, at: number): KnownFailure {
  const fields = Object(value) as Record<string, unknown>;
  const isText = (name: string) => typeof fields[name] === 'string' && fields[name] !== '';
  const wrong = [
    ...['file', 'title', 'reason', 'why', 'link'].filter((name) => !isText(name)),
    ...(reasons.some((reason) => reason === fields.reason) ? [] : ['reason']),
    ...(linkForms.test(String(fields.link)) ? [] : ['link']),
    ...([undefined, 'web_socket', 'comet', 'both'].includes(fields.transport as string) ? [] : ['transport']),
    ...([undefined, 'msgpack', 'json'].includes(fields.format as string) ? [] : ['format']),
    ...([undefined, true].includes(fields.sometimes as true) ? [] : ['sometimes']),
  ];
  if (wrong.length > 0) throw new Error(`known failure ${at} (${fields.title}): ${wrong.join(', ')} is not valid`);
  return value as KnownFailure;
}

interface Sighting {
  readonly run: FileRun;
  readonly state: TestState;
}

/** Where an entry's test was met; undefined if no run could have met it. */
function sightings(entry: KnownFailure, runs: readonly FileRun[]): readonly Sighting[] | undefined {
  const covered = runs.filter((run) => covers(entry, run));
  if (!covered.some(({ ended }) => ended)) return undefined;
  return covered.flatMap((run) => {
    const state = statesOf(run).get(entry.title)?.state;
    return state === undefined ? [] : [{ run, state }];
  });
}

function covers({ file, transport, format }: KnownFailure, { file: ran, variant }: FileRun): boolean {
  return (
    file === ran &&
    (transport === undefined || transport === variant.transport) &&
    (format === undefined || format === variant.format)
  );
}

function failuresOf(run: FileRun): [title: string, message: string][] {
  const failed = [...statesOf(run)].filter(([, { state }]) => state === 'failed');
  const titles = failed.map(([title, { message = '' }]): [string, string] => [title, message]);
  return run.ended ? titles : [...titles, ['(the file)', 'did not end within its time']];
}

function nameOf({ file, variant }: { file: string; variant: Variant }): string {
  return `${file} (${variantName(variant)})`;
}
