import { expect, it } from 'vitest';
import type { Entry } from './engine.ts';
import { weighEntry, weighRow } from './weigh.ts';

const weightOf = (payload: unknown, id?: string): number => {
  const entry: Entry = { serial: '', previous: '', kind: 'message', time: 0, payload };
  return weighEntry(id === undefined ? entry : { ...entry, id }) - weighEntry({ ...entry, payload: null });
};

it('[EN110] text counts a byte a character, or two where one is beyond ASCII or the text is short', () => {
  expect(weightOf('x'.repeat(65_536))).toBeGreaterThan(65_536);
  expect(weightOf('x'.repeat(65_536))).toBeLessThan(66_000);
  expect(weightOf(`${'x'.repeat(65_535)}€`)).toBeGreaterThan(2 * 65_536);
  expect(weightOf('€'.repeat(100))).toBeGreaterThan(200);
});

it('[EN110] bytes, ids, keys and values all count, and many small things count for more than they say', () => {
  expect(weightOf(new Uint8Array(65_536))).toBeGreaterThan(65_536);
  expect(weightOf(null, 'x'.repeat(10_000))).toBeGreaterThan(10_000);
  expect(weightOf({ ['k'.repeat(10_000)]: 1 })).toBeGreaterThan(10_000);
  expect(weightOf([[['x'.repeat(10_000)]]])).toBeGreaterThan(10_000);
  for (const small of [{}, [], new Uint8Array(0), '', 0.5]) {
    expect(weightOf(Array.from({ length: 1_000 }, () => small))).toBeGreaterThan(24_000);
  }
  expect(weightOf(Array.from({ length: 1_000 }, () => ({})))).toBeGreaterThan(60_000);
});

it('[EN110] a usual message counts a thousand bytes, give or take a fifth', () => {
  const message = { name: 'update', data: 'x'.repeat(150), clientId: 'client-1' };
  const payload = { idBase: 'abcdefghij:123', connectionId: 'abcdefghij', messages: [message] };
  const entry: Entry = { serial: '', previous: '', kind: 'message', id: 'c:abcdefghij:123', time: 0, payload };
  expect(weighEntry(entry)).toBeGreaterThan(800);
  expect(weighEntry(entry)).toBeLessThan(1_200);
});

it('[EN110] a payload that holds itself is refused with 40013', () => {
  const endless: unknown[] = [];
  endless.push(endless, endless);
  expect(() => weightOf(endless)).toThrow(expect.objectContaining({ code: 40013 }));
  const row = { table: 't', key: 'k', value: { endless }, serial: '', time: 0 };
  expect(() => weighRow(row)).toThrow(expect.objectContaining({ code: 40013 }));
});
