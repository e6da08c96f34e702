import { formatSerial } from '@parvis/protocol';
import { describeStore } from '@parvis/testing';
import { expect, it } from 'vitest';
import { createMemoryStore } from './memory.ts';

describeStore('memory', () => ({ store: createMemoryStore() }));

it('[EN78] a memory store keeps so many entries per channel at most, and tells from where', async () => {
  const store = createMemoryStore({ maxEntries: 3 });
  const channel = { app: 'app', name: 'room', retentionMs: 120_000 };
  const serials = Array.from({ length: 5 }, (_, seq) => formatSerial({ ms: 1, seq, epoch: 'e' }));
  for (const serial of serials) {
    const entry = { serial, previous: '', kind: 'message' as const, time: 1, payload: '' };
    await store.commit({ lapses: [], writes: [{ channel, floor: '', rows: [], entry }] });
  }
  const page = await store.read(channel, { after: '', keptFrom: '', direction: 'forwards', limit: 9 });
  expect(page.entries.map(({ serial }) => serial)).toEqual(serials.slice(2));
  expect(page.floor).toBe(serials[1]);
});
