import { setTimeout as delay } from 'node:timers/promises';
import { nowMicros, payload } from '../payload.mjs';
import { between, Crowd } from './crowd.mjs';
import { probe } from './probe.mjs';

/**
 * @typedef {import('./crowd.mjs').Target & { members: number, hertz: number, warmMs: number, windowMs: number }} CursorsJob
 */

/** Latencies that one run keeps. */
const maxLatencies = 200_000;

/**
 * Every member publishes `hertz` times a second, spread evenly, and receives what all publish. Open loop: a server that
 * cannot keep up is not waited for until the window is over. Latency is from publish to read, at every fifth member.
 * @param {CursorsJob} job
 */
export async function cursors(job) {
  const crowd = new Crowd(job);
  try {
    await crowd.grow(job.members);
    const sample = await probe(crowd, job.speech);
    /** @type {number[]} */
    const latencies = [];
    const source = publishEvenly(crowd, job);
    await delay(job.warmMs);
    const from = crowd.snapshot();
    for (let i = 0; i < crowd.members.length; i += 5) {
      const member = /** @type {import('./connection.mjs').Connection} */ (crowd.members[i]);
      member.onSample = (_sequence, sentMicros) => {
        if (latencies.length < maxLatencies) latencies.push(nowMicros() - sentMicros);
      };
    }
    await delay(job.windowMs);
    const to = crowd.snapshot();
    const offered = job.members * job.members * job.hertz;
    const published = source.stop();
    await crowd.settle(published);
    return { ...between(from, to), offered, ...quantiles(latencies), ...sample };
  } finally {
    crowd.disperse();
  }
}

/**
 * @param {Crowd} crowd
 * @param {CursorsJob} job
 */
function publishEvenly(crowd, job) {
  const begin = nowMicros();
  const perMicro = (job.members * job.hertz) / 1e6;
  // The probe was message 0, from member 0.
  let published = 1;
  const timer = setInterval(() => {
    const due = Math.floor((nowMicros() - begin) * perMicro);
    for (; published < due; published++) {
      const member = /** @type {import('./connection.mjs').Connection} */ (crowd.members[published % job.members]);
      const msgSerial = Math.floor(published / job.members);
      member.write(member.frame(msgSerial, payload(published, nowMicros())));
    }
  }, 1);
  return {
    stop() {
      clearInterval(timer);
      return published;
    },
  };
}

/** @param {number[]} micros */
function quantiles(micros) {
  const sorted = Float64Array.from(micros).sort();
  const at = (/** @type {number} */ share) => (sorted[Math.floor(sorted.length * share)] ?? Number.NaN) / 1000;
  return { p50Ms: at(0.5), p99Ms: at(0.99), latencies: sorted.length };
}
