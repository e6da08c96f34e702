import OfficialDefault, { type Space as OfficialSpace } from '@ably/spaces';
import Ours from '@parvis/spaces';
import { Ephemeral } from '@parvis/spaces/extras';
import type * as Ably from 'ably';
import { describe, expect, it } from 'vitest';
import { formats, startOracle, until } from '../oracle/harness.ts';

const OfficialSpaces = (OfficialDefault as unknown as { default?: typeof OfficialDefault }).default ?? OfficialDefault;
const oracle = await startOracle();
let count = 0;

/** The next connection of the client is a new one: it has nothing to resume with. */
async function reconnectAnew(client: Ably.Realtime): Promise<void> {
  const { connectionManager: manager } = client.connection as unknown as {
    connectionManager: { connectionKey?: string; activeProtocol: { transport: { disconnect(): void } } };
  };
  const { id } = client.connection;
  delete manager.connectionKey;
  manager.activeProtocol.transport.disconnect();
  await until('a new connection', () => client.connection.state === 'connected' && client.connection.id !== id);
}

describe.each(formats)('%s', (format) => {
  it('[SF26] a forced new connection id leaves one member with profile, location and locks', async () => {
    const name = `recovery-${++count}`;
    const client = oracle.realtime(format, { clientId: 'ada' });
    const ada = await new Ours(client).get(name);
    const bob = await new Ours(oracle.realtime(format, { clientId: 'bob' })).get(name);
    const eve: OfficialSpace = await new OfficialSpaces(oracle.realtime(format, { clientId: 'eve' })).get(name);
    await ada.enter({ name: 'Ada' });
    await bob.enter();
    await eve.enter();
    await ada.locations.set({ card: 1 });
    await ada.locks.acquire('card');
    await until('the lock', () => bob.locks.get('card') !== undefined && eve.locks.get('card') !== undefined);
    const before = ada.connectionId;
    await reconnectAnew(client);
    const id = client.connection.id;
    expect(id).not.toBe(before);
    const isBack = () => bob.members.snapshot.some(({ connectionId, location }) => connectionId === id && location);
    await until('the member under its new id', isBack);
    const adas = bob.members.snapshot.filter(({ clientId, isConnected }) => clientId === 'ada' && isConnected);
    expect(adas).toMatchObject([{ connectionId: id, profileData: { name: 'Ada' }, location: { card: 1 } }]);
    expect((await ada.members.getAll()).filter(({ clientId }) => clientId === 'ada')).toHaveLength(1);
    const isHeldAgain = () =>
      bob.locks.get('card')?.member.connectionId === id && eve.locks.get('card')?.member.connectionId === id;
    await until('the lock under the new id', isHeldAgain, 30_000);
    expect((await eve.members.getAll()).filter(({ connectionId }) => connectionId === id)).toMatchObject([
      { isConnected: true, profileData: { name: 'Ada' }, location: { card: 1 } },
    ]);
  }, 60_000);

  it('[SF21] ephemeral events arrive and are in no history', async () => {
    const name = `events-${++count}`;
    const ada = await new Ours(oracle.realtime(format, { clientId: 'ada' })).get(name);
    const bob = await new Ours(oracle.realtime(format, { clientId: 'bob' })).get(name);
    await ada.enter();
    const [from, to] = [new Ephemeral<{ reaction: string }>(ada), new Ephemeral<{ reaction: string }>(bob)];
    const seen: string[] = [];
    to.subscribe('reaction', ({ data }) => seen.push(data));
    await until('listening', () => to.channel.state === 'attached');
    await from.send('reaction', 'yes');
    await until('the reaction', () => seen.length > 0);
    expect(seen).toEqual(['yes']);
    expect((await to.channel.history()).items).toEqual([]);
  });
});
