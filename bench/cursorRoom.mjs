// node bench/cursorRoom.mjs [--members 200] [--pairs 7] [--quick]
//
// 200 members in one room, each moving its cursor at 60 Hz in 10 batches a second, which all receive: 400,000 deliveries a
// second. There is no reference that does the same, so it stands beside the scenarios: first the room alone, then pairs of
// it with and without one member more that reads nothing, whose effect on the others is the median of the pairs.

import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { LoadProcess, pinned, ServerProcess } from './processes.mjs';

const { values: flags } = parseArgs({
  options: {
    members: { type: 'string', default: '200' },
    pairs: { type: 'string', default: '7' },
    quick: { type: 'boolean', default: false },
  },
});
const members = Number(flags.members);
const pairs = Number(flags.pairs);

const server = await new ServerProcess('parvis', {}).ready();
const load = new LoadProcess();
const job = {
  port: server.port,
  pid: server.pid,
  speech: { dialect: 'ably', format: 'json', channel: 'bench::$cursors' },
  members,
  pointsPerBatch: 6,
  batchesPerSecond: 10,
  warmMs: flags.quick ? 300 : 1_000,
  windowMs: flags.quick ? 600 : 2_000,
};

/** @param {number} stalled */
async function run(stalled) {
  const result = await load.run('cursorRoom', { ...job, stalled });
  const { batchesPerMember, exact, p50Ms, p99Ms, serverCore, loadCore } = result;
  const cores = `server ${serverCore.toFixed(2)}, load ${loadCore.toFixed(2)} cores`;
  const delivered = `${batchesPerMember.toFixed(2)} batches/s per member at each, last exact ${exact}/${members}`;
  console.log(`stalled ${stalled}: ${delivered}; p50 ${p50Ms.toFixed(1)}, p99 ${p99Ms.toFixed(1)} ms; ${cores}`);
  return p99Ms;
}

const median = (/** @type {number[]} */ list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];

try {
  /** @type {number[]} */
  const ratios = [];
  /** @type {number[]} */
  const alone = [];
  for (let i = 0; i < pairs; i++) {
    // Alternated, so that a machine that gets slower or faster favours neither.
    const order = i % 2 === 0 ? [0, 1] : [1, 0];
    /** @type {Record<number, number>} */
    const p99 = {};
    for (const stalled of order) p99[stalled] = await run(stalled);
    alone.push(p99[0] ?? Number.NaN);
    ratios.push((p99[1] ?? Number.NaN) / (p99[0] ?? Number.NaN));
  }
  const effect = median(ratios)?.toFixed(2);
  console.log(
    `\np99 of delivery: median ${median(alone)?.toFixed(1)} ms; with a stalled member ${effect} times as long`,
  );
} finally {
  await Promise.all([load.stop(), server.stop()]);
  const machine = `${cpus().length} x ${cpus()[0]?.model}, node ${process.version}`;
  console.log(
    `${machine}; ${pinned ? 'pinned' : 'not pinned'}; load average ${loadavg().map((one) => one.toFixed(1))}`,
  );
}
