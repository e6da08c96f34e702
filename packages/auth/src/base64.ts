import { decodeAnyBase64, encodeBase64 } from '@parvis/protocol';

/** Unpadded base64url of bytes. */
export function toBase64Url(bytes: Uint8Array): string {
  return encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Bytes of base64 or base64url, padded or not; undefined for anything else. Some JWT libraries write the standard alphabet. */
export function fromBase64(text: string): Uint8Array | undefined {
  return decodeAnyBase64(text);
}
