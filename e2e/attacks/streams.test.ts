import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { StreamReader } from '../../packages/server/test/streamReader.ts';
import { ProtocolClient } from '../faults/protocolClient.ts';
import { memoryUsed, settledAt } from './memory.ts';
import { RawSocket } from './rawSocket.ts';
import { crowds, offend, startScene } from './scene.ts';

const patience = { timeout: 10_000, interval: 20 };
const HARD = 4 * 1024 * 1024;
const scene = await startScene({ limits: { softBacklog: 64 * 1024, hardBacklog: HARD, maxInboundRate: 0 } });
const url = `http://127.0.0.1:${scene.port}`;
const path = (query: Record<string, string>) => `/sse?${new URLSearchParams({ v: '1.2', key: scene.key, ...query })}`;
const COUNT = 4_000;

const gauge = async () => {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^parvis_streams\{.*\} (.*)$/m.exec(text)?.[1] ?? 0);
};
/** Clients that were sent away because too much waited for them: the log tells of each. */
const sentAway = () => scene.lines.filter((line) => line.includes('"code":80020')).length;

async function publish(channel: string, data: string): Promise<void> {
  const { status } = await fetch(`${url}/channels/${channel}/messages?key=${scene.key}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ data }),
  });
  expect(status).toBe(201);
}

describe('ids of streams', () => {
  const serial = (ms: number) => `${String(ms).padStart(14, '0')}-000000`;
  const garbage = [
    '0',
    '-1',
    'null',
    '__proto__',
    'constructor~toString',
    'x'.repeat(16_000),
    '~'.repeat(5_000),
    `abcdef${serial(1)}@`,
    `${serial(1)}@epoch`,
    'e026fVXliBNCnM:1556806691343-0',
    '%00%0d%0aX-Injected:%201',
  ];

  it.each(crowds)('[attack 60] garbage is told as such, and never silence (%i at once)', async (count) => {
    await scene.served(() =>
      offend(count, async (index) => {
        const reader = await StreamReader.open(
          url,
          path({ channels: 'a,b', lastEvent: garbage[index % garbage.length] ?? '' }),
        );
        expect(reader.status).toBe(200);
        const told = (await reader.some(2, 'error')).map((text) => JSON.parse(text));
        expect(told.map(({ code, channel }) => [code, channel])).toEqual([
          [90005, 'a'],
          [90005, 'b'],
        ]);
        expect(reader.data()).toEqual([]);
        await reader.leave();
      }),
    );
  });

  it('[attack 60] a place of the future or of another server is told as such, and what comes from now on is read', async () => {
    await publish('secret', 'before');
    const reader = await StreamReader.open(url, path({ channels: 'secret', rewind: '1' }));
    await reader.some(1);
    const id = reader.events[0]?.id ?? '';
    const [mark = '', rest = ''] = [id.slice(0, 6), id.slice(6)];
    const places = [`${mark}${rest.replace(/^\d{14}/, '99999999999999')}`, `${mark}${rest.replace(/@.*/, '@another')}`];
    for (const lastEvent of places) {
      const again = await StreamReader.open(url, path({ channels: 'secret', lastEvent }));
      const [told] = await again.some(1, 'error');
      expect([90003, 90005]).toContain(JSON.parse(told ?? '{}').code);
      await publish('secret', 'now');
      expect((await again.some(1)).map((text) => JSON.parse(text).data)).toEqual(['now']);
      await again.leave();
    }
    await reader.leave();
  });
});

describe('streams that nobody reads', () => {
  it('[attack 60] one is ended at its budget, and its peers of either kind get everything', async () => {
    const raw = await RawSocket.open(scene.port);
    raw.write(`GET ${path({ channels: 'busy' })} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await raw.until('the stream', () => raw.text.includes('text/event-stream'));
    const peer = await StreamReader.open(url, path({ channels: 'busy', rewind: '100' }));
    const client = await ProtocolClient.connected(scene.port, { key: scene.key });
    await client.attach('busy');
    raw.socket.pause();
    const before = sentAway();
    let published = 0;
    await scene.served(async () => {
      for (; sentAway() === before; published++) {
        expect(published).toBeLessThan(2_000);
        await publish('busy', String(published).padEnd(60_000));
      }
    });
    const all = Array.from({ length: published }, (_, i) => i);
    await peer.some(published);
    expect(peer.data().map((text) => Number(JSON.parse(text).data))).toEqual(all);
    await client.when(
      'the last',
      ({ action, messages }) => action === Action.MESSAGE && Number(messages?.[0]?.data) === published - 1,
    );
    expect(client.data('busy').map(Number)).toEqual(all);
    raw.destroy();
    await peer.leave();
    await client.close();
  });

  it('[attack 60] thousands of them cost a bounded memory each, and are gone when their clients are', async () => {
    await expect.poll(gauge, patience).toBe(0);
    const memory = memoryUsed();
    const raws: RawSocket[] = [];
    await scene.served(async () => {
      await offend(20, async () => {
        for (let i = 0; i < COUNT / 20; i++) {
          const raw = await RawSocket.open(scene.port);
          raws.push(raw);
          raw.write(`GET ${path({ channels: 'quiet' })} HTTP/1.1\r\nHost: x\r\n\r\n`);
          await raw.until('the stream', () => raw.text.includes('text/event-stream'));
          raw.socket.pause();
        }
      });
      expect(await gauge()).toBe(COUNT);
      await publish('quiet', 'x'.repeat(10_000));
      // The far ends of the sockets are in this process, too.
      expect((memoryUsed() - memory) / COUNT, 'bytes of a stream').toBeLessThan(60_000);
    });
    for (const raw of raws) raw.destroy();
    await expect.poll(gauge, patience).toBe(0);
    raws.length = 0;
    await settledAt(memory + 20_000_000);
  }, 60_000);
});
