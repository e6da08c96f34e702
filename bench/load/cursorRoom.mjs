import { setTimeout as delay } from 'node:timers/promises';
import { marker, nowMicros } from '../payload.mjs';
import { Connection } from './connection.mjs';
import { between, Crowd } from './crowd.mjs';
import { dialectOf } from './dialects.mjs';

/**
 * @typedef {import('./crowd.mjs').Target & {
 *   members: number, pointsPerBatch: number, batchesPerSecond: number, stalled: number, warmMs: number, windowMs: number,
 * }} CursorRoomJob
 */

/** Latencies that one run keeps. */
const maxLatencies = 400_000;
const perSecond = 1e6;

/**
 * A batch of positions as the SDK sends it, as the text that it is on the wire; the first point carries sequence and time.
 * @param {number} sequence
 * @param {number} timeMicros
 * @param {number} points
 */
function batch(sequence, timeMicros, points) {
  const mark = marker + String(sequence).padStart(10, '0') + String(timeMicros).padStart(16, '0');
  const all = Array.from({ length: points }, (_, i) => ({
    cursor: { position: { x: 0.1 + i / 1_000, y: sequence }, ...(i === 0 ? { data: { mark } } : {}) },
    offset: Math.round((i * 1_000) / 60),
  }));
  return JSON.stringify(all);
}

/**
 * A room in which every member moves its cursor at 60 Hz, gathered into batches, and receives what all move. Open loop.
 * Some more members may take part that stop reading. Latency is from publish to read, at every tenth member; in the end
 * every member has received every batch, and the last position of each sender is read whole and compared.
 * @param {CursorRoomJob} job
 */
export async function cursorRoom(job) {
  const crowd = new Crowd(job);
  const stalled = await stall(job);
  try {
    await crowd.grow(job.members);
    /** @type {number[]} */
    const latencies = [];
    const source = publishEvenly(crowd, job);
    await delay(job.warmMs);
    const from = crowd.snapshot();
    for (let i = 0; i < crowd.members.length; i += 10) {
      const member = /** @type {Connection} */ (crowd.members[i]);
      member.onSample = (_sequence, sentMicros) => {
        if (latencies.length < maxLatencies) latencies.push(nowMicros() - sentMicros);
      };
    }
    await delay(job.windowMs);
    const to = crowd.snapshot();
    for (const member of crowd.members) member.onSample = undefined;
    const published = source.stop();
    await crowd.settle(published);
    const exact = await lastValues(crowd, job, published);
    const result = between(from, to);
    return {
      ...result,
      batchesPerMember: result.messages / result.seconds / job.members ** 2,
      exact,
      ...quantiles(latencies),
    };
  } finally {
    crowd.disperse();
    for (const one of stalled) one.destroy();
  }
}

/**
 * Members that attach and then read nothing more.
 * @param {CursorRoomJob} job
 * @returns {Promise<Connection[]>}
 */
function stall({ port, speech, stalled, members }) {
  const join = (/** @type {number} */ i) =>
    new Promise((resolve, reject) => {
      const meter = { messages: 0, frames: 0, bytes: 0 };
      const connection = new Connection({
        port,
        dialect: dialectOf(speech, members + i),
        meter,
        onReady() {
          connection.stall();
          resolve(connection);
        },
        // That a member who reads nothing is given up is what is to be seen.
        onFail: reject,
      });
    });
  return Promise.all(Array.from({ length: stalled }, (_, i) => join(i)));
}

/**
 * @param {Crowd} crowd
 * @param {CursorRoomJob} job
 */
function publishEvenly(crowd, { members, batchesPerSecond, pointsPerBatch }) {
  const begin = nowMicros();
  const perMicro = (members * batchesPerSecond) / perSecond;
  let published = 0;
  const timer = setInterval(() => {
    const due = Math.floor((nowMicros() - begin) * perMicro);
    for (; published < due; published++) {
      const member = /** @type {Connection} */ (crowd.members[published % members]);
      member.write(member.frame(Math.floor(published / members), batch(published, nowMicros(), pointsPerBatch)));
    }
  }, 1);
  return {
    stop() {
      clearInterval(timer);
      return published;
    },
  };
}

/**
 * Each sender moves once more; how many of the positions that one member then knows are those.
 * @param {Crowd} crowd
 * @param {CursorRoomJob} job
 * @param {number} published
 */
async function lastValues(crowd, { speech, members, pointsPerBatch }, published) {
  const watcher = /** @type {Connection} */ (crowd.members[0]);
  const dialect = dialectOf(speech, 0);
  /** @type {Set<number>} */
  const seen = new Set();
  watcher.onFrame = (body) => {
    for (const data of dialect.delivered(body)) {
      const points = JSON.parse(/** @type {string} */ (data));
      seen.add(points.at(-1).cursor.position.y);
    }
  };
  for (let i = 0; i < members; i++) {
    const sequence = published + i;
    const at = sequence % members;
    const member = /** @type {Connection} */ (crowd.members[at]);
    member.write(member.frame(Math.floor(sequence / members), batch(sequence, nowMicros(), pointsPerBatch)));
  }
  await crowd.settle(published + members);
  watcher.onFrame = undefined;
  let exact = 0;
  for (let i = 0; i < members; i++) if (seen.has(published + i)) exact++;
  return exact;
}

/** @param {number[]} micros */
function quantiles(micros) {
  const sorted = Float64Array.from(micros).sort();
  const at = (/** @type {number} */ share) => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN) / 1000;
  return { p50Ms: at(0.5), p99Ms: at(0.99), latencies: sorted.length };
}
