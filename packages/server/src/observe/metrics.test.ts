import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, testServer } from '../../test/testServer.ts';

async function valuesOf(text: Promise<Response>): Promise<Map<string, number>> {
  const lines = (await (await text).text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
}

describe('/metrics', () => {
  it('[OP36] counts connections, messages, deliveries and refusals', async () => {
    const { get, connect } = await testServer();
    const client = connect();
    await client.connected();
    client.send({ action: Action.ATTACH, channel: 'a' });
    await client.message(Action.ATTACHED);
    client.send({ action: Action.MESSAGE, channel: 'a', msgSerial: 0, messages: [{ data: 'x' }, { data: 'y' }] });
    await client.message(Action.MESSAGE);
    const gone = connect('key=app.full:wrong-secret-wrong&v=6', { format: 'msgpack' });
    await gone.closed();
    const values = await valuesOf(get('/metrics'));
    expect(Object.fromEntries(values)).toMatchObject({
      parvis_connections: 1,
      parvis_channels: 1,
      parvis_sockets: 1,
      'parvis_connections_opened_total{format="json"}': 1,
      'parvis_refused_total{code="40101"}': 1,
      parvis_frames_received_total: 2,
      parvis_messages_published_total: 2,
      parvis_frames_delivered_total: 1,
    });
    for (const name of ['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds'])
      expect(values.has(name)).toBe(true);
    // Asked again it shows the same counts, not those of both times.
    expect((await valuesOf(get('/metrics'))).get('parvis_messages_published_total')).toBe(2);
  });

  it('[OP36] belongs to one server, also of two in a process', async () => {
    const [one, other] = [await testServer(), await testServer()];
    await one.connect().connected();
    expect((await valuesOf(other.get('/metrics'))).get('parvis_connections')).toBe(0);
    expect((await valuesOf(one.get('/metrics'))).get('parvis_connections')).toBe(1);
  });

  it('[OP36] does not grow by what clients name: channels, clientIds, codes, paths, agents (attack 54)', async () => {
    const { get, connect } = await testServer({ limits: { maxChannelsPerConnection: 5_000 } });
    const series = async () =>
      [...(await valuesOf(get('/metrics'))).keys()].filter((name) => name.startsWith('parvis_'));
    const visit = async (name: string) => {
      const client = connect(`key=${fullKey}&v=6&clientId=${name}&agent=${name}/1.0`);
      await client.connected();
      client.send({ action: Action.ATTACH, channel: name });
      client.send({ action: 200 + name.length });
      client.send({ action: Action.ATTACH, channel: `[${name}` });
      await client.message(Action.ERROR);
      await get(`/${name}`);
      return client;
    };
    await visit('visitor-one');
    const before = await series();
    const client = await visit('visitor-two');
    for (let i = 0; i < 2_000; i++) client.send({ action: Action.ATTACH, channel: `channel-${i}` });
    client.send({ action: Action.HEARTBEAT, id: 'all' });
    await client.message(Action.HEARTBEAT);
    expect(await series()).toEqual(before);
    const text = await (await get('/metrics')).text();
    for (const name of ['visitor-', 'channel-']) expect(text).not.toContain(name);
  });

  it('[OP35] probes answer GET and HEAD alone', async () => {
    const { url } = await testServer();
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await fetch(`${url}${path}`, { method: 'HEAD' })).status).toBe(200);
      expect((await fetch(`${url}${path}`, { method: 'POST' })).status).toBe(405);
      expect((await fetch(`${url}${path}?a=b`)).status).toBe(200);
    }
  });
});
