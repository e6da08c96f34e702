import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ErrorInfo } from '@parvis/protocol';

/** Answers an upgrade request with an HTTP error, as REST would, and ends the socket. */
export function rejectUpgrade(socket: Duplex, error: ErrorInfo): void {
  const body = JSON.stringify({ error });
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(
    [
      `HTTP/1.1 ${error.statusCode} ${STATUS_CODES[error.statusCode] ?? 'Error'}`,
      'Connection: close',
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      `X-Ably-Errorcode: ${error.code}`,
      `X-Ably-Errormessage: ${error.message.replaceAll(/[^ -~]/g, '?')}`,
      '',
      body,
    ].join('\r\n'),
  );
}
