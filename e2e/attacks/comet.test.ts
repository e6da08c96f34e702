import { Action, type ProtocolMessage } from '@parvis/protocol';
import { createFakeClock } from '@parvis/testing';
import jsonwebtoken from 'jsonwebtoken';
import { describe, expect, it } from 'vitest';
import { CometClient } from '../../packages/server/test/cometClient.ts';
import { memoryUsed, settledAt } from './memory.ts';
import { RawSocket } from './rawSocket.ts';
import { offend, startScene } from './scene.ts';

const patience = { timeout: 10_000, interval: 20 };
const HARD = 4 * 1024 * 1024;
const clock = createFakeClock(Date.now());
const other = 'other.key1:a-secret-of-thirty-two-characters';
const scene = await startScene({
  clock,
  apps: [{ id: 'other', keys: [other] }],
  limits: { softBacklog: 64 * 1024, hardBacklog: HARD, maxInboundRate: 0 },
});
const url = `http://127.0.0.1:${scene.port}`;
const [keyid = '', secret = ''] = scene.key.split(':');
const tokenOf = (clientId: string) =>
  jsonwebtoken.sign({ 'x-ably-clientId': clientId }, secret, { keyid, expiresIn: 600 });
let channels = 0;

const connect = (query: Record<string, string> = { key: scene.key }, poll = true) =>
  CometClient.connect(url, query, poll);
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);
const publishing = (channel: string, msgSerial: number, data = String(msgSerial)): ProtocolMessage => ({
  action: Action.MESSAGE,
  channel,
  msgSerial,
  messages: [{ data }],
});

async function gauge(name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]);
}

describe('a session id in other hands', () => {
  it('[attack 59] without credentials of its client it is worth nothing, and the session goes on', async () => {
    const token = tokenOf('ada');
    const victim = await connect({ access_token: token });
    await victim.send({ action: Action.ATTACH, channel: 'private' });
    await victim.message(Action.ATTACHED);
    const shown: Record<string, string>[] = [
      {},
      { key: `${keyid}:wrong-but-secret-all-the-same-123456` },
      { key: other },
      { access_token: tokenOf('eve') },
      { access_token: jsonwebtoken.sign({}, secret, { keyid, expiresIn: 600 }) },
      { access_token: `${token}x` },
      { access_token: `${token.split('.').slice(0, 2).join('.')}.` },
      { access_token: token, key: scene.key },
    ];
    await scene.served(async () => {
      await offend(200, async (index) => {
        const thief = new CometClient(url, shown[index % shown.length] ?? {});
        thief.connectionKey = victim.connectionKey;
        const answers = [
          await thief.recv(),
          await thief.send(publishing('private', 0, 'stolen'), { action: Action.CLOSE }),
          await thief.close(),
          await thief.disconnect(),
        ];
        for (const { status } of answers) expect([400, 401, 404]).toContain(status);
        expect(thief.received.filter(({ action }) => action !== Action.DISCONNECTED)).toEqual([]);
        thief.cut();
      });
    });
    await victim.publish('private', 'mine');
    await victim.until('its own message', () => victim.data('private').length > 0);
    expect(victim.data('private')).toEqual(['mine']);
    await victim.close();
    victim.cut();
  });
});

