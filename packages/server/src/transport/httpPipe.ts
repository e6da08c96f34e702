import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorInfo } from '@parvis/protocol';

/** What pipes made of plain requests need of the HTTP around them. */
export interface HttpSide {
  readonly trustProxy: boolean;
  /** Whether a browser page of that origin may talk to us. */
  isOriginAllowed(origin: string): boolean;
  /** Headers that every answer carries, those among them that let a page of an allowed origin read it. */
  headersFor(request: IncomingMessage): Readonly<Record<string, string>>;
  /** A client was turned away before it reached a connection. */
  refused(error: ErrorInfo, remote: string): void;
}

/** Keeps caches and proxies from holding back what is answered piece by piece. */
export const unbuffered: Readonly<Record<string, string>> = {
  'Cache-Control': 'no-cache, no-store',
  'X-Accel-Buffering': 'no',
};

/** Answers a request with an error as REST would, body and headers; a body given stands in for `{ error }`. */
export function refuseRequest(
  response: ServerResponse,
  error: ErrorInfo,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array = Buffer.from(JSON.stringify({ error })),
): void {
  response.writeHead(error.statusCode, {
    ...headers,
    ...unbuffered,
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    'X-Ably-Errorcode': String(error.code),
    'X-Ably-Errormessage': error.message.replaceAll(/[^ -~]/g, '?').slice(0, 500),
  });
  response.end(body);
}
