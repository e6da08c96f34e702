import { formatSerial } from '@parvis/protocol';
import type { Appended, Draft, Entry, Expectation, Row } from './engine.ts';
import type { LocalChannel } from './localChannel.ts';
import type { RowWrite } from './store.ts';

/** What an append comes to if it is committed; nothing of it is done yet. */
export interface Evaluated {
  readonly result: Appended;
  /** None unless it is to be appended. */
  readonly rows: readonly RowWrite[];
}

const noRows: readonly RowWrite[] = [];

/** One atomic step up to the commit: recognise a repeated id, check `expect`, mint serial and time, make the rows. */
export function evaluate(
  channel: LocalChannel,
  draft: Draft,
  now: number,
  isAlive: (owner: string | undefined) => boolean,
): Evaluated {
  if (draft.id !== undefined) {
    const first = channel.withId(draft.id);
    if (first !== undefined) return { result: { outcome: 'duplicate', entry: first }, rows: noRows };
  }
  if (draft.expect !== undefined) {
    const present = draft.expect.map(({ table, key }) => livingRow(channel.row(table, key), isAlive));
    if (!allAsExpected(draft.expect, present)) return { result: { outcome: 'refused', rows: present }, rows: noRows };
  }
  const entry = mintEntry(channel, draft, now);
  const rows = draft.rows === undefined || draft.rows.length === 0 ? noRows : makeRows(draft.rows, entry);
  return { result: { outcome: 'appended', entry }, rows };
}

function livingRow(row: Row | undefined, isAlive: (owner: string | undefined) => boolean): Row | undefined {
  return row !== undefined && isAlive(row.owner) ? row : undefined;
}

function allAsExpected(expect: readonly Expectation[], present: readonly (Row | undefined)[]): boolean {
  return expect.every(({ serial }, i) => (present[i]?.serial ?? null) === serial);
}

function mintEntry(channel: LocalChannel, draft: Draft, now: number): Entry {
  const previous = channel.draft?.head ?? channel.head;
  const position = channel.mint(now);
  const serial = formatSerial(position);
  const { kind, id, payload } = draft;
  if (id === undefined) return { serial, previous, kind, time: position.ms, payload };
  return { serial, previous, kind, id, time: position.ms, payload };
}

function makeRows(changes: NonNullable<Draft['rows']>, { serial, time }: Entry): RowWrite[] {
  return changes.map(({ table, key, value, owner, about }) => {
    if (value === undefined) return { table, key, row: undefined };
    if (about !== undefined) return { table, key, row: { table, key, value, about, serial, time } };
    const row = owner === undefined ? { table, key, value, serial, time } : { table, key, value, owner, serial, time };
    return { table, key, row };
  });
}
