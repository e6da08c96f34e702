// npm run bench -- [--only name] [--rounds n] [--quick] [--json file] [--record]

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { coresInUse } from './cpu.mjs';
import { LoadProcess, pinned, ServerProcess } from './processes.mjs';
import { notes, summarize, table } from './report.mjs';
import { scenarios } from './scenarios.mjs';

/** The bench ends by itself: what has not begun by then is left out, and said to be. */
const limitMs = 8 * 60_000;
const recordFile = new URL('./results.json', import.meta.url);
const build = new URL('../packages/server/dist/index.js', import.meta.url);

const { values: flags } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    json: { type: 'string' },
    record: { type: 'boolean', default: false },
  },
});

/**
 * Runs one scenario: every variant in turn, the round repeated, each server started once.
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {LoadProcess} load
 */
async function runScenario(scenario, load) {
  /** By label: each variant has a process of its own for the whole scenario. @type {Map<string, ServerProcess>} */
  const servers = new Map();
  /** @type {Map<string, Record<string, any>[]>} */
  const results = new Map();
  /** @type {import('./scenarios.mjs').Context} */
  const context = {
    quick: flags.quick,
    load,
    async server(variant) {
      const known = servers.get(variant.label);
      if (known) return known;
      const server = new ServerProcess(variant.server, variant.options?.(context) ?? {});
      servers.set(variant.label, server);
      return server.ready();
    },
  };
  const rounds = Number(flags.rounds ?? (flags.quick ? Math.ceil(scenario.rounds / 3) : scenario.rounds));
  const variants = scenario.variants.filter((variant) => variant.server !== 'parvis' || existsSync(build));
  let failure = variants.length < scenario.variants.length ? 'packages/server is not built (npm run build)' : undefined;
  try {
    for (let round = 0; round < rounds; round++) {
      for (const variant of variants) {
        const result = await scenario.measure(context, variant);
        results.set(variant.label, [...(results.get(variant.label) ?? []), result]);
      }
    }
  } catch (error) {
    failure = error instanceof Error ? error.message : String(error);
  } finally {
    await Promise.all([...servers.values()].map((server) => server.stop()));
  }
  return summarize(scenario, results, failure);
}

/** @returns {{ scenarios: Record<string, { ours?: number, ratio?: number }> }} */
function lastRecord() {
  return existsSync(recordFile) ? JSON.parse(readFileSync(recordFile, 'utf8')) : { scenarios: {} };
}

/**
 * What is kept of a run: where it was made, and the medians; the scenarios that it left out stay as they were.
 * @param {import('./report.mjs').Row[]} rows
 */
function record(rows) {
  const round = (/** @type {number | undefined} */ value) => value && Number(value.toPrecision(4));
  const entries = rows.map(({ scenario, outcomes, ratio }) => {
    const values = Object.fromEntries(outcomes.map(({ label, value }) => [label, round(value)]));
    return [scenario.name, { unit: scenario.unit, ...values, ratio: round(ratio) }];
  });
  return {
    machine: `${cpus().length} x ${cpus()[0]?.model}`,
    node: process.version,
    date: new Date().toISOString().slice(0, 10),
    scenarios: { ...lastRecord().scenarios, ...Object.fromEntries(entries) },
  };
}

const began = performance.now();
const names = scenarios.map(({ name }) => name);
const unknown = flags.only?.find((name) => !names.includes(name));
if (unknown !== undefined || !(Number(flags.rounds ?? 1) >= 1)) {
  console.error(unknown === undefined ? '--rounds is a number from 1' : `${unknown} is none of ${names.join(', ')}`);
  process.exit(2);
}
const chosen = scenarios.filter(({ name }) => flags.only?.includes(name) ?? true);
const load = new LoadProcess();
let othersUse = 0;
/** @type {import('./report.mjs').Row[]} */
const rows = [];
for (const scenario of chosen) {
  if (performance.now() - began > limitMs) {
    rows.push(summarize(scenario, new Map(), 'left out, the time is up'));
    continue;
  }
  process.stderr.write(`${scenario.name} ...\n`);
  othersUse = Math.max(othersUse, await coresInUse());
  rows.push(await runScenario(scenario, load));
}
await load.stop();

const seconds = Math.round((performance.now() - began) / 1000);
console.log(`\n${table(rows, lastRecord().scenarios)}\n\n${notes(rows)}\n`);
console.log(`${pinned ? 'servers on core 0, load on core 1' : 'not pinned'}; node ${process.version}; ${seconds} s`);
if (othersUse > 0.2)
  console.log(`BUSY MACHINE: other processes used up to ${othersUse.toFixed(1)} cores between scenarios`);
const failed = rows.some((row) => row.failure !== undefined);
if (flags.json) writeFileSync(flags.json, `${JSON.stringify(rows, null, 2)}\n`);
if (flags.record && (failed || flags.quick)) console.error('not recorded: only a whole run without a failure is');
else if (flags.record) writeFileSync(recordFile, `${JSON.stringify(record(rows), null, 2)}\n`);
process.exitCode = failed ? 1 : 0;
