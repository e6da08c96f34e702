import Spaces from '@parvis/spaces';
import { describe, expect, it } from 'vitest';
import { inState, startOracle, ways } from '../oracle/harness.ts';

const oracle = await startOracle();

describe.each(ways)('who a client of a space is, %s', (way) => {
  it('[OI1] Spaces.get rejects with 40012 without a clientId', async () => {
    await expect(new Spaces(oracle.realtime(way)).get('team')).rejects.toMatchObject({ code: 40012 });
  });

  it('[OI2] Spaces.get rejects with 40012 for a client that may be anybody', async () => {
    const client = oracle.realtime(way, {
      authCallback: (_params, callback) => callback(null, oracle.jwt({ 'x-ably-clientId': '*' })),
    });
    await expect(new Spaces(client).get('team')).rejects.toMatchObject({ code: 40012 });
  });

  it('[OI3] enter rejects when the token lacks presence', async () => {
    const client = oracle.realtime(way, {
      authCallback: (_params, callback) =>
        callback(
          null,
          oracle.jwt({
            'x-ably-clientId': 'ada',
            'x-ably-capability': JSON.stringify({ 'team::*': ['subscribe', 'history'] }),
          }),
        ),
    });
    const space = await new Spaces(client).get('team');
    await expect(space.enter()).rejects.toMatchObject({ code: 40160 });
  });

  it('[OI4] a token of the auth server decides who one is, whatever the page would like to be', async () => {
    const client = oracle.realtime(way, {
      authCallback: (_params, callback) => callback(null, oracle.jwt({ 'x-ably-clientId': 'ada' })),
    });
    const space = await new Spaces(client).get(`identity-${way}`);
    await space.enter({ name: 'I say I am Eve' });
    expect((await space.members.getSelf())?.clientId).toBe('ada');
  });

  it('[OI5] spaces.connection is the connection of the client, and get rejects when it has failed', async () => {
    const client = oracle.realtime(way, { key: 'this.is:wrong', clientId: 'ada' });
    const spaces = new Spaces(client);
    expect(spaces.connection).toBe(client.connection);
    await expect(spaces.get('team')).rejects.toMatchObject({ code: 40101 });
    await inState(spaces.connection as typeof client.connection, 'failed');
  });
});
