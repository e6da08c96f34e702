import type * as Ably from 'ably';
import { describe, expect, it } from 'vitest';
import { eventually, formats, inState, startOracle, until } from './harness.ts';

const oracle = await startOracle({ sandbox: true, limits: { occupancyIntervalMs: 50 } });

interface Metrics {
  readonly connections: number;
  readonly publishers: number;
  readonly presenceMembers: number;
}

/** A key of an app of its own, with the rights to everything: those to metachannels have to be named. */
async function keyToEverything(): Promise<string> {
  const body = JSON.stringify({ keys: [{ capability: JSON.stringify({ '[*]*': ['*'] }) }] });
  const headers = { 'content-type': 'application/json' };
  const made = await fetch(`${oracle.server.url}/apps`, { method: 'POST', headers, body });
  return ((await made.json()) as { keys: { keyStr: string }[] }).keys[0]?.keyStr ?? '';
}

const metricsOf = ({ data }: Ably.Message) => (data as { metrics: Metrics }).metrics;

describe.each(formats)('the official client asks who is there, in %s', (format) => {
  it('[OY18] is told the occupancy of a channel as it changes', async () => {
    const name = `occupancy-${format}`;
    const client = oracle.realtime(format, { clientId: 'ada' });
    const channel = client.channels.get(name, { params: { occupancy: 'metrics' } });
    const told: Metrics[] = [];
    const actions: string[] = [];
    await channel.subscribe('[meta]occupancy', (message) => {
      told.push(metricsOf(message));
      actions.push(message.action);
    });
    await until('own occupancy', () => told.length > 0);
    expect(told[0]).toMatchObject({ connections: 1, publishers: 1, presenceMembers: 0 });
    const member = oracle.realtime(format, { clientId: 'bob' });
    await member.channels.get(name).presence.enter();
    await until(
      'two connections and a member',
      () => told.at(-1)?.connections === 2 && told.at(-1)?.presenceMembers === 1,
    );
    member.close();
    await until('one connection', () => told.at(-1)?.connections === 1 && told.at(-1)?.presenceMembers === 0);
    expect(new Set(actions)).toEqual(new Set(['meta']));
  });

  it('[OY18] has its channel failed with 40160 without the right to metadata', async () => {
    const token = oracle.jwt({ 'x-ably-capability': JSON.stringify({ '*': ['subscribe', 'publish'] }) });
    const channel = oracle.realtime(format, { token }).channels.get('room', { params: { occupancy: 'metrics' } });
    await expect(channel.attach()).rejects.toMatchObject({ code: 40160, statusCode: 401 });
    expect(channel.state).toBe('failed');
  });

  it('[OY19] reads the status of a channel', async () => {
    const name = `status:${format} ü`;
    const client = oracle.realtime(format, { clientId: 'ada' });
    await client.channels.get(name).presence.enter();
    const details = await oracle.rest(format).channels.get(name).status();
    expect(details).toMatchObject({ channelId: name, status: { isActive: true } });
    expect(details.status.occupancy.metrics).toMatchObject({ connections: 1, presenceMembers: 1, subscribers: 1 });
    const absent = await oracle.rest(format).channels.get('absent').status();
    expect(absent.status).toMatchObject({ isActive: false, occupancy: { metrics: { connections: 0 } } });
  });

  it('[OY19] goes through the pages of active channels', async () => {
    const client = oracle.realtime(format);
    const names = ['a', 'b', 'c'].map((letter) => `enumerated-${format}:${letter}`);
    await Promise.all(names.map((name) => client.channels.get(name).attach()));
    const rest = oracle.rest(format);
    const params = { prefix: `enumerated-${format}:`, limit: '2' };
    const first = await rest.request('get', '/channels', 3, params);
    expect(first.items).toEqual(names.slice(0, 2));
    const second = await first.next();
    expect(second?.items).toEqual(names.slice(2));
    expect(second?.isLast()).toBe(true);
    const details = await rest.request('get', '/channels', 2, params);
    expect(details.items[0]).toMatchObject({ channelId: names[0], status: { isActive: true } });
  });

  it('[MT9] hears on a metachannel what happens in its app', async () => {
    const key = await keyToEverything();
    const ear = oracle.realtime(format, { key });
    const lifecycle = ear.channels.get('[meta]channel.lifecycle');
    const name = `lifecycle-${format}`;
    const opened = eventually<Ably.Message>('channel.opened', (resolve) => {
      void lifecycle.subscribe('channel.opened', (message) => {
        if (message.data.channelId === name) resolve(message);
      });
    });
    await lifecycle.attach();
    const client = oracle.realtime(format, { key });
    await client.channels.get(name).attach();
    expect((await opened).data).toMatchObject({ channelId: name, status: { isActive: true } });
    await expect(lifecycle.publish('channel.opened', {})).rejects.toMatchObject({ statusCode: 401 });
    await expect(oracle.rest(format, { key }).channels.get('[meta]log').publish('error', {})).rejects.toMatchObject({
      code: 40160,
    });
  });

  it('[SA16] reads what was counted of its app', async () => {
    const client = oracle.realtime(format);
    const name = `counted-${format}`;
    const channel = client.channels.get(name);
    const heard = eventually('message', (resolve) => void channel.subscribe(resolve));
    await channel.attach();
    await channel.publish('event', 'four');
    await heard;
    await inState(channel, 'attached');
    const page = await client.stats({ unit: 'hour' });
    const [stats] = page.items;
    expect(stats).toMatchObject({ unit: 'hour', appId: oracle.key.split('.')[0] });
    expect(stats?.inProgress).toMatch(/^\d{4}-\d\d-\d\d:\d\d:\d\d$/);
    expect(stats?.schema).toMatch(/^https:/);
    for (const entry of [
      'messages.inbound.realtime.messages.count',
      'messages.outbound.realtime.messages.data',
      'connections.all.peak',
      'channels.opened',
    ]) {
      // The hour may have turned meanwhile.
      const counted = page.items.map(({ entries }) => entries[entry] ?? 0);
      expect(Math.max(...counted)).toBeGreaterThan(0);
    }
  });

  it('[SA16] goes through the pages of statistics that were made up', async () => {
    const rest = oracle.rest(format);
    const year = format === 'json' ? 2001 : 2002;
    const fixtures = [3, 4, 5].map((minute) => ({
      intervalId: `${year}-02-03:15:0${minute}`,
      inbound: { realtime: { messages: { count: minute, data: 10 * minute } } },
    }));
    expect((await rest.request('post', '/stats', 3, undefined, fixtures)).success).toBe(true);
    const range = { start: Date.UTC(year, 1, 3, 15, 3), end: Date.UTC(year, 1, 3, 16) };
    const counts: (number | undefined)[] = [];
    let page: Ably.PaginatedResult<Ably.Stats> | null = await rest.stats({ ...range, limit: 1, direction: 'forwards' });
    while (page !== null) {
      counts.push(page.items[0]?.entries['messages.all.all.count']);
      page = page.hasNext() ? await page.next() : null;
    }
    expect(counts).toEqual([3, 4, 5]);
    const [month] = (await rest.stats({ ...range, unit: 'month' })).items;
    expect(month).toMatchObject({ intervalId: `${year}-02`, entries: { 'messages.inbound.all.messages.data': 120 } });
  });
});
