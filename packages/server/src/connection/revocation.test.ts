import { issueJwt, type JwtOptions } from '@parvis/auth';
import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { Harness, revocableKey } from '../../test/harness.ts';
import { createLocalEngine, createMemoryStore } from '../engine/index.ts';

const tokenOf = (harness: Harness, options: Partial<JwtOptions> = {}) =>
  issueJwt({ key: revocableKey, now: harness.clock.now(), clientId: 'ann', ...options });

async function connected(options: Partial<JwtOptions> = {}, harness = new Harness()) {
  const token = await tokenOf(harness, options);
  const client = harness.connect({ access_token: token });
  await harness.settle();
  return { harness, client, token };
}

/** Revokes the tokens of Ann that were issued before now. */
async function revoke(harness: Harness, { target = 'clientId:ann', marginMs = 0 } = {}): Promise<void> {
  const app = harness.apps.get('app');
  if (app === undefined) throw new Error('the app is gone');
  const now = harness.clock.now();
  const revocation = { keyName: 'app.revocable', target, issuedBefore: now, appliesAt: now + marginMs };
  await harness.revocations.revoke(app, [revocation]);
}

async function pass(harness: Harness, ms: number): Promise<void> {
  harness.clock.advance(ms);
  await harness.settle();
}

describe('revocation on living connections', () => {
  it('[attack 29] a connection whose token is revoked is told 40141 within a second, and others stay', async () => {
    const { harness, client } = await connected();
    const [{ client: bob }, byKey] = [await connected({ clientId: 'bob' }, harness), harness.connect()];
    await pass(harness, 1_000);
    await revoke(harness);
    await pass(harness, 999);
    expect(client.error(Action.DISCONNECTED)).toMatchObject({ code: 40141, statusCode: 401 });
    expect(client.transport.ended).toBe(true);
    expect([bob, byKey].map((other) => other.transport.ended)).toEqual([false, false]);
  });

  it('[attack 29] the revoked token neither connects nor resumes, a new one resumes', async () => {
    const { harness, client, token } = await connected();
    const { connectionId, connectionKey } = client;
    await pass(harness, 1_000);
    await revoke(harness);
    await pass(harness, 100);
    for (const query of [{}, { resume: connectionKey }]) {
      const again = harness.connect({ access_token: token, ...query });
      await harness.settle();
      expect(again.error(Action.DISCONNECTED).code).toBe(40141);
      expect(again.transport.ended).toBe(true);
    }
    const renewed = harness.connect({ access_token: await tokenOf(harness), resume: connectionKey });
    await harness.settle();
    expect(renewed.connectionId).toBe(connectionId);
  });

  it('[attack 29] AUTH with a revoked token ends the connection', async () => {
    const { harness, client, token } = await connected();
    const { client: late } = await connected({ now: harness.clock.now() + 60_000 }, harness);
    await pass(harness, 1_000);
    await revoke(harness);
    late.send({ action: Action.AUTH, auth: { accessToken: token } });
    await harness.settle();
    expect(late.error(Action.ERROR).code).toBe(40141);
    expect(client.transport.ended).toBe(false);
  });

  it('[attack 29] with a margin the client is asked for a new token at once, and ended half a minute later', async () => {
    const { harness, client } = await connected();
    await pass(harness, 1_000);
    await revoke(harness, { marginMs: 30_001 });
    await pass(harness, 100);
    client.one(Action.AUTH);
    await pass(harness, 29_900);
    expect(client.all(Action.DISCONNECTED)).toEqual([]);
    await pass(harness, 1_000);
    expect(client.error(Action.DISCONNECTED).code).toBe(40141);
  });

  it('[attack 29] who sends a new token within the margin stays', async () => {
    const { harness, client } = await connected();
    await pass(harness, 1_000);
    await revoke(harness, { marginMs: 30_001 });
    await pass(harness, 100);
    client.send({ action: Action.AUTH, auth: { accessToken: await tokenOf(harness) } });
    await pass(harness, 60_000);
    expect(client.all(Action.CONNECTED)).toHaveLength(2);
    expect(client.transport.ended).toBe(false);
  });

  it('[attack 29] who connects within the margin with the old token is ended with it', async () => {
    const { harness, token } = await connected();
    await pass(harness, 1_000);
    await revoke(harness, { marginMs: 30_001 });
    await pass(harness, 10_000);
    const late = harness.connect({ access_token: token });
    await pass(harness, 10_000);
    expect(late.transport.ended).toBe(false);
    await pass(harness, 20_000);
    expect(late.error(Action.DISCONNECTED).code).toBe(40141);
  });

  it('[RV9] many revocations at once are looked for once', async () => {
    const { harness, client } = await connected();
    await pass(harness, 1_000);
    const before = harness.clock.timers;
    for (let n = 0; n < 50; n++) await revoke(harness, { target: `clientId:other ${n}` });
    await revoke(harness);
    expect(harness.clock.timers - before).toBeLessThan(5);
    await pass(harness, 100);
    expect(client.error(Action.DISCONNECTED).code).toBe(40141);
  });

  it('[RV9] while it is not known what is revoked, a client waits, and nothing is read from it', async () => {
    const token = await tokenOf(new Harness());
    const harness = new Harness();
    const client = harness.connect({ access_token: token });
    expect(client.transport.paused).toBe(true);
    await harness.settle();
    expect(client.transport.paused).toBe(false);
    client.one(Action.CONNECTED);
  });

  it('[RV9] those who wait count as connections', async () => {
    const token = await tokenOf(new Harness());
    const harness = new Harness({ limits: { maxConnections: 2 } });
    const clients = [0, 1, 2].map(() => harness.connect({ access_token: token }));
    await harness.settle();
    expect(clients.map((client) => client.all(Action.CONNECTED).length)).toEqual([1, 1, 0]);
    expect(clients[2]?.error(Action.DISCONNECTED)).toMatchObject({ code: 50004, statusCode: 503 });
    clients[0]?.cut();
    const next = harness.connect({ access_token: token });
    await harness.settle();
    next.one(Action.CONNECTED);
  });

  it('[RV9] a client waits for CONNECTED no longer than connectTimeoutMs', async () => {
    const never = new Promise<never>(() => {});
    const harness = new Harness({
      limits: { connectTimeoutMs: 3_000 },
      engine: (clock) => {
        const engine = createLocalEngine({ store: createMemoryStore(), clock });
        engine.join = () => never;
        return engine;
      },
    });
    const client = harness.connect({ access_token: await tokenOf(harness) });
    await pass(harness, 2_999);
    expect(client.received).toEqual([]);
    await pass(harness, 1);
    expect(client.error(Action.DISCONNECTED)).toMatchObject({ code: 50003, statusCode: 500 });
    expect(client.transport.ended).toBe(true);
  });
});
