// Where Parvis is, and the key that signs tokens for it. The key stays here.
import { once } from 'node:events';

export const key = process.env.PARVIS_KEY ?? '';
if (!key) throw new Error('set PARVIS_KEY to the key that `parvis dev` prints, or one of `parvis keys create`');

const url = new URL(process.env.PARVIS_URL ?? 'http://localhost:8787');

/** Options that point a client of `ably` at it. */
export const address = {
  endpoint: url.hostname,
  ...(url.protocol === 'https:' ? { tlsPort: Number(url.port || 443) } : { port: Number(url.port || 80), tls: false }),
};

/** Listens on loopback and says where. */
export async function listen(server) {
  server.listen(Number(process.env.PORT ?? 3000), '127.0.0.1');
  await once(server, 'listening');
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
}
