import { Action, Flag, type ProtocolMessage } from '@parvis/protocol';
import { clientFrame } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import { identityOf, ProtocolClient } from '../faults/protocolClient.ts';
import { RawSocket } from './rawSocket.ts';
import { startScene } from './scene.ts';

/** Bytes that may wait for one client. The kernel takes some megabytes before anything waits at all. */
const HARD = 4 * 1024 * 1024;
const scene = await startScene({ limits: { softBacklog: 64 * 1024, hardBacklog: HARD, maxInboundRate: 0 } });
const PAYLOAD = 60_000;
/** Publishes after which every kernel must have had enough. */
const MOST = 2_000;
let channels = 0;

/** Clients that were sent away because too much waited for them: the log tells of each. */
const sentAway = () => scene.lines.filter((line) => line.includes('"code":80020')).length;

describe('a client that stops reading on a busy channel', () => {
  it.each([1, 5])(
    '[attack 42] %i of them are sent away at their budget, and their peers get everything',
    async (count) => {
      const { slow, peer, channel, published } = await overrun(count);
      await peer.when('the last message', isMessage(published - 1));
      expect(peer.data(channel).map(Number)).toEqual(upTo(published));
      for (const { raw } of slow) raw.destroy();
      await peer.close();
    },
  );

  it('[attack 42] one that reads again is told why it was sent away, and goes on without a loss', async () => {
    const { slow, peer, channel, published } = await overrun(1);
    for (const { raw, connectionKey } of slow) {
      raw.socket.resume();
      await raw.until('the reason', () => raw.errorCodes.length > 0);
      expect(raw.errorCodes).toEqual([80020]);
      const got = messagesOf(raw);
      raw.destroy();
      const again = await resumed(connectionKey);
      const attached = await again.attach(channel, { channelSerial: got.at(-1)?.channelSerial ?? '' });
      expect((attached.flags ?? 0) & Flag.RESUMED).toBe(Flag.RESUMED);
      await again.when('the last message', isMessage(published - 1));
      const numbers = got.map(({ messages }) => Number(messages?.[0]?.data));
      expect([...numbers, ...again.data(channel).map(Number)]).toEqual(upTo(published));
      await again.close();
    }
    await peer.close();
  });

  it('[attack 42] one that comes back without having read what waited is told that it has missed too much', async () => {
    const { slow, peer, channel } = await overrun(1);
    for (const { raw, connectionKey, position } of slow) {
      raw.destroy();
      const again = await resumed(connectionKey);
      const attached = await again.attach(channel, { channelSerial: position });
      expect((attached.flags ?? 0) & Flag.RESUMED).toBe(0);
      expect(attached.error).toMatchObject({ code: 90004, statusCode: 404 });
      await again.close();
    }
    await peer.close();
  });
});

/** Publishes until each of some clients that read nothing has been sent away, and once more. */
async function overrun(count: number) {
  const channel = `busy-${++channels}`;
  const peer = await ProtocolClient.connected(scene.port, { key: scene.key });
  await peer.attach(channel);
  const publisher = await ProtocolClient.connected(scene.port, { key: scene.key, format: 'msgpack' });
  const slow = await Promise.all(Array.from({ length: count }, () => stopsReading(channel)));
  const before = sentAway();
  let published = 0;
  await scene.served(async () => {
    for (; published < MOST && sentAway() < before + count; published++) await publish(publisher, channel, published);
  });
  expect(published).toBeLessThan(MOST);
  await publish(publisher, channel, published++);
  await publisher.close();
  return { slow, peer, channel, published };
}

async function resumed(connectionKey: string): Promise<ProtocolClient> {
  const client = await ProtocolClient.connected(scene.port, { key: scene.key, resume: connectionKey });
  expect((await client.next(Action.CONNECTED)).error).toBeUndefined();
  return client;
}

const upTo = (end: number) => Array.from({ length: end }, (_, i) => i);

const isMessage = (number: number) => (frame: ProtocolMessage) => Number(frame.messages?.[0]?.data) === number;

async function publish(client: ProtocolClient, channel: string, serial: number): Promise<void> {
  client.publish(channel, serial, String(serial).padEnd(PAYLOAD));
  await client.when(`ACK of ${serial}`, ({ action, msgSerial }) => action === Action.ACK && msgSerial === serial);
  client.clear();
}

/** Attaches, and reads nothing from then on. */
async function stopsReading(channel: string): Promise<{ raw: RawSocket; connectionKey: string; position: string }> {
  const [raw] = await RawSocket.upgraded(scene.port, scene.path);
  await raw.until('CONNECTED', () => raw.frames.length > 0);
  const { connectionKey } = identityOf(JSON.parse(raw.frames[0]?.payload.toString() ?? ''));
  raw.write(clientFrame(1, JSON.stringify({ action: Action.ATTACH, channel })));
  await raw.until('ATTACHED', () => raw.frames.length > 1);
  raw.socket.pause();
  const attached = JSON.parse(raw.frames[1]?.payload.toString() ?? '') as ProtocolMessage;
  return { raw, connectionKey, position: attached.channelSerial ?? '' };
}

function messagesOf(raw: RawSocket): ProtocolMessage[] {
  return raw.frames
    .filter(({ opcode }) => opcode === 1)
    .map(({ payload }) => JSON.parse(payload.toString()) as ProtocolMessage)
    .filter(({ action }) => action === Action.MESSAGE);
}
