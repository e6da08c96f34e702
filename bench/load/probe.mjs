import { setTimeout as delay } from 'node:timers/promises';
import { nowMicros, payload, readPayload } from '../payload.mjs';
import { dialectOf } from './dialects.mjs';

/**
 * Publishes the message with sequence 0, has the publisher's delivery read whole and checked, and gives its frame.
 * @param {import('./crowd.mjs').Crowd} crowd
 * @param {import('./dialects.mjs').Speech} speech
 * @returns {Promise<{ frame: string }>}
 */
export async function probe(crowd, speech) {
  const first = /** @type {import('./connection.mjs').Connection} */ (crowd.members[0]);
  const dialect = dialectOf(speech, 0);
  const seen = new Promise((resolve, reject) => {
    first.onFrame = (body, frame) => {
      try {
        const payloads = dialect.delivered(body);
        if (payloads.length === 0) return;
        if (payloads.map(readPayload)[0]?.sequence !== 0) throw new Error('the probe came back changed');
        resolve({ frame: frame.toString('base64') });
      } catch (error) {
        reject(error);
      }
    };
  });
  first.write(first.frame(0, payload(0, nowMicros())));
  try {
    return await Promise.race([
      seen,
      delay(5_000).then(() => Promise.reject(new Error('the probe was not delivered'))),
    ]);
  } finally {
    first.onFrame = undefined;
    await crowd.settle(1);
  }
}
