import { issueJwt } from '@parvis/auth';
import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, Harness, otherKey, readKey } from '../../test/harness.ts';

async function connected(query: Record<string, string> = {}) {
  const harness = new Harness();
  const client = harness.connect(query);
  await harness.settle();
  const admit = (shown: Record<string, string>, key = client.connectionKey) =>
    harness.node.admit(key, new URLSearchParams(shown), true);
  return { harness, client, admit };
}

const tokenOf = (harness: Harness, clientId: string | undefined, ttlMs = 60_000, key = fullKey) =>
  issueJwt({ key, now: harness.clock.now(), ttlMs, ...(clientId === undefined ? {} : { clientId }) });

describe('later requests of a connection', () => {
  it('[CM9] the API key of the connection is let in, whichever client it acts for', async () => {
    for (const query of [{}, { clientId: 'ada' }]) {
      const { admit } = await connected(query);
      await expect(admit({ key: fullKey })).resolves.toBeUndefined();
      await expect(admit({ key: fullKey, clientId: 'eve' })).resolves.toBeUndefined();
    }
  });

  it('[CM9] no credentials, wrong ones, or both kinds are refused as on connecting', async () => {
    const { admit } = await connected();
    await expect(admit({})).rejects.toMatchObject({ code: 40101 });
    await expect(admit({ key: 'app.full:wrong-secret-wrong-secret' })).rejects.toMatchObject({ code: 40101 });
    await expect(admit({ access_token: 'x.y.z' })).rejects.toMatchObject({ statusCode: 401 });
    await expect(admit({ key: fullKey, access_token: 'x' })).rejects.toMatchObject({ code: 40005 });
  });

  it('[CM9] good credentials of another API key or app learn nothing but that the key is none', async () => {
    const { admit } = await connected();
    for (const key of [readKey, otherKey])
      await expect(admit({ key })).rejects.toMatchObject({ code: 80018, statusCode: 404 });
    await expect(admit({ key: fullKey }, 'x!y!z!w')).rejects.toMatchObject({ code: 80018, statusCode: 404 });
  });

  it('[CM9] a token of another client of the same key is refused with 40102, one of the same client is let in', async () => {
    const harness = new Harness();
    const client = harness.connect({ access_token: await tokenOf(harness, 'ada') });
    await harness.settle();
    const admit = async (clientId: string | undefined) =>
      harness.node.admit(
        client.connectionKey,
        new URLSearchParams({ access_token: await tokenOf(harness, clientId) }),
        true,
      );
    await expect(admit('ada')).resolves.toBeUndefined();
    await expect(admit('*')).resolves.toBeUndefined();
    for (const other of ['eve', 'ADA', undefined]) await expect(admit(other)).rejects.toMatchObject({ code: 40102 });
  });

  it('[CM14] a token that has expired is told as such, an older one that has not is let in after a renewal', async () => {
    const harness = new Harness();
    const first = await tokenOf(harness, 'ada', 40_000);
    const client = harness.connect({ access_token: first });
    await harness.settle();
    const second = await tokenOf(harness, 'ada', 90_000);
    client.send({ action: Action.AUTH, auth: { accessToken: second } });
    await harness.settle();
    const key = client.received[0]?.connectionDetails?.connectionKey ?? '';
    const admit = (token: string) => harness.node.admit(key, new URLSearchParams({ access_token: token }), true);
    for (const token of [first, second]) await expect(admit(token)).resolves.toBeUndefined();
    harness.clock.advance(50_000);
    await expect(admit(first)).rejects.toMatchObject({ code: 40142 });
    await expect(admit(second)).resolves.toBeUndefined();
  });

  it('[CM14] who connected with the key and goes on with a token without a clientId is known again', async () => {
    const { harness, client, admit } = await connected();
    const token = await tokenOf(harness, undefined);
    const key = client.connectionKey;
    client.send({ action: Action.AUTH, auth: { accessToken: token } });
    await harness.settle();
    await expect(admit({ access_token: token }, key)).resolves.toBeUndefined();
    await expect(admit({ access_token: await tokenOf(harness, 'eve') }, key)).rejects.toMatchObject({ code: 40102 });
  });

  it('[CM10] why a session is gone: it ended, or it goes on elsewhere', async () => {
    const { harness, client } = await connected();
    const key = client.connectionKey;
    const newer = harness.connect({ resume: key });
    await harness.settle();
    expect(harness.node.whyGone(key)).toMatchObject({ code: 80016, statusCode: 410 });
    expect(harness.node.whyGone(newer.connectionKey)).toMatchObject({ code: 80022, statusCode: 410 });
    newer.send({ action: Action.CLOSE });
    await harness.settle();
    expect(harness.node.whyGone(key)).toMatchObject({ code: 80022, statusCode: 410 });
  });
});
