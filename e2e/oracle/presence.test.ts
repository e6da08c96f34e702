import type { PresenceMessage } from 'ably';
import { afterAll, describe, expect, it } from 'vitest';
import { CutProxy } from './cutProxy.ts';
import { inState, startOracle, until, ways } from './harness.ts';

const oracle = await startOracle({ limits: { presenceGraceMs: 1_000 } });
const proxy = await CutProxy.to(oracle.server.port);
afterAll(() => proxy.close());
let count = 0;
const fresh = (name: string) => `${name}-${++count}`;

describe.each(ways)('presence with the official client, %s', (way) => {
  it('[OE1] members see each other enter, update and leave', async () => {
    const name = fresh('room');
    const ada = oracle.realtime(way, { clientId: 'ada' }).channels.get(name);
    const bob = oracle.realtime(way, { clientId: 'bob' }).channels.get(name);
    const seen: [string | undefined, string, unknown][] = [];
    await bob.presence.subscribe((event) => seen.push([event.action, event.clientId, event.data]));
    await ada.presence.enter({ step: 1 });
    await ada.presence.update({ step: 2 });
    await ada.presence.leave({ step: 3 });
    await until('the leave', () => seen.some(([action]) => action === 'leave'));
    expect(seen).toEqual([
      ['enter', 'ada', { step: 1 }],
      ['update', 'ada', { step: 2 }],
      ['leave', 'ada', { step: 3 }],
    ]);
    expect(await bob.presence.get()).toEqual([]);
  });

  it('[OE2] 250 members on one connection are all synced to a newcomer', async () => {
    const name = fresh('crowd');
    const many = oracle.realtime(way).channels.get(name);
    await many.attach();
    await Promise.all(Array.from({ length: 250 }, (_, i) => many.presence.enterClient(`client${i}`, String(i))));
    const members = await oracle.realtime(way).channels.get(name).presence.get();
    expect(new Set(members.map(({ clientId }) => clientId)).size).toBe(250);
  });

  it('[OE3] a cut and resumed member is never seen to leave, and keeps its place', async () => {
    const name = fresh('cut');
    const client = oracle.realtime(way, { clientId: 'ada', port: proxy.port });
    const ada = client.channels.get(name);
    const bob = oracle.realtime(way, { clientId: 'bob' }).channels.get(name);
    await ada.presence.enter('here');
    const events: PresenceMessage[] = [];
    await bob.presence.subscribe((event) => events.push(event));
    await bob.presence.enter('me');
    proxy.cut();
    await inState(client.connection, 'disconnected');
    await inState(client.connection, 'connected');
    await inState(ada, 'attached');
    await ada.presence.update('still here');
    await until('the update', () => events.some(({ data }) => data === 'still here'));
    expect(events.filter(({ clientId, action }) => clientId === 'ada' && action === 'leave')).toEqual([]);
    expect((await bob.presence.get()).map(({ clientId, data }) => [clientId, data]).sort()).toEqual([
      ['ada', 'still here'],
      ['bob', 'me'],
    ]);
  });

  it('[OE4] a member whose client vanishes leaves after the grace period, with its last data', async () => {
    const name = fresh('gone');
    const client = oracle.realtime(way, { clientId: 'ada', port: proxy.port });
    const ada = client.channels.get(name);
    const bob = oracle.realtime(way, { clientId: 'bob' }).channels.get(name);
    await ada.presence.enter('last words');
    const left: unknown[] = [];
    await bob.presence.subscribe('leave', (event) => left.push(event.data));
    proxy.refusing = true;
    proxy.cut();
    await until('the leave', () => left.length > 0);
    proxy.refusing = false;
    expect(left).toEqual(['last words']);
  });

  it('[OE5] REST shows members and presence history', async () => {
    const name = fresh('rest');
    const ada = oracle.realtime(way, { clientId: 'ada' }).channels.get(name);
    await ada.presence.enter({ x: 1 });
    await ada.presence.update({ x: 2 });
    const rest = oracle.rest(way).channels.get(name);
    const members = await rest.presence.get({ clientId: 'ada' });
    expect(members.items.map(({ action, data }) => [action, data])).toEqual([['present', { x: 2 }]]);
    const history = await rest.presence.history({ direction: 'forwards' });
    expect(history.items.map(({ action, data }) => [action, data])).toEqual([
      ['enter', { x: 1 }],
      ['update', { x: 2 }],
    ]);
  });

  it('[OE6] nobody enters as somebody else', async () => {
    const ada = oracle.realtime(way, { clientId: 'ada' }).channels.get(fresh('spoof'));
    await expect(ada.presence.enterClient('eve')).rejects.toMatchObject({ code: 40012 });
  });
});
