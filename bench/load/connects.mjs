import { setTimeout as delay } from 'node:timers/promises';
import { Crowd } from './crowd.mjs';

/** ms in which a server lets go of those who were cut off. */
const REST_MS = 200;

/** @typedef {import('./crowd.mjs').Target & { rehearsals: number, warm: number, count: number, atOnce: number }} StormJob */

/**
 * Opens connections as fast as the server takes them, each up to being a subscriber, and measures all but the first. Storms
 * that are rehearsed before are cut off again: a server that has run for a while has its code compiled.
 * @param {StormJob} job
 */
export async function storm(job) {
  for (let i = 0; i < job.rehearsals; i++) {
    const rehearsal = new Crowd(job);
    await rehearsal.grow(job.count, job.atOnce);
    rehearsal.disperse();
    await delay(REST_MS);
  }
  const crowd = new Crowd(job);
  try {
    await crowd.grow(job.warm, job.atOnce);
    const from = crowd.snapshot();
    await crowd.grow(job.warm + job.count, job.atOnce);
    const to = crowd.snapshot();
    const micros = to.micros - from.micros;
    return {
      perSecond: (job.count * 1e6) / micros,
      microsPerConnect: (to.serverMicros - from.serverMicros) / job.count,
      serverCore: (to.serverMicros - from.serverMicros) / micros,
      loadCore: (to.loadMicros - from.loadMicros) / micros,
    };
  } finally {
    crowd.disperse();
  }
}

/** Connections that are held open from one job to the next. @type {Crowd | undefined} */
let held;

/**
 * Opens connections and keeps them open until `release`.
 * @param {import('./crowd.mjs').Target & { count: number }} job
 */
export async function hold(job) {
  release();
  held = new Crowd(job);
  await held.grow(job.count);
  return { connections: held.members.length };
}

/** Cuts the connections that are held; throws if the server has closed any of them before. */
export function release() {
  const failure = held?.failure;
  held?.disperse();
  held = undefined;
  if (failure) throw failure;
  return {};
}
