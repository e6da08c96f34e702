import { Action, codecs, Flag, type PresenceMessage, type ProtocolMessage } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { Harness, type TestClient } from '../../test/harness.ts';

/** Enters as many members, each of so many bytes of this character. */
async function crowd(harness: Harness, count: number, bytes = 0, unit = 'x'): Promise<TestClient> {
  const client = harness.connect();
  client.attach('room');
  await harness.settle();
  for (let from = 0; from < count; from += 50) {
    const some = Array.from({ length: Math.min(50, count - from) }, (_, index) => ({
      action: 2,
      clientId: `member-${from + index}`,
      ...(bytes === 0 ? {} : { data: unit.repeat(bytes) }),
    }));
    client.presence('room', ...some);
  }
  await harness.settle();
  return client;
}

const pagesOf = (client: TestClient) => client.all(Action.SYNC);
const namesOf = (pages: readonly ProtocolMessage[]) =>
  pages.flatMap(({ presence = [] }) => presence.map(({ clientId }) => clientId));
const cursorsOf = (pages: readonly ProtocolMessage[]) =>
  pages.map(({ channelSerial = '' }) => channelSerial.split(':')[1] ?? '');

/** A client that reads nothing until it is told to. */
async function stalled(harness: Harness): Promise<TestClient> {
  const client = harness.connect();
  await harness.settle();
  client.transport.stalled = true;
  client.attach('room');
  await harness.settle();
  return client;
}

/** Lets a client read until nothing more comes. */
async function readAll(harness: Harness, client: TestClient): Promise<void> {
  for (let before = -1; before !== client.received.length; ) {
    before = client.received.length;
    client.transport.flow();
    client.transport.stalled = true;
    await harness.settle();
  }
}

describe('the presence set on its way to a client', () => {
  it('[PR20] comes in pages of 100 members, of which the last one alone has no cursor', async () => {
    const harness = new Harness({ limits: { maxPresenceMembers: 2_000 } });
    await crowd(harness, 1_234);
    const client = harness.connect();
    client.attach('room');
    await harness.settle();
    const pages = pagesOf(client);
    expect(pages.map(({ presence }) => presence?.length)).toEqual([...Array(12).fill(100), 34]);
    expect(cursorsOf(pages).map((cursor) => cursor === '')).toEqual([...Array(12).fill(false), true]);
    expect(new Set(pages.map(({ channelSerial = '' }) => channelSerial.split(':')[0])).size).toBe(1);
    expect(new Set(namesOf(pages)).size).toBe(1_234);
  });

  it('[PR20] pages of large members hold fewer, and stay under maxFrameSize however they are encoded', async () => {
    const harness = new Harness({ limits: { maxPresenceMembers: 2_000, maxPresenceSize: 4 * 1024 * 1024 } });
    await crowd(harness, 60, 30_000, '\u0001');
    const client = harness.connect();
    client.attach('room');
    // Each turn of the event loop takes as much as a client may have waiting.
    for (let turns = 0; turns < 100 && !cursorsOf(pagesOf(client)).includes(''); turns++) await harness.settle();
    const pages = pagesOf(client);
    expect(namesOf(pages)).toHaveLength(60);
    for (const page of pages) {
      for (const codec of Object.values(codecs)) {
        expect(codec.encode(page).length).toBeLessThan(harness.node.parts.limits.maxFrameSize);
      }
    }
  });

  it('[PR21] a client that is slow to take a large set is not ended for it, and gets all of it in the end', async () => {
    const limits = { softBacklog: 50_000, hardBacklog: 400_000, maxPresenceMembers: 2_000 };
    const harness = new Harness({ limits });
    await crowd(harness, 1_000, 1_000);
    const client = await stalled(harness);
    expect(client.transport.ended).toBe(false);
    expect(client.transport.backlog).toBeLessThan(limits.hardBacklog / 2);
    await readAll(harness, client);
    expect((client.one(Action.ATTACHED).flags ?? 0) & Flag.HAS_PRESENCE).not.toBe(0);
    expect(new Set(namesOf(pagesOf(client))).size).toBe(1_000);
    const cursors = cursorsOf(pagesOf(client));
    expect(cursors.filter((cursor) => cursor === '')).toHaveLength(1);
    expect(cursors.at(-1)).toBe('');
    expect(client.transport.ended).toBe(false);
  });

  it('[PR21] what changes meanwhile is told as it happens, and later pages show members as they are then', async () => {
    const harness = new Harness({ limits: { softBacklog: 50_000, maxPresenceMembers: 2_000 } });
    const members = await crowd(harness, 400, 1_000);
    const client = await stalled(harness);
    members.presence('room', { action: 3, clientId: 'member-399' }, { action: 4, clientId: 'member-398', data: 'new' });
    members.presence('room', { action: 2, clientId: 'late' });
    await harness.settle();
    await readAll(harness, client);
    const state = new Map<string | undefined, PresenceMessage>();
    for (const { presence = [] } of client.received) {
      for (const event of presence) {
        if (event.action === 3) state.delete(event.clientId);
        else state.set(event.clientId, event);
      }
    }
    expect(namesOf(pagesOf(client))).not.toContain('member-399');
    expect(state.get('member-398')?.data).toBe('new');
    expect([...state.keys()].sort()).toEqual(
      [...Array.from({ length: 399 }, (_, index) => `member-${index}`), 'late'].sort(),
    );
  });

  it('[PR21] a sync that is asked for anew takes the place of one under way, and a detach ends it', async () => {
    const harness = new Harness({ limits: { softBacklog: 50_000, maxPresenceMembers: 2_000 } });
    await crowd(harness, 400, 1_000);
    const client = await stalled(harness);
    client.send({ action: Action.SYNC, channel: 'room' });
    await harness.settle();
    await readAll(harness, client);
    const ids = pagesOf(client).map(({ channelSerial = '' }) => channelSerial.split(':')[0]);
    expect(cursorsOf(pagesOf(client)).filter((cursor) => cursor === '')).toHaveLength(1);
    expect(new Set(ids.slice(ids.lastIndexOf(ids[0]) + 1)).size).toBeLessThan(2);
    const other = await stalled(harness);
    other.send({ action: Action.DETACH, channel: 'room' });
    await harness.settle();
    await readAll(harness, other);
    expect(cursorsOf(pagesOf(other))).not.toContain('');
    expect(other.all(Action.DETACHED)).toHaveLength(1);
  });
});
