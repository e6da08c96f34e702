import { setTimeout as delay } from 'node:timers/promises';
import { cpuMicros } from '../cpu.mjs';
import { nowMicros } from '../payload.mjs';
import { Connection } from './connection.mjs';
import { dialectOf } from './dialects.mjs';

/**
 * @typedef {object} Target
 * @property {number} port
 * @property {number} pid process whose CPU is measured
 * @property {import('./dialects.mjs').Speech} speech
 */

/** The connections of one run, and what they have received in all. */
export class Crowd {
  /** @type {Connection[]} */
  members = [];
  /** @type {import('./connection.mjs').Meter} */
  meter = { messages: 0, frames: 0, bytes: 0 };
  /** Why the run is void: a connection was refused or closed by the server. @type {Error | undefined} */
  failure;
  #target;

  /** @param {Target} target */
  constructor(target) {
    this.#target = target;
  }

  /**
   * Opens connections, at most `atOnce` in progress, until there are `count`; resolves when all are subscribers.
   * @param {number} count
   * @param {number} [atOnce]
   * @returns {Promise<void>}
   */
  grow(count, atOnce = 64) {
    // Dialects are made first, since minting a token is not part of what is measured.
    const from = this.members.length;
    const dialects = Array.from({ length: count - from }, (_, i) => dialectOf(this.#target.speech, from + i));
    return new Promise((resolve, reject) => {
      let waiting = dialects.length;
      const onFail = (/** @type {Error} */ error) => {
        this.failure ??= error;
        reject(error);
      };
      const { port } = this.#target;
      const join = (/** @type {import('./dialects.mjs').Dialect} */ dialect) =>
        this.members.push(new Connection({ port, dialect, meter: this.meter, onReady, onFail }));
      const open = () => {
        const dialect = dialects.shift();
        if (dialect?.begin) dialect.begin(port).then(join, onFail);
        else if (dialect) join(dialect);
      };
      const onReady = () => {
        waiting--;
        if (waiting === 0) resolve();
        else open();
      };
      for (let i = 0; i < atOnce; i++) open();
    });
  }

  /** Everything that one moment of a run is known by; throws if the run is void. */
  snapshot() {
    if (this.failure) throw this.failure;
    const own = process.cpuUsage();
    return {
      micros: nowMicros(),
      serverMicros: cpuMicros(this.#target.pid),
      loadMicros: own.user + own.system,
      ...this.meter,
    };
  }

  /**
   * Waits until every member has received exactly `expected` messages. Throws, saying how many it were, when nothing has
   * come for 2 s or one has received more.
   * @param {number} expected
   */
  async settle(expected) {
    let progress = { messages: this.meter.messages, micros: nowMicros() };
    for (;;) {
      if (this.failure) throw this.failure;
      const wrong = this.members.filter((member) => member.received !== expected);
      if (wrong.length === 0) return;
      if (this.meter.messages > progress.messages) progress = { messages: this.meter.messages, micros: nowMicros() };
      if (nowMicros() > progress.micros + 2_000_000 || wrong.some((member) => member.received > expected)) {
        const counts = wrong.slice(0, 5).map((member) => member.received);
        throw new Error(`${wrong.length} of ${this.members.length} received ${counts} instead of ${expected} messages`);
      }
      await delay(5);
    }
  }

  /** Cuts every connection. */
  disperse() {
    for (const member of this.members) member.destroy();
    this.members = [];
  }
}

/** @typedef {ReturnType<Crowd['snapshot']>} Snapshot */

/**
 * What happened between two moments.
 * @param {Snapshot} from
 * @param {Snapshot} to
 */
export function between(from, to) {
  const micros = to.micros - from.micros;
  const messages = to.messages - from.messages;
  const serverMicros = to.serverMicros - from.serverMicros;
  return {
    seconds: micros / 1e6,
    messages,
    perSecond: (messages * 1e6) / micros,
    microsPerDelivery: serverMicros / messages,
    messagesPerFrame: messages / (to.frames - from.frames),
    bytesPerMessage: (to.bytes - from.bytes) / messages,
    serverCore: serverMicros / micros,
    loadCore: (to.loadMicros - from.loadMicros) / micros,
  };
}
