import { issueJwt } from '@parvis/auth';
import { Action, Flag, Mode } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, Harness } from '../../test/harness.ts';

interface TokenOptions {
  clientId?: string;
  capability?: Record<string, string[]>;
  ttlMs?: number;
  claims?: Record<string, string | number>;
}

const tokenFor = (harness: Harness, options: TokenOptions = {}) =>
  issueJwt({ key: fullKey, now: harness.clock.now(), clientId: 'ada', ...options });

async function connected(options: TokenOptions = {}) {
  const harness = new Harness();
  const client = harness.connect({ access_token: await tokenFor(harness, options) });
  await harness.settle();
  return { harness, client };
}

describe('tokens on a living connection', () => {
  it('[RA1] 30 s before it expires a new token is asked for, and at its end the connection is told 40142', async () => {
    const { harness, client } = await connected({ ttlMs: 40_000 });
    harness.clock.advance(9_000);
    await harness.settle();
    expect(client.all(Action.AUTH)).toEqual([]);
    harness.clock.advance(2_000);
    await harness.settle();
    client.one(Action.AUTH);
    harness.clock.advance(30_000);
    await harness.settle();
    expect(client.error(Action.DISCONNECTED)).toMatchObject({ code: 40142, statusCode: 401 });
    expect(client.transport.ended).toBe(true);
  });

  it('[RA2] AUTH with a new token is answered with CONNECTED: same id, same key, and the old expiry is void', async () => {
    const { harness, client } = await connected({ ttlMs: 40_000 });
    const { connectionId, connectionKey } = client;
    client.clear();
    harness.clock.advance(20_000);
    client.send({ action: Action.AUTH, auth: { accessToken: await tokenFor(harness, { ttlMs: 3_600_000 }) } });
    await harness.settle();
    expect(client.connectionId).toBe(connectionId);
    expect(client.connectionKey).toBe(connectionKey);
    harness.clock.advance(60_000);
    await harness.settle();
    expect(client.all(Action.DISCONNECTED)).toEqual([]);
  });

  it.each([
    ['of another client', { clientId: 'eve' }, 40102],
    ['that has expired', { ttlMs: 1_000 }, 40142],
  ])('[attack 30] AUTH with a token %s ends the connection', async (_title, options, code) => {
    const { harness, client } = await connected();
    const accessToken = await tokenFor(harness, options);
    if ('ttlMs' in options) harness.clock.advance(5_000);
    client.send({ action: Action.AUTH, auth: { accessToken } });
    await harness.settle();
    expect(client.error(Action.ERROR).code).toBe(code);
    expect(client.one(Action.ERROR).channel).toBeUndefined();
  });

  it('[attack 30] a narrower token takes channels and modes away, and members without the right leave', async () => {
    const { harness, client } = await connected();
    const watcher = harness.connect();
    for (const name of ['kept', 'lost']) {
      client.attach(name);
      watcher.attach(name);
    }
    await harness.settle();
    client.presence('kept', { action: 2 });
    client.presence('lost', { action: 2 });
    await harness.settle();
    client.clear();
    watcher.clear();
    client.send({
      action: Action.AUTH,
      auth: { accessToken: await tokenFor(harness, { capability: { kept: ['subscribe'] } }) },
    });
    await harness.settle();
    expect(client.one(Action.ERROR)).toMatchObject({ channel: 'lost', error: { code: 40160 } });
    const { channel, flags = 0 } = client.one(Action.ATTACHED);
    expect(channel).toBe('kept');
    expect(flags & Flag.RESUMED).toBe(Flag.RESUMED);
    expect(flags & (Mode.SUBSCRIBE | Mode.PUBLISH | Mode.PRESENCE)).toBe(Mode.SUBSCRIBE);
    const leaves = watcher
      .all(Action.PRESENCE)
      .flatMap(({ channel, presence = [] }) => presence.map(({ action }) => [channel, action]));
    expect(leaves.sort()).toEqual([
      ['kept', 3],
      ['lost', 3],
    ]);
    client.publish('kept', { data: 'x' });
    await harness.settle();
    expect(client.error(Action.NACK).code).toBe(40160);
  });

  it('[RA3] a token cannot be empty', async () => {
    const { harness, client } = await connected();
    client.send({ action: Action.AUTH, auth: {} });
    await harness.settle();
    expect(client.error(Action.ERROR).code).toBe(40000);
  });

  it('[RA4] what the token vouches for stands in the extras of all the client sends, and cannot be forged', async () => {
    const { harness, client } = await connected({ claims: { 'ably.channel.chat:*': 'moderator' } });
    for (const name of ['chat:1', 'other']) client.attach(name);
    await harness.settle();
    client.publish('chat:1', { data: 'a', extras: { userClaim: 'forged', headers: { h: 1 } } });
    client.publish('other', { data: 'b', extras: { userClaim: 'forged' } });
    client.presence('chat:1', { action: 2 });
    await harness.settle();
    expect(client.all(Action.MESSAGE).map(({ messages }) => messages?.[0]?.extras)).toEqual([
      { headers: { h: 1 }, userClaim: 'moderator' },
      {},
    ]);
    expect(client.one(Action.PRESENCE).presence?.[0]?.extras).toEqual({ userClaim: 'moderator' });
  });

  it('[RA5] the token bounds the rate of an attachment (42911), and of no other', async () => {
    const { harness, client } = await connected({ claims: { 'ably.limits.publish.perAttachment.maxRate.slow': 2 } });
    for (const name of ['slow', 'free']) client.attach(name);
    await harness.settle();
    for (let i = 0; i < 3; i++) {
      client.publish('slow', { data: String(i) });
      client.publish('free', { data: String(i) });
    }
    await harness.settle();
    expect(client.error(Action.NACK)).toMatchObject({ code: 42911, statusCode: 429 });
    expect(client.one(Action.NACK).msgSerial).toBe(4);
  });
});
