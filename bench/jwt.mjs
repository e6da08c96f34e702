import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto';

/** The one key of every server in the bench. */
export const keyName = 'bench.key';
export const keySecret = 'benchsecretbenchsecret';

const secret = createSecretKey(Buffer.from(keySecret));
const base64 = (/** @type {unknown} */ value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const sign = (/** @type {string} */ text) => createHmac('sha256', secret).update(text).digest();

/**
 * A JWT for one clientId with every right, valid for an hour.
 * @param {string} clientId
 */
export function mint(clientId) {
  const iat = Math.floor(Date.now() / 1000);
  const claims = { iat, exp: iat + 3600, 'x-ably-clientId': clientId, 'x-ably-capability': '{"*":["*"]}' };
  const body = `${base64({ typ: 'JWT', alg: 'HS256', kid: keyName })}.${base64(claims)}`;
  return `${body}.${sign(body).toString('base64url')}`;
}

/**
 * Claims of a token that is signed by our key and in date: what a careful Socket.IO app does, with a KeyObject made once.
 * Throws on anything else.
 * @param {unknown} token
 */
export function verify(token) {
  const [header, claims, signature, extra] = String(token).split('.');
  if (!header || !claims || !signature || extra !== undefined) throw new Error('malformed token');
  if (JSON.parse(Buffer.from(header, 'base64url').toString()).alg !== 'HS256') throw new Error('wrong algorithm');
  const given = Buffer.from(signature, 'base64url');
  const expected = sign(`${header}.${claims}`);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) throw new Error('wrong signature');
  const value = JSON.parse(Buffer.from(claims, 'base64url').toString());
  if (value.exp * 1000 < Date.now()) throw new Error('expired token');
  return value;
}
