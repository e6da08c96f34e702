import { Action, Mode, PresenceAction, type PresenceMessage } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import type { TestClient } from '../../packages/server/test/harness.ts';
import { codeOf, formats, Stage } from './stage.ts';

const { ENTER, UPDATE, LEAVE } = PresenceAction;
const room = 'room::$space';
const data = JSON.stringify({
  profileUpdate: { id: null, current: null },
  locationUpdate: { id: null, current: null, previous: null },
});
const state = { data, encoding: 'json' } as const;

const eventsOf = (client: TestClient): PresenceMessage[] =>
  client.all(Action.PRESENCE).flatMap(({ presence = [] }) => presence);
const locksIn = (event?: PresenceMessage) => event?.extras?.locks as { fence: number }[] | undefined;

async function enter(stage: Stage, client: TestClient, extras?: Record<string, unknown>): Promise<void> {
  client.attach(room);
  await stage.settle();
  client.presence(room, { action: ENTER, ...state, ...(extras === undefined ? {} : { extras }) });
  await stage.settle();
}

describe.each(formats)('locks and members under attack, %s', (format) => {
  it('[attack 38] a lock is neither stolen by a clock of 1970, nor by a claim, a fence or a member, nor released for another', async () => {
    const stage = await Stage.set();
    const [holder, thief] = [
      stage.connect(format, { clientId: 'holder' }),
      stage.connect(format, { clientId: 'thief' }),
    ];
    await enter(stage, holder, { locks: [{ id: 'a', status: 'pending', timestamp: Date.now() }] });
    await enter(stage, thief);
    const fence = locksIn(eventsOf(holder)[0])?.[0]?.fence ?? 0;
    const owner = { clientId: 'holder', connectionId: eventsOf(holder)[0]?.connectionId };
    const tries: Record<string, unknown>[] = [
      { id: 'a', status: 'pending', timestamp: 0 },
      { id: 'a', status: 'locked', timestamp: 0, fence: fence + 1 },
      { id: 'a', status: 'locked', timestamp: 0, member: owner },
      { id: 'a', status: 'unlocked', timestamp: 0, member: owner },
    ];
    for (const entry of tries) {
      thief.presence(room, { action: UPDATE, ...state, extras: { locks: [entry] } });
      await stage.settle();
      expect(locksIn(eventsOf(holder).at(-1))).toMatchObject([{ id: 'a', status: 'unlocked' }]);
      expect(locksIn(eventsOf(holder).at(-1))?.[0]).not.toHaveProperty('fence');
    }
    const late = stage.connect(format, { clientId: 'late' });
    late.attach(room);
    await stage.settle();
    const holders = (late.one(Action.SYNC).presence ?? []).filter((member) => member.extras?.locks !== undefined);
    expect(holders).toMatchObject([{ ...owner, extras: { locks: [{ id: 'a', status: 'locked', fence }] } }]);
    holder.presence(room, { action: LEAVE });
    thief.presence(room, {
      action: UPDATE,
      ...state,
      extras: { locks: [{ id: 'a', status: 'pending', timestamp: -1 }] },
    });
    await stage.settle();
    expect(locksIn(eventsOf(holder).at(-1))?.[0]?.fence).toBeGreaterThan(fence);
    await stage.isServed();
  });

  it('[attack 38] presence, locks and cursors in the name of another are refused', async () => {
    const stage = await Stage.set();
    const thief = stage.connect(format, { clientId: 'thief' });
    await enter(stage, thief);
    thief.clear();
    thief.presence(room, { action: UPDATE, clientId: 'holder', ...state, extras: { locks: [] } });
    await stage.settle();
    expect(codeOf(thief)).toBe(40012);
    thief.clear();
    thief.publish('room::$cursors', { name: 'cursorUpdate', clientId: 'holder', data: '[]', encoding: 'json' });
    await stage.settle();
    expect(codeOf(thief)).toBe(40012);
    await stage.isServed();
  });

  it('[attack 40] five hundred members that come and go with locks leave nobody, no lock and no double enter behind', async () => {
    const stage = await Stage.set();
    const watcher = await stage.attached(format, room);
    expect(codeOf(watcher)).toBe(40012);
    const seer = stage.connect(format, { clientId: 'seer' });
    seer.attach(room);
    await stage.settle();
    const all = Array.from({ length: 500 }, (_, index) => stage.connect(format, { clientId: `m${index}` }));
    // They see nobody but themselves: it is the service that is under attack, not those who decode its frames here.
    for (const client of all) client.attach(room, { flags: Mode.PRESENCE });
    await stage.settle();
    const asked = { extras: { locks: [{ id: 'one', status: 'pending', timestamp: 1 }] } };
    for (const client of all) {
      client.presence(room, { action: ENTER, ...state, ...asked });
      client.presence(room, { action: LEAVE, ...state });
      client.presence(room, { action: ENTER, ...state, ...asked });
    }
    await stage.settle();
    for (const client of all) client.cut();
    stage.harness.clock.advance(15_001);
    await stage.settle();
    const there = new Set<string>();
    for (const { clientId = '', action } of eventsOf(seer)) {
      if (action === ENTER) {
        expect(there.has(clientId)).toBe(false);
        there.add(clientId);
      } else if (action === LEAVE) there.delete(clientId);
    }
    expect(there).toEqual(new Set());
    const late = stage.connect(format, { clientId: 'late' });
    await enter(stage, late, asked.extras);
    expect(locksIn(eventsOf(late)[0])).toMatchObject([{ id: 'one', status: 'locked' }]);
    await stage.isServed();
  });
});
