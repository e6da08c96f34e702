import Ably from 'ably';
import { describe, expect, it } from 'vitest';
import { Action, Flag, Mode, modeMask, parseModes } from './index.ts';

interface ClientProtocolMessage {
  flags?: number;
  encodeModesToFlags(modes: string[]): void;
  decodeModesFromFlags(): string[] | undefined;
}
const { ProtocolMessage } = Ably.Realtime as unknown as { ProtocolMessage: new () => ClientProtocolMessage };

describe('channel modes', () => {
  it('[WP37] have the bits that the official client gives them', () => {
    for (const [name, bit] of Object.entries(Mode)) {
      const frame = new ProtocolMessage();
      frame.encodeModesToFlags([name]);
      expect([name, frame.flags]).toEqual([name, bit]);
      expect(frame.decodeModesFromFlags()).toEqual([name]);
    }
    expect(modeMask & (Flag.HAS_PRESENCE | Flag.RESUMED | Flag.HAS_BACKLOG)).toBe(0);
  });

  it('[WP37] are read from the comma list of params, in any case; names of no mode count for nothing', () => {
    expect(parseModes('publish,presence_subscribe')).toBe(Mode.PUBLISH | Mode.PRESENCE_SUBSCRIBE);
    expect(parseModes(' Publish , SUBSCRIBE,nonsense,__proto__,')).toBe(Mode.PUBLISH | Mode.SUBSCRIBE);
    expect(parseModes('')).toBe(0);
  });

  it('[WP37] and actions are numbered without a gap', () => {
    expect(Object.values(Action)).toEqual(Array.from({ length: 22 }, (_, action) => action));
  });
});
