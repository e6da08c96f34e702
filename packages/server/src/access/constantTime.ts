import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Compares bytes of equal length in a time that does not depend on them. */
export type Equals = (a: Uint8Array, b: Uint8Array) => boolean;

const pepper = randomBytes(32);

/**
 * Whether two secrets are the same, in a time that tells nothing about the expected one: digests of equal length are compared,
 * under a key of this process, and just so when nothing is expected because there is no such key.
 */
export function secretsEqual(given: string, expected: string | undefined, equals: Equals = timingSafeEqual): boolean {
  return equals(digest(given), digest(expected ?? '')) && expected !== undefined;
}

/** Whether a signature that came in is the expected one. Its length is no secret, its bytes are compared in constant time. */
export function macsEqual(given: Uint8Array, expected: Uint8Array, equals: Equals = timingSafeEqual): boolean {
  return given.length === expected.length && equals(given, expected);
}

function digest(secret: string): Uint8Array {
  return createHmac('sha256', pepper).update(secret).digest();
}
