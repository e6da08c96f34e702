import { Action, type Message } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { ProtocolClient } from '../faults/protocolClient.ts';
import { crowds, startScene } from './scene.ts';

const everything = 'filters.key1:a-secret-that-is-long-enough';
const scene = await startScene({
  apps: [{ id: 'filters', keys: [{ key: everything, capability: { '[*]*': ['*'] } }] }],
});
const derived = (expression: string) => `[filter=${Buffer.from(expression).toString('base64')}]victims`;
const connect = () => ProtocolClient.connected(scene.port, { key: everything });

/** Headers that are dear to look at: long, and nearly what is looked for at each place. */
const dear: Message = {
  data: 'dear',
  extras: { headers: { text: 'a'.repeat(40_000), part: `${'a'.repeat(18_000)}b` } },
};

describe('filters made to be slow', () => {
  it.each([
    ['100 KB of it', `name == '${'x'.repeat(100_000)}'`],
    ['nested 500 deep', `${'('.repeat(500)}name${')'.repeat(500)}`],
    ['quotes that do not end', `"${'\\"'.repeat(500)}`],
    ['backticks that do not end', '`\\'.repeat(500)],
    ['nothing but operators', '!&&||'.repeat(200)],
  ])('[attack 65] %s: an ERROR of its channel with 40010, and the connection goes on', async (_, expression) => {
    for (const crowd of crowds) {
      const clients = await Promise.all(Array.from({ length: crowd }, connect));
      await scene.served(() =>
        Promise.all(
          clients.map(async (client) => {
            client.send({ action: Action.ATTACH, channel: derived(expression) });
            const { error } = await client.next(Action.ERROR);
            expect(error?.code).toBe(40010);
            await client.ping('alive');
          }),
        ),
      );
      await Promise.all(clients.map((client) => client.close()));
    }
  });

  it('[attack 65] a filter of each client of its own, and headers that make all of them work: others are served', async () => {
    for (const crowd of crowds) {
      const clients = await Promise.all(Array.from({ length: crowd }, connect));
      await Promise.all(
        clients.map((client, index) =>
          client.attach(derived(`${'contains(headers.text,headers.part)||'.repeat(26)}name=='${index}'`)),
        ),
      );
      const publisher = await connect();
      await scene.served(async () => {
        for (let msgSerial = 0; msgSerial < 20; msgSerial++) {
          publisher.send({ action: Action.MESSAGE, channel: 'victims', msgSerial, messages: [dear] });
        }
        publisher.send({
          action: Action.MESSAGE,
          channel: 'victims',
          msgSerial: 20,
          messages: [{ name: '0', data: 'cheap' }],
        });
        await clients[0]?.next(Action.MESSAGE);
        await publisher.ping('done');
      });
      expect(clients[0]?.data(derived(`${'contains(headers.text,headers.part)||'.repeat(26)}name=='0'`))).toEqual([
        'cheap',
      ]);
      await Promise.all([publisher, ...clients].map((client) => client.close()));
    }
  });
});
