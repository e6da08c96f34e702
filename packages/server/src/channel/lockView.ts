import type { Extras } from '@parvis/protocol';
import type { ChannelRef, Engine, Row } from '../engine/engine.ts';
import { connectionOwner, type LockRow, lockTable, waiterPrefix, waiterTable } from './lockRows.ts';
import { nameOf } from './lockTurn.ts';
import { presenceTable } from './presenceTable.ts';

/** A lock that is held, as a backend sees it. */
export interface LockDetails {
  readonly id: string;
  readonly held: true;
  /** Greater than that of any grant of this lock before: whoever writes with a smaller one is late. */
  readonly fence: number;
  /** ms, by the clock of who asked for it. */
  readonly timestamp: number;
  readonly clientId: string;
  readonly connectionId: string;
  /** Requests that wait for it. */
  readonly waiting: number;
  readonly attributes?: Extras;
}

/** A lock that nobody holds. */
export interface FreeLock {
  readonly id: string;
  readonly held: false;
  readonly waiting: number;
}

const PAGE = 1_000;

/** One lock as the engine has it now. */
export async function lockOf(engine: Engine, ref: ChannelRef, id: string): Promise<LockDetails | FreeLock> {
  const [row] = (await engine.rows(ref, lockTable, { key: id })).rows;
  const waiting = await countWaiting(engine, ref, id);
  if (row === undefined || !(await isHeld(engine, ref, row))) return { id, held: false, waiting };
  return detailsOf(row, waiting);
}

/** All locks of a space that are held, by id. A space holds a thousand at most. */
export async function locksOf(engine: Engine, ref: ChannelRef): Promise<LockDetails[]> {
  const { rows } = await engine.rows(ref, lockTable, { limit: PAGE });
  const found: LockDetails[] = [];
  for (const row of rows) {
    if (!(await isHeld(engine, ref, row))) continue;
    found.push(detailsOf(row, await countWaiting(engine, ref, row.key)));
  }
  return found;
}

function detailsOf({ value }: Row, waiting: number): LockDetails {
  const { id, key, timestamp, fence, attributes } = value as LockRow;
  return {
    id,
    held: true,
    fence,
    timestamp,
    ...nameOf(key),
    waiting,
    ...(attributes === undefined ? {} : { attributes }),
  };
}

/** A lock with a lease of its own may outlive its holder's row for the moment until the leave is told. */
async function isHeld(engine: Engine, ref: ChannelRef, { value, owner }: Row): Promise<boolean> {
  const { key } = value as LockRow;
  if (owner === connectionOwner(ref, key)) return true;
  return (await engine.rows(ref, presenceTable, { key })).rows.length > 0;
}

async function countWaiting(engine: Engine, ref: ChannelRef, id: string): Promise<number> {
  const prefix = waiterPrefix(id);
  const { rows } = await engine.rows(ref, waiterTable, { afterKey: prefix, limit: PAGE });
  const end = rows.findIndex(({ key }) => !key.startsWith(prefix));
  return end < 0 ? rows.length : end;
}
