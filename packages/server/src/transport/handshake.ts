import { createHash } from 'node:crypto';
import { type ErrorInfo, errors } from '@parvis/protocol';
import type { UpgradeHead } from './upgradeHead.ts';

/** What every WebSocket server adds to the key of its client (RFC 6455, 1.3). */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const keyForm = /^[+/0-9A-Za-z]{22}==$/;

/** Why a request to open a WebSocket cannot be granted, if it cannot (RFC 6455, 4.2.1). */
export function handshakeFault({ headers }: UpgradeHead): ErrorInfo | undefined {
  if (headers.upgrade?.toLowerCase() !== 'websocket') return errors.badRequest('upgrade must be to a WebSocket');
  if (headers['sec-websocket-version'] !== '13') return errors.badRequest('the version of WebSocket must be 13');
  if (!keyForm.test(headers['sec-websocket-key'] ?? '')) return errors.badRequest('Sec-WebSocket-Key is not valid');
  return undefined;
}

/** The answer that opens a WebSocket: no extension, no sub-protocol. */
export function handshakeAnswer({ headers }: UpgradeHead): Buffer {
  const accept = createHash('sha1').update(`${headers['sec-websocket-key']}${GUID}`).digest('base64');
  return Buffer.from(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    'latin1',
  );
}
