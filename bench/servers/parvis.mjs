import { createServer } from 'parvis';
import { keyName, keySecret } from '../jwt.mjs';

/**
 * Our server, from its build, with all of its protocol and without the rate limits that a load generator would meet.
 * @returns {Promise<{ port: number }>}
 */
export async function start() {
  const server = createServer({
    port: 0,
    host: '127.0.0.1',
    keys: [`${keyName}:${keySecret}`],
    limits: { maxInboundRate: 0, maxProtocolRate: 0 },
  });
  await server.listen();
  return { port: server.port };
}
