import { Action, codecs, Flag, type ProtocolMessage } from '@parvis/protocol';
import { clientFrame } from '@parvis/testing';
import { afterAll, describe, expect, it } from 'vitest';
import { ProtocolClient } from '../faults/protocolClient.ts';
import { RawSocket } from './rawSocket.ts';
import { startScene } from './scene.ts';

const scene = await startScene({ limits: { maxInboundRate: 0 } });
const COUNT = 5_000;
/** Who open their sockets at the same time before the storm; in the storm it is all of them. */
const AT_ONCE = 250;
const BOUND_MS = 60_000;
const TEXT = 1;
const missed = ['one', 'two', 'three'];

/** One of the crowd: a raw socket, and what a client keeps for its resume. */
class Drifter {
  raw: RawSocket | undefined;
  connectionId = '';
  key = '';
  channelSerial = '';

  /** Connects anew or goes on, attaches, and resolves with ATTACHED and what comes behind it. */
  async come(index: number): Promise<ProtocolMessage[]> {
    const resume = this.key === '' ? '' : `&resume=${this.key}`;
    const [raw] = await RawSocket.upgraded(scene.port, `${scene.path}&clientId=c${index}${resume}`, [], BOUND_MS);
    this.raw = raw;
    const { channelSerial } = this;
    const attach = { action: Action.ATTACH, channel: 'storm', ...(channelSerial === '' ? {} : { channelSerial }) };
    raw.write(clientFrame(TEXT, codecs.json.encode(attach)));
    const expected = channelSerial === '' ? 2 : 2 + missed.length;
    await raw.until('ATTACHED and what was missed', () => raw.frames.length >= expected, BOUND_MS);
    const [connected, ...rest] = raw.frames.map(({ payload }) => codecs.json.decode(payload));
    this.connectionId = connected?.connectionId ?? '';
    this.key = connected?.connectionDetails?.connectionKey ?? '';
    this.channelSerial = rest[0]?.channelSerial ?? '';
    return rest;
  }

  cut(): void {
    this.raw?.destroy();
  }
}

describe('a storm of clients that come back', () => {
  const crowd = Array.from({ length: COUNT }, () => new Drifter());
  afterAll(() => crowd.forEach((one) => void one.cut()));

  it(
    `[attack 43] ${COUNT} sockets cut at once are all back where they were, and miss nothing; others are served meanwhile`,
    async () => {
      const publisher = await ProtocolClient.connected(scene.port, { key: scene.key });
      for (let start = 0; start < COUNT; start += AT_ONCE) {
        await Promise.all(crowd.slice(start, start + AT_ONCE).map((one, index) => one.come(start + index)));
      }
      const ids = crowd.map(({ connectionId }) => connectionId);
      expect(new Set(ids).size).toBe(COUNT);

      const sockets = crowd.map(({ raw }) => raw);
      for (const one of crowd) one.cut();
      await Promise.all(sockets.map((raw) => raw?.closed));
      for (const [serial, data] of missed.entries()) {
        publisher.publish('storm', serial, data);
        await publisher.when(`ACK ${serial}`, ({ action, msgSerial }) => action === Action.ACK && msgSerial === serial);
      }

      const started = performance.now();
      const back = await scene.served(() => Promise.all(crowd.map((one, index) => one.come(index))));
      console.log(`${COUNT} clients were back ${Math.round(performance.now() - started)} ms after the storm began`);
      expect(crowd.map(({ connectionId }) => connectionId)).toEqual(ids);
      for (const [attached, ...messages] of back) {
        expect(attached).toMatchObject({ action: Action.ATTACHED, channel: 'storm' });
        expect((attached?.flags ?? 0) & Flag.RESUMED).toBe(Flag.RESUMED);
        expect(messages.flatMap((frame) => frame.messages ?? []).map(({ data }) => data)).toEqual(missed);
      }
      await publisher.close();
    },
    2 * BOUND_MS,
  );
});
