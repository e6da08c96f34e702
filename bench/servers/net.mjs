import { createServer } from 'node:net';
import { FrameWalker } from '../frame.mjs';
import { deliveryFrame } from './delivery.mjs';

const upgraded =
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n';

/**
 * The least that a Node server can do with a write per message: it passes over the publish by its frame's length and
 * writes one ready-made frame to each socket.
 * @param {{ frame?: string }} options the frame, base64: what the server under test delivers
 * @returns {Promise<{ port: number }>}
 */
export async function start({ frame }) {
  const ready = deliveryFrame(frame);
  /** @type {Set<import('node:net').Socket>} */
  const sockets = new Set();
  const server = createServer({ noDelay: true }, (socket) => {
    const walker = new FrameWalker();
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    // The load generator sends the request in one write and nothing more until it is answered.
    socket.once('data', () => {
      sockets.add(socket);
      socket.write(upgraded);
      socket.on('data', (bytes) => {
        for (let n = walker.walk(bytes, bytes.length, () => {}); n > 0; n--)
          for (const each of sockets) each.write(ready);
      });
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  return { port: /** @type {import('node:net').AddressInfo} */ (server.address()).port };
}
