import { clockSkewMs, defaultTtlMs, type TokenRequestFields } from '@parvis/auth';
import { errors } from '@parvis/protocol';

/** The fields of a token request's body; throws 40001 if it has none. */
export function readFields(body: unknown): TokenRequestFields {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw errors.badBody('a token request must be a JSON object');
  }
  return body as TokenRequestFields;
}

/** The lifetime asked for, in ms, by default an hour; throws 40003. A string of digits counts as a number. */
export function readTtl(ttl: unknown, max: number): number {
  if (isAbsent(ttl)) return defaultTtlMs;
  const value = wholeNumber(ttl);
  if (value === undefined || value < 1 || value > max) {
    throw errors.badParameter('ttl', `a whole number of ms, from 1 to ${max}`);
  }
  return value;
}

/** Throws 40104 for a timestamp that is over two minutes off, and 40003 for none in a signed request. */
export function checkTimestamp({ timestamp, mac }: TokenRequestFields, now: number): void {
  if (isAbsent(timestamp) && isAbsent(mac)) return;
  const value = wholeNumber(timestamp);
  if (value === undefined) throw errors.badParameter('timestamp', 'ms since the epoch');
  if (Math.abs(value - now) > clockSkewMs) throw errors.timestampSkew();
}

/** The nonce, which a signed request must have; throws 40003. */
export function readNonce({ nonce, mac }: TokenRequestFields): string | undefined {
  if (isAbsent(nonce) && isAbsent(mac)) return undefined;
  const text = typeof nonce === 'number' ? String(nonce) : nonce;
  if (typeof text !== 'string' || text.length < 16 || text.length > 256) {
    throw errors.badParameter('nonce', 'a random string of 16 to 256 characters');
  }
  return text;
}

/** The client leaves out what it does not ask for; some send it empty, which signs the same. */
export function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

function wholeNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d{1,17}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined;
}
