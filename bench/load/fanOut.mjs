import { setTimeout as delay } from 'node:timers/promises';
import { nowMicros, payload } from '../payload.mjs';
import { between, Crowd } from './crowd.mjs';
import { dialectOf } from './dialects.mjs';
import { probe } from './probe.mjs';

/**
 * @typedef {import('./crowd.mjs').Target & {
 *   subscribers: number, inFlight: number, drainMs: number, warmMs: number, windowMs: number
 * }} FanOutJob
 */

/**
 * One of the subscribers publishes and receives its own messages too. A message is in flight until all have received it;
 * at most `inFlight` are. With `drainMs` the sockets are read only that often, in one go; without, as data comes.
 * @param {FanOutJob} job
 */
export async function fanOut(job) {
  const crowd = new Crowd(job);
  try {
    await crowd.grow(job.subscribers);
    const sample = await probe(crowd, job.speech);
    const publisher = new Publisher(crowd, job);
    if (dialectOf(job.speech, 0).ownPayload) watchOrder(crowd);
    const result = await (job.drainMs > 0 ? publisher.runDraining() : publisher.runEager());
    await crowd.settle(publisher.published);
    return { ...result, ...sample };
  } finally {
    crowd.disperse();
  }
}

/**
 * Polls without ever sleeping until it is told to stop. Waking a reader of the same machine is charged to the server that
 * writes, and costs it more than the write: whether it sleeps between two writes would decide the result. Readers of real
 * servers are elsewhere.
 * @returns {() => void}
 */
function keepAwake() {
  let awake = true;
  const again = () => {
    if (awake) setImmediate(again);
  };
  again();
  return () => {
    awake = false;
  };
}

/**
 * Every hundredth subscriber reads the sequence of what it receives: a repeated or overtaken message voids the run.
 * A number cut by the end of a read is left out, so only the direction is checked; settle() checks the number of them.
 * @param {Crowd} crowd
 */
function watchOrder(crowd) {
  for (let i = 0; i < crowd.members.length; i += 100) {
    const member = /** @type {import('./connection.mjs').Connection} */ (crowd.members[i]);
    let last = 0;
    member.onSample = (sequence) => {
      if (sequence <= last) crowd.failure ??= new Error(`message ${sequence} came after ${last}`);
      last = sequence;
    };
  }
}

/** Keeps the right number of messages in flight for the length of a run. */
class Publisher {
  /** Messages published so far, the probe included. */
  published = 1;
  #crowd;
  #job;
  #first;

  /** @param {Crowd} crowd @param {FanOutJob} job */
  constructor(crowd, job) {
    this.#crowd = crowd;
    this.#job = job;
    this.#first = /** @type {import('./connection.mjs').Connection} */ (crowd.members[0]);
  }

  /** Publishes what there is room for, in one write. */
  #topUp() {
    const { meter, members } = this.#crowd;
    const room = this.#job.inFlight - (this.published - Math.floor(meter.messages / members.length));
    if (room <= 0) return;
    const frames = Array.from({ length: room }, () => {
      const sequence = this.published++;
      return this.#first.frame(sequence, payload(sequence, nowMicros()));
    });
    this.#first.write(room === 1 ? /** @type {Buffer} */ (frames[0]) : Buffer.concat(frames));
  }

  /** Sleeps with the whole process between drains, so that all sockets are read together, in one turn of the loop. */
  async runDraining() {
    const nap = new Int32Array(new SharedArrayBuffer(4));
    const begin = nowMicros() + this.#job.warmMs * 1000;
    let from;
    for (let due = nowMicros(); ; ) {
      this.#topUp();
      due = Math.max(due + this.#job.drainMs * 1000, nowMicros());
      Atomics.wait(nap, 0, 0, Math.max(0, (due - nowMicros()) / 1000));
      // Two immediates with a poll of all sockets between them: the first may still belong to the turn that slept.
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      if (!from && nowMicros() >= begin) from = this.#crowd.snapshot();
      if (from && nowMicros() >= from.micros + this.#job.windowMs * 1000) return between(from, this.#crowd.snapshot());
    }
  }

  /** Publishes the next message as soon as the last of the subscribers has the one before. */
  async runEager() {
    this.#crowd.meter.onRead = () => this.#topUp();
    const sleepAgain = keepAwake();
    try {
      this.#topUp();
      await delay(this.#job.warmMs);
      const from = this.#crowd.snapshot();
      await delay(this.#job.windowMs);
      return between(from, this.#crowd.snapshot());
    } finally {
      this.#crowd.meter.onRead = undefined;
      sleepAgain();
    }
  }
}
