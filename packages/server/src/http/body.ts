import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { bodyDecodeLimits, codecs, errors, type Format } from '@parvis/protocol';
import type { Clock } from '../clock.ts';
import { contentTypes, formatOf } from './negotiate.ts';

/** A request body as it was understood. */
export interface Body {
  /** Undefined if there was none. */
  readonly value: unknown;
  /** Which form payloads have in it; that of a form body is JSON's. */
  readonly format: Format;
}

/** What a body may cost. */
export interface BodyBounds {
  /** Bytes, as they come in (40009). */
  readonly maxBytes: number;
  /** From the request's headers to the body's end (408). */
  readonly timeoutMs: number;
}

/** Bytes of no body are ever read beyond this, whatever the limits say. */
export const maxBytesOfBody = 2 * 1024 * 1024;
/** Text may be six times as long in JSON, base64 takes a third more, and each message has its braces and ids. */
const BYTES_PER_BYTE = 8;
const OVERHEAD = 256 * 1024;
const MAX_FORM_FIELDS = 1_000;
/** How long the sender of a body that was refused may take to send the rest of it. */
const SKIP_MS = 2_000;

/** Bytes that a body with one publish of this size may have. */
export function maxBodySize(maxMessageSize: number): number {
  return Math.min(maxBytesOfBody, maxMessageSize * BYTES_PER_BYTE + OVERHEAD);
}

/**
 * Reads a body to its end. Throws 40009 as soon as it is known to be too large, 40000 with 408 when it does not arrive in
 * time and 40000 when it breaks off; the rest is then not worth reading.
 */
export function readBody(request: IncomingMessage, clock: Clock, { maxBytes, timeoutMs }: BodyBounds): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length'] ?? 0) > maxBytes) return reject(errors.bodyTooLarge(maxBytes));
    const chunks: Buffer[] = [];
    let size = 0;
    const settle = (act: () => void) => {
      cancel();
      request.off('data', take).off('end', end).off('close', broken).off('error', broken);
      // Whoever goes on sending is not to fill our memory, nor to bring the process down with a late error.
      request.on('error', () => {}).resume();
      act();
    };
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size > maxBytes) settle(() => reject(errors.bodyTooLarge(maxBytes)));
      else chunks.push(chunk);
    };
    const end = () => settle(() => resolve(Buffer.concat(chunks, size)));
    const broken = () => settle(() => reject(errors.badRequest('body broke off')));
    const cancel = clock.after(timeoutMs, () => settle(() => reject(errors.bodyTooSlow())));
    request.on('data', take).on('end', end).on('close', broken).on('error', broken);
  });
}

/**
 * Lets the rest of a body go by, so that its sender gets to read the reply. False if there is more of it, or it takes
 * longer, than is worth waiting for: then the connection has to end.
 */
export function skipBody(request: IncomingMessage, clock: Clock): Promise<boolean> {
  if (request.complete || request.destroyed) return Promise.resolve(request.complete);
  if (Number(request.headers['content-length'] ?? 0) > 2 * maxBytesOfBody) return Promise.resolve(false);
  return new Promise((resolve) => {
    let size = 0;
    const settle = (complete: boolean) => {
      cancel();
      request.off('data', count).off('end', end).off('close', broken);
      request.on('error', () => {}).resume();
      resolve(complete);
    };
    const count = (chunk: Buffer) => {
      size += chunk.length;
      if (size > 2 * maxBytesOfBody) settle(false);
    };
    const end = () => settle(true);
    const broken = () => settle(false);
    const cancel = clock.after(SKIP_MS, broken);
    request.on('data', count).on('end', end).on('close', broken);
  });
}

/** A body by its content type: JSON (also where none is named), msgpack or a form. Throws 40000 or 40013. */
export function parseBody(bytes: Buffer, { headers }: IncomingMessage): Body {
  refuseCompressed(headers);
  const type = mediaTypeOf(headers) || contentTypes.json;
  if (type === 'application/x-www-form-urlencoded') return { value: formFields(bytes), format: 'json' };
  const format = formatOf(type);
  if (bytes.length === 0) return { value: undefined, format: format ?? 'json' };
  if (format === undefined) {
    throw errors.badRequest('content type must be application/json, application/x-msgpack or a form');
  }
  return { value: codecs[format].decodeValue(bytes, bodyDecodeLimits), format };
}

/** Throws 40000: what comes compressed is refused, or a small body could become a huge one. */
export function refuseCompressed({ 'content-encoding': coding }: IncomingHttpHeaders): void {
  if (coding !== undefined && coding !== 'identity') throw errors.badRequest('compressed bodies are not supported');
}

/** The media type of a body in lower case and without its parameters; empty if none is named. */
export function mediaTypeOf({ 'content-type': type = '' }: IncomingHttpHeaders): string {
  return type.split(';')[0]?.trim().toLowerCase() ?? '';
}

/** The fields of a form as a map; fromEntries makes own keys, whatever they are called. */
function formFields(bytes: Buffer): Record<string, string> | undefined {
  if (bytes.length === 0) return undefined;
  const fields = new URLSearchParams(bytes.toString());
  if (fields.size > MAX_FORM_FIELDS) throw errors.badData(`more than ${MAX_FORM_FIELDS} fields`);
  return Object.fromEntries(fields);
}
