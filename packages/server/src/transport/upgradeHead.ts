import type { IncomingHttpHeaders } from 'node:http';

/** What the head of an upgrade request says, as far as a WebSocket server looks. */
export interface UpgradeHead {
  /** Request target, neither decoded nor normalised. */
  readonly target: string;
  readonly headers: Partial<Pick<IncomingHttpHeaders, Read>>;
}

/** Headers that are looked at; of any other only the form is. */
const read = [
  'origin',
  'upgrade',
  'sec-websocket-key',
  'sec-websocket-version',
  'x-forwarded-for',
  'x-forwarded-proto',
] as const;
type Read = (typeof read)[number];
const isRead: ReadonlySet<string> = new Set(read);

const END = '\r\n\r\n';
/** A head in the one form that all WebSocket clients send: visible ASCII, no folded lines. Linear in its length. */
const plainHead = /^GET (\/[!-~]*) HTTP\/1\.1\r\n((?:[!#-'*+.^`|~\w-]+:[\t -~]*\r\n)+)$/;
const MAX_LINES = 100;

/**
 * Reads the head of a WebSocket upgrade from the bytes that a socket began with: most of what a connection costs at its start
 * is Node's own reading of it. Whatever is not plainly such a head, whole and ordinary in every line, is undefined, and is
 * left to the HTTP server: a body, a repeated header, one byte out of place.
 */
export function readUpgradeHead(bytes: Buffer): { readonly head: UpgradeHead; readonly length: number } | undefined {
  const end = bytes.indexOf(END);
  if (end < 0) return undefined;
  const [, target, lines] = plainHead.exec(bytes.toString('latin1', 0, end + 2)) ?? [];
  if (target === undefined || lines === undefined) return undefined;
  const headers = headersOf(lines);
  return headers === undefined ? undefined : { head: { target, headers }, length: end + END.length };
}

function headersOf(lines: string): UpgradeHead['headers'] | undefined {
  const headers: Partial<Record<Read, string>> = {};
  let hasHost = false;
  let upgrades = false;
  let count = 0;
  for (let at = 0; at < lines.length; ) {
    const colon = lines.indexOf(':', at);
    const end = lines.indexOf('\r\n', colon);
    const name = lines.slice(at, colon).toLowerCase();
    at = end + 2;
    if (++count > MAX_LINES || name === 'content-length' || name === 'transfer-encoding') return undefined;
    if (name === 'host') {
      if (hasHost) return undefined;
      hasHost = true;
    } else if (name === 'connection') {
      upgrades ||= /\bupgrade\b/i.test(lines.slice(colon + 1, end));
    } else if (isRead.has(name)) {
      if (headers[name as Read] !== undefined) return undefined;
      headers[name as Read] = lines.slice(colon + 1, end).trim();
    }
  }
  return hasHost && upgrades && headers.upgrade !== undefined ? headers : undefined;
}
