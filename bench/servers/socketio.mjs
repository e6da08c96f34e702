import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { verify } from '../jwt.mjs';

/**
 * Socket.IO 4 as its documentation shows it: a room, and a broadcast to it for each message.
 * @param {{ check?: boolean, polling?: boolean }} options
 *   check: a JWT in the handshake is verified by a middleware; polling: clients may begin without a WebSocket, as by default
 * @returns {Promise<{ port: number }>}
 */
export async function start({ check = false, polling = false }) {
  const http = createServer();
  const io = new Server(http, { transports: polling ? ['polling', 'websocket'] : ['websocket'], serveClient: false });
  if (check) {
    io.use((socket, next) => {
      try {
        socket.data.claims = verify(socket.handshake.auth.token);
        next();
      } catch (error) {
        next(/** @type {Error} */ (error));
      }
    });
  }
  io.on('connection', (socket) => {
    socket.on('join', async (room, done) => {
      await socket.join(room);
      done();
    });
    socket.on('publish', (message) => io.to('room').emit('message', message));
  });
  await new Promise((resolve) => http.listen(0, '127.0.0.1', () => resolve(undefined)));
  return { port: /** @type {import('node:net').AddressInfo} */ (http.address()).port };
}
