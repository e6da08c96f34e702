import { WebSocketServer } from 'ws';
import { deliveryMaker } from './delivery.mjs';

/**
 * The bare `ws` server: parses each publish, makes the delivery once, and sends it to every connection on its own.
 * @param {{ frame?: string }} options frame: whose shape and size the deliveries get
 * @returns {Promise<{ port: number }>}
 */
export async function start({ frame }) {
  const delivery = deliveryMaker(frame);
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  server.on('connection', (socket) => {
    socket.on('error', () => {});
    socket.on('message', (bytes) => {
      const { channel, messages } = JSON.parse(bytes.toString());
      const frame = Buffer.from(delivery(messages[0], channel));
      for (const client of server.clients) client.send(frame, { binary: false });
    });
  });
  await new Promise((resolve) => server.once('listening', resolve));
  return { port: /** @type {import('node:net').AddressInfo} */ (server.address()).port };
}
