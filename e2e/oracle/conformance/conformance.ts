import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { countsOf } from './fileRun.ts';
import { compare, type Difference, parseKnown } from './known.ts';
import { type LoggedRun, type RunParts, runFile } from './runFile.ts';
import { StandInNet } from './standInNet.ts';
import { Suite } from './suite.ts';
import { tableOf, withTable } from './table.ts';
import { variantName, variants } from './variant.ts';

const pathOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const options = {
  file: { type: 'string', multiple: true },
  transport: { type: 'string', multiple: true },
  format: { type: 'string', multiple: true },
  server: { type: 'string', default: pathOf('../../../packages/server/dist/bin.js') },
  timeout: { type: 'string', default: '600' },
  jobs: { type: 'string', default: '1' },
  commit: { type: 'string' },
  record: { type: 'boolean', default: false },
  report: { type: 'string' },
} as const;

type Flags = ReturnType<typeof parseArgs<{ options: typeof options; allowPositionals: true }>>['values'];
type Print = (line: string) => void;

/**
 * Runs the official suite against servers of ours, as the words of a command line say, and compares with known.json.
 * Resolves with the exit code: 0 as well when no folder is given, which it says.
 */
export async function conformance(words: readonly string[], print: Print): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: [...words], allowPositionals: true, options });
    if (positionals[0] !== undefined) return await runSuite(new Suite(positionals[0]), values, print);
    print('skipped: no folder with the official suite was given (docs/conformance.md says how to lay one out)');
    return 0;
  } catch (failure) {
    print((failure as Error).message);
    return 1;
  }
}

async function runSuite(suite: Suite, flags: Flags, print: Print): Promise<number> {
  if (!existsSync(flags.server)) throw new Error(`${flags.server} is not there: npm run build`);
  const known = parseKnown(await readFile(pathOf('../known.json'), 'utf8'));
  const net = await new StandInNet().listen();
  try {
    const runs = await runAll(
      { suite, net, bin: flags.server, timeoutMs: Number(flags.timeout) * 1_000 },
      flags,
      print,
    );
    const table = tableOf(runs, {
      date: new Date().toISOString().slice(0, 10),
      commit: flags.commit ?? suite.commit(),
      clientVersion: suite.clientVersion(),
    });
    print(`\n${table}\n`);
    if (flags.record) await record(table);
    if (flags.report !== undefined) await writeFile(flags.report, JSON.stringify(runs, null, 1));
    return tell(compare(runs, known), print);
  } finally {
    await net.close();
  }
}

async function runAll(parts: RunParts, flags: Flags, print: Print): Promise<LoggedRun[]> {
  const isAsked = (list: string[] | undefined, name: string) => list === undefined || list.includes(name);
  const files = parts.suite.files().filter((file) => isAsked(flags.file, file));
  const asked = variants.filter((one) => isAsked(flags.transport, one.transport) && isAsked(flags.format, one.format));
  if (files.length === 0 || asked.length === 0)
    throw new Error('nothing of the suite fits --file, --transport and --format');
  const waiting = asked.flatMap((variant) => files.map((file) => ({ variant, file })));
  const runs = new Map(waiting.map((job): [typeof job, LoggedRun | undefined] => [job, undefined]));
  const worker = async () => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      const began = performance.now();
      const run = await runFile(parts, job.file, job.variant);
      runs.set(job, run);
      print(`${lineOf(run)} (${((performance.now() - began) / 1_000).toFixed(0)} s)`);
    }
  };
  await Promise.all(Array.from({ length: Number(flags.jobs) }, worker));
  return [...runs.values()].filter((run) => run !== undefined);
}

function lineOf(run: LoggedRun): string {
  const { passed, failed, pending } = countsOf(run);
  const counts = `${passed} passed, ${failed} failed, ${pending} pending`;
  return `${variantName(run.variant)} ${run.file}: ${counts}${run.ended ? '' : ', did not end'}`;
}

async function record(table: string): Promise<void> {
  const page = pathOf('../../../docs/conformance.md');
  await writeFile(page, withTable(await readFile(page, 'utf8'), table));
}

function tell({ unknown, passing, unmatched }: Difference, print: Print): number {
  const say = (heading: string, lines: readonly string[]) => {
    if (lines.length > 0) print([`${heading} (${lines.length}):`, ...lines].join('\n  '));
  };
  say('failures that known.json does not name', unknown);
  say('known failures that pass now', passing);
  say('known failures that no test has', unmatched);
  const wrong = unknown.length + passing.length + unmatched.length;
  print(wrong === 0 ? 'as expected' : `${wrong} not as expected`);
  return wrong === 0 ? 0 : 1;
}
