import { errors } from '@parvis/protocol';

/** What an Authorization header holds. */
export type Authorization = { readonly key: string } | { readonly token: string };

/**
 * Reads an Authorization header: `Basic base64(appId.keyId:secret)`, `Bearer base64(token)` or `Bearer token`. Throws 40005 for
 * anything else. A token has a dot and base64 has none, so the two never mix.
 */
export function readAuthorization(header: string): Authorization {
  const [, scheme = '', value = ''] = /^ *(basic|bearer) +([^\s]+) *$/i.exec(header) ?? [];
  if (scheme.toLowerCase() === 'basic') return { key: decode(value) };
  if (scheme === '') throw errors.badCredentials('Authorization header must be Basic or Bearer');
  return { token: value.includes('.') ? value : decode(value) };
}

/** Reads an X-Ably-ClientId header: base64 of the UTF-8 name (RSA7e2). Throws 40012. */
export function readClientIdHeader(header: string): string {
  const name = Buffer.from(header, 'base64');
  if (!isBase64(header)) throw errors.badClientId('X-Ably-ClientId must be base64');
  return name.toString();
}

function decode(value: string): string {
  if (!isBase64(value)) throw errors.badCredentials('Authorization header is not base64');
  return Buffer.from(value, 'base64').toString();
}

function isBase64(value: string): boolean {
  return /^[A-Za-z0-9+/_-]+={0,2}$/.test(value);
}
