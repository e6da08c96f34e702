import { Action, codecs } from '@parvis/protocol';
import { Rest } from 'ably';
import { describe, expect, it } from 'vitest';
import { ProtocolClient } from '../faults/protocolClient.ts';
import { startScene } from './scene.ts';
import { formats, nested, Stage } from './stage.ts';

const badNames: [title: string, name: string][] = [
  ['empty', ''],
  ['too long', 'x'.repeat(65_536)],
  ['a leading colon', ':a'],
  ['a leading comma', ',a'],
  ['a leading bracket', '[a'],
  ['a leading space', ' a'],
  ['a line break', 'a\r\nb'],
  ['a line separator', 'a\u2028b'],
  ['NUL', 'a\0b'],
  ['a control character', 'a\u009bb'],
  ['a dot segment', '..'],
];

describe('channel names that are none', () => {
  it.each(badNames)(
    '[attack 33] %s: ATTACH is an ERROR, publish and presence a NACK with 40010, DETACH is answered',
    async (_title, name) => {
      for (const format of formats) {
        const stage = await Stage.set();
        const client = stage.connect(format, { clientId: 'ada' });
        await stage.settle();
        client.clear();
        client.attach(name);
        client.publish(name, { data: 'x' });
        client.presence(name, { action: 2 });
        client.send({ action: Action.SYNC, channel: name });
        client.send({ action: Action.DETACH, channel: name });
        client.publish('room', { data: 'the connection goes on' });
        await stage.settle();
        expect(client.one(Action.ERROR).channel).toBe(name);
        expect(client.error(Action.ERROR).code).toBe(40010);
        expect(client.all(Action.NACK).map(({ error }) => error?.code)).toEqual([40010, 40010]);
        expect(client.one(Action.DETACHED).channel).toBe(name);
        expect(client.one(Action.ACK).msgSerial).toBe(2);
        await stage.isServed();
      }
    },
  );

  it('[attack 33] names that only look like paths or escapes are names like any other', async () => {
    const stage = await Stage.set();
    const names = ['a%2Fb', 'a%252Fb', 'a/../b', 'a/b', '../b', 'a?b#c', 'a\\b', "a'; --", '%00', '*', 'a:*', '{x}'];
    for (const format of formats) {
      const clients = await Promise.all(names.map((name) => stage.attached(format, name)));
      const publisher = stage.connect(format);
      for (const name of names) publisher.publish(name, { data: name });
      await stage.settle();
      for (const [i, client] of clients.entries()) {
        expect(client.all(Action.MESSAGE).flatMap(({ messages }) => messages?.map(({ data }) => data))).toEqual([
          names[i],
        ]);
        client.send({ action: Action.CLOSE });
      }
    }
  });
});

const lookAlikes = [
  ['caf\u00e9', 'cafe\u0301'],
  ['K', '\u212a', 'k'],
  ['room', 'room\u200b', 'room\u200f', '\u200froom', 'room\ufeff', 'room '],
  ['room1', 'room\uff11', 'room\u0661'],
  ['\ufb01', 'fi'],
  ['\u0430', 'a'],
  ['I', 'i', '\u0131', '\u0130'],
];

describe('names that look alike', () => {
  it.each(lookAlikes)('[attack 34] %j and those like it are names of their own, never folded', async (...names) => {
    for (const format of formats) {
      const stage = await Stage.set();
      const clients = await Promise.all(
        names.map(async (name) => {
          const client = stage.connect(format, { clientId: name });
          client.attach(name);
          return client;
        }),
      );
      await stage.settle();
      for (const client of clients) {
        client.presence(names[clients.indexOf(client)] ?? '', { action: 2 });
        client.publish(names[clients.indexOf(client)] ?? '', { name: 'n', data: 'x' });
      }
      await stage.settle();
      for (const [i, client] of clients.entries()) {
        expect(client.one(Action.MESSAGE).channel).toBe(names[i]);
        expect(client.one(Action.MESSAGE).messages?.[0]?.clientId).toBe(names[i]);
        expect(client.one(Action.PRESENCE).presence?.[0]?.clientId).toBe(names[i]);
      }
    }
  });
});

const scene = await startScene();
const restOf = (useBinaryProtocol: boolean) =>
  new Rest({ key: scene.key, endpoint: '127.0.0.1', port: scene.port, tls: false, useBinaryProtocol });

describe('over REST', () => {
  it.each([true, false])('[attack 34] look-alikes have histories of their own, binary %s', async (binary) => {
    const rest = restOf(binary);
    for (const [i, name] of lookAlikes.flat().entries())
      await rest.channels.get(`${binary}${name}`).publish('n', String(i));
    for (const [i, name] of lookAlikes.flat().entries()) {
      const { items } = await rest.channels.get(`${binary}${name}`).history();
      expect(items.map(({ data }) => data)).toEqual([String(i)]);
    }
  });

  it.each([true, false])(
    '[attack 14] a value at the limit of depth can be read back from history, binary %s',
    async (binary) => {
      const channel = `deep-${binary}`;
      const extras = { headers: nested(60) };
      const frame = { action: 15, channel, msgSerial: 0, messages: [{ data: 'deep', extras }] };
      const client = await ProtocolClient.connected(scene.port, {
        key: scene.key,
        format: binary ? 'msgpack' : 'json',
      });
      client.sendRaw(binary ? codecs.msgpack.encodeValue(frame) : JSON.stringify(frame));
      await client.next(Action.ACK);
      const { items } = await restOf(binary).channels.get(channel).history();
      expect(items[0]?.extras).toEqual(extras);
      await client.close();
    },
  );
});
