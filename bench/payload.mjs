/**
 * The payload of every message in the bench: `#~@!`, ten digits of sequence, sixteen of time in microseconds, filler.
 * The four marker bytes differ from each other, need no escape in JSON and stand nowhere else in a frame, so whoever
 * counts them counts messages, however frames were merged, split or encoded.
 */
export const marker = '#~@!';

/** Bytes of one payload. */
export const payloadBytes = 150;

const filler = 'payload of the bench '.repeat(8);

/**
 * @param {number} sequence
 * @param {number} timeMicros
 */
export function payload(sequence, timeMicros) {
  const head = marker + String(sequence).padStart(10, '0') + String(timeMicros).padStart(16, '0');
  return head + filler.slice(0, payloadBytes - head.length);
}

/** Microseconds of the monotonic clock, comparable inside one process. */
export function nowMicros() {
  return Math.round(performance.now() * 1000);
}

/**
 * Sequence and time of a payload; throws when it is not one of ours, whole and unchanged.
 * @param {unknown} text
 */
export function readPayload(text) {
  if (typeof text !== 'string') throw new Error(`a delivered payload is ${typeof text}, not text`);
  const sequence = Number(text.slice(4, 14));
  const timeMicros = Number(text.slice(14, 30));
  if (text !== payload(sequence, timeMicros)) throw new Error(`a delivered payload is not what was published: ${text}`);
  return { sequence, timeMicros };
}
