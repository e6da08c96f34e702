import Ably from 'ably';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNewer, type MemberStamp, memberKey } from './index.ts';

interface ClientPresenceMap {
  put(item: unknown): boolean;
}
type ClientPresenceMapClass = new (presence: unknown, keyOf: (item: MemberStamp) => string) => ClientPresenceMap;
const { _PresenceMap: PresenceMap } = Ably.Realtime as unknown as { _PresenceMap: ClientPresenceMapClass };

/** What the official client answers when the second message meets the first in its presence map. */
function clientTakes(incoming: MemberStamp, existing: MemberStamp): boolean {
  const map = new PresenceMap({ channel: { name: 'c' }, logger: {} }, () => 'member');
  const message = (stamp: MemberStamp) => {
    const values = { ...stamp, action: 'update' };
    return Ably.Realtime.PresenceMessage.fromValues(values);
  };
  map.put(message(existing));
  return map.put(message(incoming));
}

describe('presence members', () => {
  it('[WP30] one clientId on two connections is two members, and no pair of names gives the key of another', () => {
    expect(memberKey({ connectionId: 'c1', clientId: 'me' })).toBe('c1:me');
    const name = fc.string({ unit: fc.constantFrom('a', 'b', ':') });
    const connectionId = fc.string({ unit: fc.constantFrom('a', 'b') });
    fc.assert(
      fc.property(connectionId, name, connectionId, name, (c1, n1, c2, n2) => {
        const same = memberKey({ connectionId: c1, clientId: n1 }) === memberKey({ connectionId: c2, clientId: n2 });
        expect(same).toBe(c1 === c2 && n1 === n2);
      }),
    );
  });

  it('[WP31] of two messages of the connection itself the greater msgSerial is newer, then the greater index', () => {
    const at = (id: string, timestamp = 0): MemberStamp => ({ connectionId: 'c', id, timestamp });
    expect(isNewer(at('c:10:0'), at('c:9:5', 99))).toBe(true);
    expect(isNewer(at('c:9:5', 99), at('c:10:0'))).toBe(false);
    expect(isNewer(at('c:9:10'), at('c:9:9'))).toBe(true);
    expect(isNewer(at('c:9:9', 99), at('c:9:9'))).toBe(false);
  });

  it('[WP31] with an id that the service made, or none, the later time is newer and an equal one is too', () => {
    const own: MemberStamp = { connectionId: 'c', id: 'c:9:0', timestamp: 50 };
    for (const id of ['server:1', 'd:99:0', undefined]) {
      const made = (timestamp: number): MemberStamp => ({ connectionId: 'c', timestamp, ...(id && { id }) });
      expect([49, 50, 51].map((time) => isNewer(made(time), own))).toEqual([false, true, true]);
      expect([49, 50, 51].map((time) => isNewer(own, made(time)))).toEqual([true, true, false]);
    }
    expect(isNewer({ connectionId: 'c' }, own)).toBe(false);
  });

  it('[WP31] the official client decides alike on any two messages', () => {
    const id = fc.oneof(
      fc
        .tuple(fc.constantFrom('c', 'd', 'cc', ''), fc.nat({ max: 12 }), fc.nat({ max: 2 }))
        .map((parts) => parts.join(':')),
      fc.constantFrom('c', 'c:', 'c:x:1', 'c:1', 'c:1:y', 'server'),
    );
    const stamp = fc.record(
      { id, connectionId: fc.constant('c'), timestamp: fc.nat({ max: 3 }) },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(stamp, stamp, (incoming, existing) => {
        expect(isNewer(incoming, existing)).toBe(clientTakes(incoming, existing));
      }),
      { numRuns: 1000 },
    );
  });
});
