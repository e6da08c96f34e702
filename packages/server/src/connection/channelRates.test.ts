import { issueJwt } from '@parvis/auth';
import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { fullKey, Harness, type TestClient } from '../../test/harness.ts';

const rateClaim = 'ably.limits.publish.perAttachment.maxRate.';

async function limited(claims: Record<string, number>) {
  const harness = new Harness();
  const token = await issueJwt({ key: fullKey, now: harness.clock.now(), clientId: 'ada', claims });
  const client = harness.connect({ access_token: token });
  await harness.settle();
  return { harness, client };
}

/** Publishes one after the other and tells which were taken. */
async function taken(harness: Harness, client: TestClient, channel: string, count: number): Promise<boolean[]> {
  const first = client.msgSerial;
  for (let i = 0; i < count; i++) client.publish(channel, { data: String(i) });
  await harness.settle();
  const refused = client.all(Action.NACK).map(({ msgSerial }) => msgSerial);
  return Array.from({ length: count }, (_, index) => !refused.includes(first + index));
}

describe('the rate that a token gives each channel', () => {
  it('[CL2] holds for who publishes without attaching', async () => {
    const { harness, client } = await limited({ [`${rateClaim}slow`]: 2 });
    expect(await taken(harness, client, 'slow', 3)).toEqual([true, true, false]);
    expect(client.error(Action.NACK)).toMatchObject({ code: 42911, statusCode: 429 });
    expect(await taken(harness, client, 'free', 3)).toEqual([true, true, true]);
    harness.clock.advance(1_000);
    expect(await taken(harness, client, 'slow', 1)).toEqual([true]);
  });

  it.each([
    ['attaching', (client: TestClient) => client.attach('slow')],
    ['attaching again with other params', (client: TestClient) => client.attach('slow', { params: { rewind: '1' } })],
    [
      'detaching and attaching',
      (client: TestClient) => {
        client.send({ action: Action.DETACH, channel: 'slow' });
        client.attach('slow');
      },
    ],
  ])('[CL2] does not begin anew by %s', async (_title, act) => {
    const { harness, client } = await limited({ [`${rateClaim}slow`]: 2 });
    client.attach('slow');
    await harness.settle();
    await taken(harness, client, 'slow', 2);
    act(client);
    await harness.settle();
    expect(await taken(harness, client, 'slow', 1)).toEqual([false]);
  });

  it('[QN7] is that of the channel, by whichever name with params it is called', async () => {
    const { harness, client } = await limited({ [`${rateClaim}slow`]: 2 });
    expect(await taken(harness, client, '[?a=b]slow', 2)).toEqual([true, true]);
    expect(await taken(harness, client, '[?c=d]slow', 1)).toEqual([false]);
    expect(await taken(harness, client, 'slow', 1)).toEqual([false]);
  });

  it('[CL2] is that of the longest pattern, and each channel that a pattern fits has it for itself', async () => {
    const { harness, client } = await limited({ [`${rateClaim}*`]: 3, [`${rateClaim}chat:*`]: 1 });
    expect(await taken(harness, client, 'chat:1', 2)).toEqual([true, false]);
    expect(await taken(harness, client, 'chat:2', 2)).toEqual([true, false]);
    expect(await taken(harness, client, 'other', 4)).toEqual([true, true, true, false]);
  });

  it('[CL2] counts presence as well', async () => {
    const { harness, client } = await limited({ [`${rateClaim}slow`]: 2 });
    client.attach('slow');
    await harness.settle();
    for (const data of ['a', 'b', 'c']) client.presence('slow', { action: 2, data });
    await harness.settle();
    expect(client.one(Action.NACK)).toMatchObject({ msgSerial: 2, error: { code: 42911 } });
  });

  it('[CL2] changes with a new token', async () => {
    const { harness, client } = await limited({ [`${rateClaim}slow`]: 1 });
    expect(await taken(harness, client, 'slow', 2)).toEqual([true, false]);
    const claims = { [`${rateClaim}slow`]: 3 };
    const accessToken = await issueJwt({ key: fullKey, now: harness.clock.now(), clientId: 'ada', claims });
    client.send({ action: Action.AUTH, auth: { accessToken } });
    await harness.settle();
    expect(await taken(harness, client, 'slow', 3)).toEqual([true, true, true]);
  });
});
