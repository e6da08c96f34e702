import type { IncomingMessage } from 'node:http';

/** Who is at the other end of a request. */
export interface Peer {
  /** Address for logs, never for decisions. */
  readonly remote: string;
  /** Whether the client speaks TLS: to us, or to a proxy that we trust to say so. */
  readonly secure: boolean;
}

/** Tells the peer of a request. Forwarding headers count only where the proxy in front of us overwrites them. */
export function peerOf(request: IncomingMessage, trustProxy: boolean): Peer {
  const { socket, headers } = request;
  const encrypted = 'encrypted' in socket && socket.encrypted === true;
  if (!trustProxy) return { remote: socket.remoteAddress ?? '', secure: encrypted };
  return {
    // Each proxy adds the address it saw at the end: only the last was written by one we trust.
    remote: lastOf(headers['x-forwarded-for']) ?? socket.remoteAddress ?? '',
    secure: encrypted || lastOf(headers['x-forwarded-proto'])?.toLowerCase() === 'https',
  };
}

function lastOf(header: string | string[] | undefined): string | undefined {
  return (
    String(header ?? '')
      .split(',')
      .pop()
      ?.trim() || undefined
  );
}