describe('requests that do not fit together', () => {
  it('[attack 59] of two hundred receivers of one session one gets each message, and all others nothing', async () => {
    const channel = `rush-${++channels}`;
    const client = await connect(undefined, false);
    await client.send({ action: Action.ATTACH, channel });
    await client.recv();
    client.received.length = 0;
    await scene.served(async () => {
      const receivers = offend(200, () => client.recv());
      for (const i of upTo(20)) await client.send(publishing(channel, i));
      while (client.data(channel).length < 20) await client.recv();
      await client.close();
      for (const { status } of await receivers) expect([200, 410]).toContain(status);
    });
    expect(client.data(channel).map(Number)).toEqual(upTo(20));
    client.cut();
  });

  it('[attack 59] sends at once and out of order are each acknowledged once, or refused whole', async () => {
    const channel = `order-${++channels}`;
    const client = await connect();
    await client.send({ action: Action.ATTACH, channel });
    const serials = upTo(200).reverse();
    const answers = await scene.served(() => offend(200, (i) => client.send(publishing(channel, serials[i] ?? 0))));
    const accepted = serials.filter((_, i) => answers[i]?.status === 204);
    expect(accepted.length).toBeGreaterThan(7);
    for (const { status } of answers) expect([204, 429]).toContain(status);
    const acked = () =>
      client.all(Action.ACK).flatMap(({ msgSerial = 0, count = 0 }) => upTo(count).map((i) => msgSerial + i));
    await client.until('all answers', () => acked().length === accepted.length);
    expect(acked().sort((a, b) => a - b)).toEqual([...accepted].sort((a, b) => a - b));
    expect(
      client
        .data(channel)
        .map(Number)
        .sort((a, b) => a - b),
    ).toEqual([...accepted].sort((a, b) => a - b));
    await client.close();
    client.cut();
  });

  it('[attack 59] bodies that stop coming, are no array or hold no messages end with an error, and hold up nobody else', async () => {
    const client = await connect();
    const head = (length: number) =>
      `POST /comet/${client.connectionKey}/send?key=${scene.key} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`;
    await scene.served(async () => {
      const stalled = await RawSocket.open(scene.port);
      stalled.write(`${head(100)}[{"action":0,"id":"half"},`);
      await client.until('the first half', () => client.all(Action.HEARTBEAT).length === 1);
      const behind = client.send({ action: Action.HEARTBEAT, id: 'behind' });
      clock.advance(11_000);
      await stalled.until('an answer', () => stalled.text.includes('HTTP/1.1 408'));
      expect((await behind).status).toBe(204);
      const long = await RawSocket.open(scene.port);
      long.write(`${head(50_000_000)}[{"id":"${'x'.repeat(600_000)}`);
      await long.until('an answer', () => long.text.includes('HTTP/1.1 413'));
      for (const raw of [stalled, long]) raw.destroy();
      for (const body of ['{}', 'null', '[', '"[]"', '', '\u0000', `${'['.repeat(60_000)}`])
        expect((await client.sendRaw(body)).status).toBe(400);
    });
    await client.until('both', () => client.all(Action.HEARTBEAT).some(({ id }) => id === 'behind'));
    expect(client.all(Action.ERROR)).toEqual([]);
    expect((await client.sendRaw('[{"action":0},x]')).status).toBe(204);
    expect((await client.message(Action.ERROR)).error?.code).toBe(40000);
    client.cut();
  });
});

describe('sessions that are not received from', () => {
  it('[attack 59] one that opens receivers and reads none of them is ended at its budget', async () => {
    const channel = `unread-${++channels}`;
    const client = await connect(undefined, false);
    await client.send({ action: Action.ATTACH, channel });
    await client.recv();
    const publisher = await connect();
    const raw = await RawSocket.open(scene.port);
    raw.socket.pause();
    const before = await gauge('parvis_connections');
    await scene.served(async () => {
      for (let i = 0; (await gauge('parvis_connections')) >= before; i++) {
        expect(i).toBeLessThan(500);
        raw.write(`GET /comet/${client.connectionKey}/recv?key=${scene.key} HTTP/1.1\r\nHost: x\r\n\r\n`);
        await publisher.send(publishing(channel, i, String(i).padEnd(60_000)));
      }
    });
    expect(scene.lines.filter((line) => line.includes('"code":80020'))).toHaveLength(1);
    raw.destroy();
    await publisher.close();
    for (const each of [client, publisher]) each.cut();
  }, 60_000);

  it('[attack 59] ten thousand of them cost little each, and are all gone when their time is over', async () => {
    clock.advance(26_000);
    await expect.poll(() => gauge('parvis_comet_sessions'), patience).toBe(0);
    const before = await gauge('parvis_connections');
    const memory = memoryUsed();
    await scene.served(async () => {
      const ask = `GET /comet/connect?v=6&stream=false&key=${scene.key} HTTP/1.1\r\nHost: x\r\n\r\n`;
      await offend(20, async () => {
        const raw = await RawSocket.open(scene.port);
        for (let sent = 0; sent < 500; sent += 50) {
          raw.write(ask.repeat(50));
          await raw.until('fifty sessions', () => raw.text.split('"connectionKey"').length > sent + 50);
        }
        raw.destroy();
      });
      expect(await gauge('parvis_connections')).toBe(before + 10_000);
      expect(await gauge('parvis_comet_sessions')).toBe(10_000);
    });
    expect((memoryUsed() - memory) / 10_000, 'bytes of a session').toBeLessThan(10_000);
    clock.advance(26_000);
    await expect.poll(() => gauge('parvis_comet_sessions'), patience).toBe(0);
    expect(await gauge('parvis_connections')).toBe(before);
    // Leases of connections that may still be resumed are kept for two minutes more.
    clock.advance(130_000);
    await settledAt(memory + 10_000_000);
  }, 60_000);
});
