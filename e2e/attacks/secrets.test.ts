import { Action, codecs } from '@parvis/protocol';
import { Realtime, Rest } from 'ably';
import jsonwebtoken from 'jsonwebtoken';
import { afterAll, describe, expect, it } from 'vitest';
import { ProtocolClient } from '../faults/protocolClient.ts';
import { inState } from '../oracle/harness.ts';
import { RawSocket, upgradeRequest } from './rawSocket.ts';
import { startScene } from './scene.ts';

const scene = await startScene({ testHooks: true, allowedOrigins: ['https://app.example'] });
const [keyName = '', secret = ''] = scene.key.split(':');
const token = jsonwebtoken.sign({ 'x-ably-clientId': 'ada' }, secret, { keyid: keyName, expiresIn: 600 });
const expired = jsonwebtoken.sign({ iat: 1, exp: 2, 'x-ably-clientId': 'ada' }, secret, { keyid: keyName });
const wrongSecret = 'wrong-but-secret-all-the-same-123456';
const base = `http://127.0.0.1:${scene.port}`;

/** Everything that the server said, in its log and to clients. */
const said: string[] = [];
const hear = (text: string) => said.push(text);
const clients: Realtime[] = [];
afterAll(() => {
  for (const client of clients) client.close();
});

describe('secrets that come in', () => {
  it('[attack 51] none is told again: not in the log of a whole run, not in errors, metrics or pages', async () => {
    await workingClients();
    await refusedClients();
    await refusedRequests();
    for (const path of ['/metrics', '/healthz', '/readyz', '/', '/time']) hear(await (await fetch(base + path)).text());
    const all = [...scene.lines, ...said].join('\n');
    expect(scene.lines.length).toBeGreaterThan(8);
    expect(said.length).toBeGreaterThan(15);
    const secrets = [secret, wrongSecret, token, expired, ...[token, expired].map((jwt) => jwt.split('.')[2] ?? '')];
    for (const each of [...secrets, btoa(scene.key), encodeURIComponent(scene.key), ...connectionKeys]) {
      expect(each.length).toBeGreaterThan(10);
      expect(all.includes(each), `${each.slice(0, 6)}… is told again`).toBe(false);
    }
  });
});

const connectionKeys: string[] = [];

/** All that works, with a key, a token, a resume and a renewal. */
async function workingClients(): Promise<void> {
  const common = { endpoint: '127.0.0.1', port: scene.port, tls: false };
  for (const credentials of [{ key: scene.key }, { token }]) {
    const client = new Realtime({ ...common, ...credentials, logLevel: 0 });
    clients.push(client);
    await inState(client.connection, 'connected');
    connectionKeys.push(client.connection.key ?? '');
    await client.channels.get('room').publish('n', 'x');
  }
  const rest = new Rest({ ...common, key: scene.key });
  const details = await rest.auth.requestToken({ clientId: 'ada' });
  connectionKeys.push(details.token);
  const first = await ProtocolClient.connected(scene.port, { access_token: token });
  const key = (await first.next(Action.CONNECTED)).connectionDetails?.connectionKey ?? '';
  first.cut();
  const second = await ProtocolClient.connected(scene.port, { access_token: token, resume: key });
  second.send({ action: Action.AUTH, auth: { accessToken: `${token}x` } });
  await second.closed;
  for (const client of [first, second]) keepKeyOf(client);
  hear(JSON.stringify(second.errors(Action.ERROR)));
}

/** The key of a connection is for its client alone, like a password. */
function keepKeyOf(client: ProtocolClient): void {
  for (const { connectionDetails } of client.all(Action.CONNECTED))
    connectionKeys.push(connectionDetails?.connectionKey ?? '');
}

/** WebSockets that are refused, for one reason or another. */
async function refusedClients(): Promise<void> {
  const queries: Record<string, string>[] = [
    { key: `${keyName}:${wrongSecret}` },
    { key: scene.key, access_token: token },
    { key: scene.key, v: '99' },
    { key: scene.key, format: 'xml' },
    { key: scene.key, clientId: '*' },
    { key: `${scene.key}:x` },
    { access_token: expired },
    { access_token: `${token}x` },
    { access_token: token, clientId: 'eve' },
    { accessToken: expired },
    { key: scene.key, agent: 'spaces/0.5' },
  ];
  for (const query of queries) {
    const client = new ProtocolClient(scene.port, query);
    await client.closed;
    hear(JSON.stringify(client.received));
  }
  const bad = await ProtocolClient.connected(scene.port, { key: scene.key });
  bad.sendRaw(codecs.json.encodeValue({ action: 17, auth: { accessToken: { token } } }));
  await bad.closed;
  keepKeyOf(bad);
  hear(JSON.stringify(bad.errors(Action.ERROR)));
  for (const headers of [
    ['Origin: https://evil.example'],
    [`Cookie: ${scene.key}`],
    [`Authorization: Bearer ${expired}`],
  ]) {
    const raw = await RawSocket.open(scene.port);
    raw.write(upgradeRequest(`/${scene.path}`, [`Referer: http://x/?key=${scene.key}`, ...headers]));
    hear(await raw.until('an answer', () => raw.text.includes('\r\n\r\n')));
    raw.destroy();
  }
}

/** Requests that are refused, with secrets wherever they may stand. */
async function refusedRequests(): Promise<void> {
  const authorizations = [
    `Basic ${btoa(`${keyName}:${wrongSecret}`)}`,
    `Basic ${btoa(scene.key)}x`,
    `Bearer ${expired}`,
    `Bearer ${btoa(token)}x`,
    scene.key,
  ];
  for (const authorization of authorizations) {
    const answer = await fetch(`${base}/channels/room/messages`, { headers: { authorization } });
    hear(JSON.stringify([...answer.headers]) + (await answer.text()));
  }
  const paths = [
    `/channels/room/messages?key=${scene.key}x`,
    `/channels/room/messages?access_token=${expired}`,
    `/channels/room/messages?key=${scene.key}&limit=none`,
    `/no/such/route?key=${scene.key}`,
    `/%zz?access_token=${token}`,
    `/keys/${keyName}/requestToken`,
  ];
  for (const path of paths) {
    const answer = await fetch(base + path, {
      method: path.startsWith('/keys') ? 'POST' : 'GET',
      headers: { referer: `${base}/?key=${scene.key}` },
    });
    hear(JSON.stringify([...answer.headers]) + (await answer.text()));
  }
  const posted = await fetch(`${base}/channels/room/messages?_forceNack=true&key=${encodeURIComponent(scene.key)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ connectionKey: connectionKeys[0]?.slice(1), data: 'x' }),
  });
  hear(await posted.text());
}
