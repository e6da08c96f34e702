/**
 * What one variant gave: the median of its values, and every round in full.
 * @typedef {{ label: string, value: number, rounds: Record<string, any>[] }} Outcome
 */

/**
 * One line of the table. `ratio` is the median of the ratios inside each round. A scenario that could not be measured has
 * `failure`, and what it still has.
 * @typedef {object} Row
 * @property {import('./scenarios.mjs').Scenario} scenario
 * @property {Outcome[]} outcomes
 * @property {number | undefined} ratio
 * @property {boolean | undefined} held the target, if there is one and it could be judged
 * @property {string | undefined} failure
 */

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/**
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {Map<string, Record<string, any>[]>} rounds by label
 * @param {string | undefined} failure
 * @returns {Row}
 */
export function summarize(scenario, rounds, failure) {
  const outcomes = [...rounds].map(([label, results]) => ({
    label,
    value: median(results.map((result) => result.value)),
    rounds: results,
  }));
  const own = rounds.get('ours') ?? [];
  const others = rounds.get(scenario.against) ?? [];
  const ratios = own.slice(0, others.length).map((result, i) => ratioOf(scenario, result.value, others[i]?.value));
  const ratio = ratios.length > 0 ? median(ratios) : undefined;
  return {
    scenario,
    outcomes,
    ratio,
    held: judge(scenario, own.length > 0 ? outcomes[0]?.value : undefined, ratio),
    failure,
  };
}

/**
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {number} ours
 * @param {number} reference
 */
function ratioOf({ ratio, better }, ours, reference) {
  return (ratio === 'cost') === (better === 'less') ? ours / reference : reference / ours;
}

/**
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {number | undefined} ours
 * @param {number | undefined} ratio
 */
function judge({ target }, ours, ratio) {
  if (!target) return undefined;
  const value = target.of === 'ours' ? ours : ratio;
  if (value === undefined) return undefined;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

/** @param {number} value */
const number = (value) =>
  Number.isNaN(value) ? '-' : value.toLocaleString('en-US', { maximumSignificantDigits: value < 100 ? 3 : 4 });

/**
 * The table, ready to print.
 * @param {Row[]} rows
 * @param {Record<string, { ours?: number, ratio?: number }>} recorded by scenario name
 */
export function table(rows, recorded) {
  const head = ['scenario', 'ours', 'references', 'ratio', 'target', 'last', 'change', 'load'];
  const lines = rows.map((row) => line(row, recorded[row.scenario.name]));
  const widths = head.map((text, i) => Math.max(text.length, ...lines.map((cells) => cells[i]?.length ?? 0)));
  const print = (/** @type {string[]} */ cells) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd();
  return [print(head), widths.map((width) => '-'.repeat(width)).join('  '), ...lines.map(print)].join('\n');
}

/**
 * @param {Row} row
 * @param {{ ours?: number, ratio?: number } | undefined} last
 */
function line(row, last) {
  const { scenario, outcomes, ratio } = row;
  const ours = outcomes.find((outcome) => outcome.label === 'ours');
  const references = outcomes.filter((outcome) => outcome !== ours);
  // What is bound in absolute terms is compared in absolute terms.
  const [now, then] = scenario.target?.of === 'ours' ? [ours?.value, last?.ours] : [ratio, last?.ratio];
  return [
    scenario.title,
    ours ? `${number(ours.value)} ${scenario.unit}` : '-',
    references.map((outcome) => `${outcome.label} ${number(outcome.value)}`).join(', '),
    ratio === undefined
      ? '-'
      : `${number(ratio)}x ${scenario.ratio === 'gain' ? 'better than' : 'of'} ${scenario.against}`,
    targetText(row),
    then === undefined ? '-' : number(then),
    now === undefined || then === undefined ? '-' : percent(now / then - 1),
    loadText(outcomes),
  ];
}

/** @param {number} share */
const percent = (share) => `${share < 0 ? '' : '+'}${(share * 100).toFixed(0)}%`;

/** @param {Row} row */
function targetText({ scenario: { target, unit }, held }) {
  if (!target) return '-';
  const bound = 'atLeast' in target ? `>= ${target.atLeast}` : `<= ${target.atMost}`;
  const verdict = held === undefined ? '' : held ? ' held' : ' MISSED';
  return `${bound}${target.of === 'ours' ? ` ${unit}` : 'x'}${verdict}`;
}

/**
 * Highest share of its core that the load generator used; near 1 the line says more about it than about the servers.
 * @param {Outcome[]} outcomes
 */
function loadText(outcomes) {
  const shares = outcomes.flatMap(({ rounds }) => rounds.map((round) => round.loadCore ?? 0));
  const most = Math.max(0, ...shares);
  return most === 0 ? '-' : most.toFixed(2);
}

/**
 * What the table has no room for, one line a scenario.
 * @param {Row[]} rows
 */
export function notes(rows) {
  return rows
    .map(({ scenario, outcomes, failure }) => {
      const parts = outcomes.map(({ label, rounds }) => noteOf(label, rounds)).filter((text) => text !== '');
      if (failure) parts.push(`FAILED: ${failure}`);
      return parts.length > 0 ? `${scenario.name}: ${parts.join(' | ')}` : '';
    })
    .filter((text) => text !== '')
    .join('\n');
}

/** Fields of a measurement that are worth a word, and how they read. @type {[string, (value: number) => string][]} */
const details = [
  ['perSecond', (value) => `${number(value)}/s`],
  ['microsPerConnect', (value) => `${number(value)} us each`],
  ['serverCore', (value) => `server ${value.toFixed(2)} core`],
  ['loadCore', (value) => `load ${value.toFixed(2)}`],
  ['bytesPerMessage', (value) => `${number(value)} B`],
  ['messagesPerFrame', (value) => (value > 1.05 ? `${number(value)} a frame` : '')],
  ['p50Ms', (value) => `p50 ${number(value)} ms`],
  ['p99Ms', (value) => `p99 ${number(value)} ms`],
  ['rssMb', (value) => `${number(value)} MB in all`],
];

/**
 * @param {string} label
 * @param {Record<string, any>[]} rounds
 */
function noteOf(label, rounds) {
  const words = details
    .filter(([field]) => rounds[0]?.[field] !== undefined)
    .map(([field, text]) => text(median(rounds.map((round) => round[field]))))
    .filter((text) => text !== '');
  return words.length > 0 ? `${label} ${words.join(', ')}` : '';
}
