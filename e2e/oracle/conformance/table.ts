import { countsOf, type FileRun } from './fileRun.ts';
import { type Variant, variantName } from './variant.ts';

/** When and of what a table was made. */
export interface Occasion {
  /** yyyy-mm-dd. */
  readonly date: string;
  /** Of the suite. */
  readonly commit: string;
  /** Of the npm package. */
  readonly clientVersion: string;
}

/** Runs as a Markdown table: a row for each file, a column for each variant, and a row of sums. */
export function tableOf(runs: readonly FileRun[], { date, commit, clientVersion }: Occasion): string {
  const columns = [...new Map(runs.map(({ variant }) => [variantName(variant), variant])).values()];
  const files = [...new Set(runs.map(({ file }) => file))];
  const rows = files.map((file) => [file, ...columns.map((column) => cell(runsOf(runs, column, file)))]);
  const sums = ['all', ...columns.map((column) => cell(runsOf(runs, column)))];
  const head = ['file', ...columns.map(variantName)];
  const lines = [head, head.map((_, at) => (at === 0 ? '---' : '--:')), ...rows, sums];
  return [
    `Suite at \`${commit}\`, \`ably\` ${clientVersion}, run on ${date}. Each cell: passed / failed / pending.`,
    '',
    ...lines.map((cells) => `| ${cells.join(' | ')} |`),
  ].join('\n');
}

const [begin, end] = ['<!-- the table, as `npm run conformance` wrote it -->', '<!-- end of the table -->'];

/** The page with its table replaced. Throws an Error if the page has no place for one. */
export function withTable(page: string, table: string): string {
  const [from, to] = [page.indexOf(begin), page.indexOf(end)];
  if (from < 0 || to < from) throw new Error('the page has no place for the table');
  return `${page.slice(0, from)}${begin}\n\n${table}\n\n${page.slice(to)}`;
}

function runsOf(runs: readonly FileRun[], column: Variant, file?: string): readonly FileRun[] {
  return runs.filter(
    (run) => variantName(run.variant) === variantName(column) && (file === undefined || run.file === file),
  );
}

function cell(runs: readonly FileRun[]): string {
  if (runs.length === 0) return '';
  const counts = runs.map(countsOf);
  const sum = (state: 'passed' | 'failed' | 'pending') => counts.reduce((total, count) => total + count[state], 0);
  const isCut = runs.some(({ ended }) => !ended);
  return `${sum('passed')} / ${sum('failed')} / ${sum('pending')}${isCut ? ' (cut short)' : ''}`;
}
