import { Action } from '@parvis/protocol';
import type { ClientOptions, PresenceMessage, Realtime, RealtimeChannel } from 'ably';
import { afterAll, describe, expect, it } from 'vitest';
import { type Format, formats, startOracle, until } from '../oracle/harness.ts';
import { CutPlan, type CutPoint } from './cutPlan.ts';
import { FrameProxy } from './frameProxy.ts';

const oracle = await startOracle();
const proxies: FrameProxy[] = [];
afterAll(() => Promise.all(proxies.map((proxy) => proxy.close())));

/** Where members are cut off: each of them at all of these, one after the other. */
const memberCuts: readonly (readonly CutPoint[])[] = [
  [
    { direction: 'up', action: Action.PRESENCE, nth: 2, how: 'cutAfter' },
    { direction: 'down', action: Action.SYNC, nth: 1, how: 'cutInside' },
    { direction: 'down', action: Action.ACK, nth: 2, how: 'cutBefore' },
    { direction: 'down', action: Action.ATTACHED, nth: 1, how: 'cutAfter' },
    { direction: 'up', action: Action.PRESENCE, nth: 3, how: 'cutInside' },
  ],
  [
    { direction: 'down', action: Action.PRESENCE, nth: 3, how: 'cutBefore' },
    { direction: 'up', action: Action.ATTACH, nth: 1, how: 'cutAfter' },
    { direction: 'up', action: Action.PRESENCE, nth: 2, how: 'cutBefore' },
    { direction: 'down', action: Action.CONNECTED, nth: 1, how: 'cutInside' },
    { direction: 'down', action: Action.PRESENCE, nth: 4, how: 'cutInside' },
  ],
];
const observerCuts: readonly CutPoint[] = [
  { direction: 'down', action: Action.PRESENCE, nth: 3, how: 'cutInside' },
  { direction: 'down', action: Action.SYNC, nth: 1, how: 'cutInside' },
  { direction: 'down', action: Action.ATTACHED, nth: 1, how: 'cutBefore' },
  { direction: 'down', action: Action.SYNC, nth: 1, how: 'cutAfter' },
  { direction: 'down', action: Action.PRESENCE, nth: 2, how: 'cutBefore' },
];

async function through(format: Format, clientId: string, points: readonly CutPoint[], more: ClientOptions = {}) {
  const proxy = await FrameProxy.to(oracle.server.port);
  proxies.push(proxy);
  const client = oracle.realtime(format, { port: proxy.port, clientId, disconnectedRetryTimeout: 20, ...more });
  return { client, proxy, plan: new CutPlan(proxy, points) };
}

/** Everybody in the presence set as a client sees it, as `name data`, in order. */
async function membersOf(channel: RealtimeChannel): Promise<string[]> {
  return (await channel.presence.get()).map(({ clientId, data }) => `${clientId} ${data}`).sort();
}

/** What a client is told of the members of a channel, event by event. */
async function watch(client: Realtime, name: string): Promise<PresenceMessage[]> {
  const events: PresenceMessage[] = [];
  await client.channels.get(name).presence.subscribe((event) => events.push(event));
  return events;
}

describe('presence over connections that break', () => {
  it('[FZ16] the set is true in the end, nobody leaves who is there, and who is gone leaves once', async () => {
    await Promise.all(formats.map(presentThroughCuts));
  }, 60_000);

  async function presentThroughCuts(format: Format): Promise<void> {
    const name = `presence-${format}`;
    const events = await watch(oracle.realtime(format), name);
    const observer = await through(format, 'observer', observerCuts);
    const seenByObserver = await watch(observer.client, name);
    const members = await Promise.all(memberCuts.map((points, i) => through(format, `member${i}`, points)));
    const everybody = [observer, ...members];
    const isDone = () => everybody.every(({ plan }) => plan.left === 0);

    let step = 0;
    await Promise.all(
      members.map(async ({ client }) => {
        const { presence } = client.channels.get(name);
        await presence.enter('0');
        while (!isDone()) await presence.update(String(++step));
        await presence.update('last');
      }),
    );

    const expected = ['member0 last', 'member1 last'];
    const channels = everybody.map(({ client }) => client.channels.get(name));
    await until('all to be told', () => events.filter(({ data }) => data === 'last').length === 2);
    // Who was cut off last is told when it is back.
    for (const channel of channels) await expect.poll(() => membersOf(channel), { timeout: 10_000 }).toEqual(expected);
    for (const seen of [events, seenByObserver]) expect(seen.filter(({ action }) => action === 'leave')).toEqual([]);
    expect(
      events
        .filter(({ action }) => action === 'enter')
        .map(({ clientId }) => clientId)
        .sort(),
    ).toEqual(['member0', 'member1']);
    expectRising(events, 'member0');
    expectRising(events, 'member1');

    // One says goodbye, one goes and asks to be remembered for a second only, and one stays.
    const short = await through(format, 'short', [], { transportParams: { remainPresentFor: 1_000 } });
    await short.client.channels.get(name).presence.enter('here');
    await members[0]?.client.channels.get(name).presence.leave('bye');
    short.proxy.refusing = true;
    short.proxy.cut();
    const leaves = () => events.filter(({ action }) => action === 'leave');
    await until('both leaves', () => leaves().length === 2);
    expect(leaves().map(({ clientId, data }) => `${clientId} ${data}`)).toEqual(['member0 bye', 'short here']);
    const left = ['member1 last'];
    await expect.poll(() => membersOf(observer.client.channels.get(name)), { timeout: 10_000 }).toEqual(left);
    const rest = await oracle.rest(format).channels.get(name).presence.get();
    expect(rest.items.map(({ clientId, data }) => `${clientId} ${data}`)).toEqual(left);
  }
});

/**
 * What one member says never goes back to an older state. It may be said twice: the official client sends an update whose
 * ACK was lost as a new one.
 */
function expectRising(events: readonly PresenceMessage[], clientId: string): void {
  const steps = events.flatMap(({ clientId: of, data }) => (of === clientId && data !== 'last' ? [Number(data)] : []));
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
}
