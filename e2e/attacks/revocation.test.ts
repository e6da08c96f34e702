import { issueJwt, type JwtOptions } from '@parvis/auth';
import { Action, type ProtocolMessage } from '@parvis/protocol';
import { createServer, systemClock } from 'parvis';
import { createLocalEngine, createMemoryStore } from 'parvis/engine';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ProtocolClient } from '../faults/protocolClient.ts';
import { judgement } from './entrances.ts';
import { offend, startScene } from './scene.ts';

const key = 'rev.key1:a-secret-of-thirty-two-characters';
const scene = await startScene({ apps: [{ id: 'rev', keys: [{ key, revocableTokens: true }] }] });

const tokenOf = (clientId: string, more: Partial<JwtOptions> = {}) =>
  issueJwt({ key, clientId, capability: { a: ['*'] }, now: Date.now() - 60_000, ...more });

async function revoke(targets: readonly string[], more: object = {}, port = scene.port): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/keys/rev.key1/revokeTokens`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(key).toString('base64')}`, 'content-type': 'application/json' },
    body: JSON.stringify({ targets, ...more }),
  });
  expect(response.status).toBe(201);
}

describe('tokens that are taken back', () => {
  it.each<[string, Partial<JwtOptions>]>([
    ['clientId:by-client', { clientId: 'by-client' }],
    ['revocationKey:team', { revocationKey: 'team' }],
    ['channel:secret:plans', { capability: { 'secret:*': ['*'], a: ['*'] } }],
  ])('[attack 29] %s: the connection ends with 40141, and no way in takes the token again', async (target, more) => {
    const token = await tokenOf('somebody', more);
    expect(await judgement(scene.port, token)).toBeUndefined();
    const client = await ProtocolClient.connected(scene.port, { access_token: token });
    const bystander = await ProtocolClient.connected(scene.port, {
      access_token: await tokenOf('bystander'),
    });
    await revoke([target]);
    expect((await client.next(Action.DISCONNECTED)).error).toMatchObject({ code: 40141, statusCode: 401 });
    await client.closed;
    expect(await judgement(scene.port, token)).toBe(40141);
    await bystander.ping('still here');
    await bystander.close();
  });

  it('[attack 29] a stream of events and a comet session that hold a revoked token are told 40141 and end', async () => {
    const token = await tokenOf('listener');
    const query = new URLSearchParams({ v: '6', stream: 'false', channels: 'a', access_token: token });
    const base = `http://127.0.0.1:${scene.port}`;
    const stream = await fetch(`${base}/sse?${query}`);
    const [connected] = (await (await fetch(`${base}/comet/connect?${query}`)).json()) as ProtocolMessage[];
    const poll = fetch(`${base}/comet/${connected?.connectionDetails?.connectionKey}/recv?${query}`);
    await revoke(['clientId:listener']);
    expect(await stream.text()).toContain('40141');
    expect(await (await poll).json()).toMatchObject([{ action: Action.DISCONNECTED, error: { code: 40141 } }]);
  });

  it('[attack 29] two hundred connections of one client end together, and others are served meanwhile', async () => {
    await scene.served(async () => {
      const token = await tokenOf('many');
      const clients = await offend(200, () => ProtocolClient.connected(scene.port, { access_token: token }));
      await revoke(['clientId:many']);
      await Promise.all(clients.map((client) => client.closed));
      const codes = clients.map((client) => client.errors(Action.DISCONNECTED)[0]?.code);
      expect(new Set(codes)).toEqual(new Set([40141]));
    });
  });

  it('[attack 29] tokens issued since issuedBefore are left alone', async () => {
    const [early, late] = [await tokenOf('timed', { now: Date.now() - 600_000 }), await tokenOf('timed')];
    await revoke(['clientId:timed'], { issuedBefore: Date.now() - 300_000 });
    expect(await judgement(scene.port, early)).toBe(40141);
    expect(await judgement(scene.port, late)).toBeUndefined();
  });

  it('[attack 29] a token that is revoked on one node is refused, and its connection ended, on another', async () => {
    const engine = createLocalEngine({ store: createMemoryStore(), clock: systemClock });
    const options = { port: 0, keys: [{ key, revocableTokens: true }], engine, logLevel: 'silent' } as const;
    const [one, two] = [createServer(options), createServer(options)];
    await Promise.all([one.listen(), two.listen()]);
    onTestFinished(async () => {
      await one.stop({ drainMs: 0 });
      await two.stop({ drainMs: 0 });
    });
    const token = await tokenOf('roaming');
    const client = await ProtocolClient.connected(two.port, { access_token: token });
    await revoke(['clientId:roaming'], {}, one.port);
    expect((await client.next(Action.DISCONNECTED)).error?.code).toBe(40141);
    expect(await judgement(two.port, token)).toBe(40141);
    expect(await judgement(one.port, token)).toBe(40141);
  });
});
