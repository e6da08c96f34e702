import { Action } from '@parvis/protocol';
import { delayingStore, seededRandom } from '@parvis/testing';
import type { ChannelStateChange, Realtime } from 'ably';
import { createLocalEngine, createMemoryStore, systemClock } from 'parvis/engine';
import { afterAll, describe, expect, it } from 'vitest';
import { type Format, formats, type Oracle, startOracle, until } from '../oracle/harness.ts';
import { CutPlan, type CutPoint, publisherCuts, subscriberCuts } from './cutPlan.ts';
import { FrameProxy } from './frameProxy.ts';

/** One server that stores at once, and one whose storage takes its time, so that cuts fall between storing and answering. */
const slowly = delayingStore(createMemoryStore(), seededRandom('storage delays'));
const oracles: Readonly<Record<Format, Oracle>> = {
  json: await startOracle(),
  msgpack: await startOracle({ engine: createLocalEngine({ store: slowly, clock: systemClock }) }),
};
const PUBLISHES = 1_000;
/** Publishes on their way at once. */
const WINDOW = 8;
/** Publishes for each cut, so that messages are on their way at all of them. */
const SHARE = 50;
const proxies: FrameProxy[] = [];
afterAll(() => Promise.all(proxies.map((proxy) => proxy.close())));

/** An official client that gets to the server through a proxy which breaks at each of these points. */
async function cutClient(oracle: Oracle, format: Format, clientId: string, points: readonly CutPoint[]) {
  const proxy = await FrameProxy.to(oracle.server.port);
  proxies.push(proxy);
  const client = oracle.realtime(format, {
    port: proxy.port,
    authCallback: (_params, callback) => callback(null, oracle.jwt({ 'x-ably-clientId': clientId })),
    // An attempt that breaks before CONNECTED is tried again after this time instead of 15 seconds.
    disconnectedRetryTimeout: 20,
  });
  const plan = new CutPlan(proxy, points, (point) => {
    if (point.action === Action.AUTH) renew(client);
  });
  return { client, plan };
}

/** Renews the token when the client is connected again: its AUTH is what the plan waits for. */
function renew(client: Realtime): void {
  client.connection.once('connected', () => client.auth.authorize().catch(() => {}));
}

describe('1,000 publishes over connections that break 20 times', () => {
  it('[FZ10] each acknowledged message arrives once and in order at a subscriber that is cut as well', async () => {
    // Most of the time goes by in the clients, which wait a second before they connect again: the formats share it.
    await Promise.all(formats.map(publishThroughCuts));
  }, 90_000);

  async function publishThroughCuts(format: Format): Promise<void> {
    const name = `cut-${format}`;
    const other = format === 'json' ? 'msgpack' : 'json';
    const publisher = await cutClient(oracles[format], format, 'ada', publisherCuts);
    const subscriber = await cutClient(oracles[format], other, 'bob', subscriberCuts);
    const received: number[] = [];
    const lost: ChannelStateChange[] = [];
    const channel = subscriber.client.channels.get(name);
    await channel.subscribe((message) => received.push(Number(message.data)));
    const source = publisher.client.channels.get(name);
    await source.attach();
    for (const each of [channel, source]) {
      each.on(['attached', 'update'], (change) => {
        if (!change.resumed) lost.push(change);
      });
    }

    const due = () => SHARE * (1 + Math.min(publisher.plan.done.length, subscriber.plan.done.length));
    const acked: number[] = [];
    const failed: unknown[] = [];
    let sent = 0;
    const work = async () => {
      while (sent < PUBLISHES) {
        await until(`the cuts before message ${sent}`, () => sent < due() || sent === PUBLISHES, 30_000);
        if (sent === PUBLISHES) return;
        const i = sent++;
        await source.publish('n', String(i)).then(
          () => acked.push(i),
          (failure) => failed.push(failure),
        );
      }
    };
    await Promise.all(Array.from({ length: WINDOW }, work));
    await until('the last message', () => received.includes(PUBLISHES - 1), 15_000);

    expect([publisher.plan.left, subscriber.plan.left]).toEqual([0, 0]);
    expect(failed).toEqual([]);
    expect(acked).toHaveLength(PUBLISHES);
    expect(lost).toEqual([]);
    expect(received).toEqual(Array.from({ length: PUBLISHES }, (_, i) => i));
  }
});
