import type { IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';

/** Who is at the other end of a request. */
export interface Peer {
  /** Address for logs, never for decisions. The kernel is asked for it each time. */
  readonly remote: string;
  /** Whether the client speaks TLS: to us, or to a proxy that we trust to say so. */
  readonly secure: boolean;
}

/** Of a request, what tells the peer. */
export interface Asked {
  readonly socket: Duplex;
  readonly headers: IncomingHttpHeaders;
}

/** Tells the peer of a request. Forwarding headers count only where the proxy in front of us overwrites them. */
export function peerOf({ socket, headers }: Asked, trustProxy: boolean): Peer {
  const encrypted = 'encrypted' in socket && socket.encrypted === true;
  if (!trustProxy) return new SocketPeer(socket, encrypted, undefined);
  const secure = encrypted || lastOf(headers['x-forwarded-proto'])?.toLowerCase() === 'https';
  // Each proxy adds the address it saw at the end: only the last was written by one we trust.
  return new SocketPeer(socket, secure, lastOf(headers['x-forwarded-for']));
}

class SocketPeer implements Peer {
  readonly secure: boolean;
  readonly #socket: Duplex;
  readonly #forwardedFor: string | undefined;

  constructor(socket: Duplex, secure: boolean, forwardedFor: string | undefined) {
    this.#socket = socket;
    this.secure = secure;
    this.#forwardedFor = forwardedFor;
  }

  get remote(): string {
    if (this.#forwardedFor !== undefined) return this.#forwardedFor;
    const socket = this.#socket;
    return 'remoteAddress' in socket && typeof socket.remoteAddress === 'string' ? socket.remoteAddress : '';
  }
}

function lastOf(header: string | string[] | undefined): string | undefined {
  return (
    String(header ?? '')
      .split(',')
      .pop()
      ?.trim() || undefined
  );
}
