import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readUpgradeHead } from './upgradeHead.ts';

const lines = [
  'GET /?key=a.b:c&v=6 HTTP/1.1',
  'Host: 127.0.0.1:1',
  'Connection: keep-alive, Upgrade',
  'Upgrade: WebSocket',
  'Sec-WebSocket-Version: 13',
  'SEC-WEBSOCKET-KEY:  dGhlIHNhbXBsZSBub25jZQ==\t',
  'Origin: https://app.example.com',
  'X-Forwarded-For: 10.0.0.1, 10.0.0.2',
  'User-Agent: a browser (of some kind)',
];
const headOf = (changed: readonly string[]) => Buffer.from(`${changed.join('\r\n')}\r\n\r\n`, 'latin1');

/** What Node's own HTTP server makes of the same bytes: the headers of an upgrade, or undefined. */
async function asNodeReads(bytes: Buffer): Promise<{ target: string; headers: NodeJS.Dict<string | string[]> }> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(bytes);
  const [request] = await once(server, 'upgrade');
  socket.destroy();
  return { target: request.url, headers: request.headers };
}

describe('the head of an upgrade', () => {
  it('[WT7] is read as the HTTP server would read it, and what follows it is left alone', async () => {
    const bytes = Buffer.concat([headOf(lines), Buffer.from('frames')]);
    const found = readUpgradeHead(bytes);
    const node = await asNodeReads(headOf(lines));
    expect(found?.head.target).toBe(node.target);
    for (const [name, value] of Object.entries(found?.head.headers ?? {}))
      expect([name, value]).toEqual([name, node.headers[name]]);
    expect(Object.keys(found?.head.headers ?? {}).sort()).toEqual([
      'origin',
      'sec-websocket-key',
      'sec-websocket-version',
      'upgrade',
      'x-forwarded-for',
    ]);
    expect(bytes.subarray(found?.length).toString()).toBe('frames');
  });

  const without = (name: string) => lines.filter((line) => !line.toLowerCase().startsWith(name));
  it.each([
    ['a head that has not come whole', headOf(lines).subarray(0, -1)],
    ['nothing', Buffer.alloc(0)],
    ['another method', headOf(['POST / HTTP/1.1', ...lines.slice(1)])],
    ['an older protocol', headOf(['GET / HTTP/1.0', ...lines.slice(1)])],
    ['an absolute target', headOf(['GET http://a/ HTTP/1.1', ...lines.slice(1)])],
    ['a target with a blank', headOf(['GET /a b HTTP/1.1', ...lines.slice(1)])],
    ['no Host', headOf(without('host'))],
    ['two Hosts', headOf([...lines, 'Host: b'])],
    ['no Upgrade', headOf(without('upgrade'))],
    ['a Connection that does not upgrade', headOf([...without('connection'), 'Connection: close'])],
    ['two keys', headOf([...lines, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='])],
    ['a body', headOf([...lines, 'Content-Length: 2'])],
    ['a chunked body', headOf([...lines, 'Transfer-Encoding: chunked'])],
    ['a folded line', headOf([...lines, 'X-A: 1', ' more'])],
    ['a bare line feed', headOf([...lines, 'X-A: 1\nTransfer-Encoding: chunked'])],
    ['a bare carriage return', headOf([...lines, 'X-A: 1\rX-B: 2'])],
    ['a name with a blank', headOf([...lines, 'X-A : 1'])],
    ['no name', headOf([...lines, ': 1'])],
    ['a line without a colon', headOf([...lines, 'X-A'])],
    ['a NUL', headOf([...lines, 'X-A: \0'])],
    ['a byte beyond ASCII', headOf([...lines, 'X-A: é'])],
    ['many lines', headOf([...lines, ...Array.from({ length: 100 }, (_, i) => `X-${i}: 1`)])],
  ])('[WT7] %s is left to the HTTP server', (_title, bytes) => {
    expect(readUpgradeHead(bytes)).toBeUndefined();
  });
});
