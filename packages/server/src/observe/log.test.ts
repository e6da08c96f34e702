import { issueJwt } from '@parvis/auth';
import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, type TestServer, testServer } from '../../test/testServer.ts';

const secret = 'full-secret-full-secret-full-secret';
const wrongSecret = 'wrong-secret-wrong-secret-wrong';

/** Every way in which a client shows a secret, well and badly. */
async function showEverything({ get, connect, url }: TestServer): Promise<string[]> {
  const token = await issueJwt({ key: fullKey, clientId: 'ada' });
  const badToken = `${token.slice(0, -4)}AAAA`;
  for (const credentials of [`key=${fullKey}`, `access_token=${token}`]) {
    const client = connect(`${credentials}&v=6`);
    await client.connected();
    client.send({ action: Action.AUTH, auth: { accessToken: badToken } });
    client.send({ action: Action.ATTACH, channel: '' });
    await client.message(Action.ERROR);
    await client.closed();
  }
  for (const query of [
    `key=app.full:${wrongSecret}&v=6`,
    `key=${wrongSecret}&v=6`,
    `access_token=${badToken}&v=6`,
    `access_token=${wrongSecret}&v=6`,
    `key=${fullKey}&access_token=${token}&v=6`,
    `key=${fullKey}&v=${wrongSecret}`,
    `key=${fullKey}&v=6&format=${wrongSecret}`,
    `key=${fullKey}&v=6&resume=${wrongSecret}`,
  ]) {
    const client = connect(query);
    await Promise.race([client.closed(), client.connected()]);
    await connect(query, { path: `/nowhere/${wrongSecret}` }).closed();
    for (const path of ['/time', '/channels/a/messages', `/nowhere/${wrongSecret}`, '/metrics', '/api/token']) {
      await (await get(`${path}?${query}`)).text();
      await get(path, { authorization: `Basic ${btoa(query.replace(/^key=|&.*/g, ''))}` });
      await get(path, { authorization: `Bearer ${token}` });
      await get(path, { authorization: `Bearer ${badToken}`, cookie: `session=${wrongSecret}` });
      await get(path, { authorization: wrongSecret });
    }
  }
  await fetch(`${url}/keys/app.full/requestToken`, { method: 'POST', body: JSON.stringify({ mac: wrongSecret }) });
  const [, , signature = ''] = token.split('.');
  const basic = [fullKey, `app.full:${wrongSecret}`].map((text) => btoa(text));
  return [secret, wrongSecret, signature, token.split('.')[1] ?? '', ...basic];
}

describe('the log', () => {
  it('[OP37] holds no key, token, query or header, whatever clients do (attack 51)', async () => {
    const server = await testServer({ allowedOrigins: [], demo: true });
    const secrets = await showEverything(server);
    await server.server.stop();
    const text = server.log.join('');
    expect(server.log.length).toBeGreaterThan(20);
    for (const each of secrets) expect(text).not.toContain(each);
    for (const name of ['access_token', 'Bearer ey', 'cookie', 'key=']) expect(text).not.toContain(name);
  });

  it('[OP37] neither do metrics and answers', async () => {
    const server = await testServer();
    const secrets = await showEverything(server);
    const metrics = await (await server.get('/metrics')).text();
    const refused = await server.get('/channels/a/messages', {
      authorization: `Basic ${btoa(`app.full:${wrongSecret}`)}`,
    });
    const text = metrics + (await refused.text()) + JSON.stringify([...refused.headers]);
    for (const each of secrets) expect(text).not.toContain(each);
  });

  it('[OP37] is a JSON object per line, with a fixed sentence, and no line is made of what a client sends', async () => {
    const { connect, log, get } = await testServer();
    await connect('key=app.full:wrong-secret-wrong&v=6&clientId=%0a%7B%22level%22:%22error%22%7D%1b[31m').closed();
    await get('/%0d%0aevil');
    const lines = log.map((line) => JSON.parse(line));
    expect(log.every((line) => line.endsWith('\n') && line.indexOf('\n') === line.length - 1)).toBe(true);
    const sentences = new Set(lines.map(({ msg }) => msg));
    expect([...sentences].sort()).toEqual(['a client was refused', 'a request was refused', 'listening']);
    expect(lines.map(({ level }) => level)).not.toContain('error');
  });
});
