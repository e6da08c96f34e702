import { errors } from '@parvis/protocol';
import type { ChannelRef, Engine, Expectation, Row, RowChange } from '../engine/engine.ts';
import { Lanes } from './lane.ts';

/** Channels that begin with a bracket cannot be named by clients; this one keeps what is registered for push in an app. */
const PUSH = '[parvis]push';
const COUNTS = 'counts';
const PAGE = 500;
const MAX_ATTEMPTS = 20;

/** Tables by which what is registered is found. The first two are those that count. */
export type PushTable = 'devices' | 'subscriptions' | 'clientDevices' | 'subscribers';

/** How many an app may have: they stay in memory until they are removed. */
export const maxRegistrations: Readonly<Partial<Record<PushTable, number>>> = { devices: 5_000, subscriptions: 20_000 };

/** A row to set, or without `value` to unset. `was` is the row that the change goes by. */
export interface PushWrite {
  readonly table: PushTable;
  readonly key: string;
  readonly value?: unknown;
  readonly was: Row | undefined;
}

/** Rows of push, on a reserved channel of each app, so that every node has the same and restarts lose none. */
export class PushRows {
  readonly #engine: Engine;
  readonly #lanes = new Lanes();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** One row, if it is there. */
  async one(app: string, table: PushTable, key: string): Promise<Row | undefined> {
    return (await this.#engine.rows(refOf(app), table, { key })).rows[0];
  }

  /** Rows whose keys begin with this, in the order of their keys; those after `afterKey` if one is given. */
  async *under(app: string, table: PushTable, prefix: string, afterKey = prefix): AsyncGenerator<Row> {
    for (let at = afterKey; ; ) {
      const { rows, more } = await this.#engine.rows(refOf(app), table, { afterKey: at, limit: PAGE });
      for (const row of rows) {
        if (!row.key.startsWith(prefix)) return;
        yield row;
        at = row.key;
      }
      if (!more || rows.length === 0) return;
    }
  }

  /**
   * Writes what `plan` makes of the rows that it reads, all of it or nothing; it is asked again when somebody was faster.
   * Rejects with 40300 if the app would have too many, and with what `plan` throws.
   */
  change<T>(app: string, plan: () => Promise<{ writes: readonly PushWrite[]; result: T }>): Promise<T> {
    return this.#lanes.run(app, async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const { writes, result } = await plan();
        if (writes.length === 0 || (await this.#append(app, writes))) return result;
      }
      throw errors.unavailable('registrations for push change too fast; try again');
    });
  }

  /** Forgets all of an app that is gone. */
  async clear(app: string): Promise<void> {
    for (const table of ['devices', 'subscriptions', 'clientDevices', 'subscribers', COUNTS]) {
      for (;;) {
        const { rows } = await this.#engine.rows(refOf(app), table, { limit: PAGE });
        if (rows.length === 0) break;
        const unset = rows.map(({ key }) => ({ table, key }));
        await this.#engine.append(refOf(app), { kind: 'message', payload: null, rows: unset });
      }
    }
  }

  async #append(app: string, writes: readonly PushWrite[]): Promise<boolean> {
    const changes: RowChange[] = writes.map(({ was: _, ...change }) => change);
    const expect: Expectation[] = writes.map(({ table, key, was }) => ({ table, key, serial: was?.serial ?? null }));
    for (const table of Object.keys(maxRegistrations) as PushTable[]) {
      const grown = growthOf(writes, table);
      if (grown === 0) continue;
      const { rows } = await this.#engine.rows(refOf(app), COUNTS, { key: table });
      const count = Number(rows[0]?.value ?? 0) + grown;
      const limit = maxRegistrations[table] ?? 0;
      if (grown > 0 && count > limit) throw errors.tooManyRegistrations(table, limit);
      changes.push({ table: COUNTS, key: table, value: count });
      expect.push({ table: COUNTS, key: table, serial: rows[0]?.serial ?? null });
    }
    const draft = { kind: 'message', payload: null, rows: changes, expect } as const;
    return (await this.#engine.append(refOf(app), draft)).outcome !== 'refused';
  }
}

/** Text as a part of a key: parts are divided by blanks, and none has one. */
export function keyPart(text: string): string {
  return text.replaceAll('%', '%25').replaceAll(' ', '%20');
}

function growthOf(writes: readonly PushWrite[], table: PushTable): number {
  let grown = 0;
  for (const { table: written, key, value, was } of writes) {
    if (written !== table) continue;
    // A long name takes the room of several.
    const weight = 1 + Math.floor(key.length / 256);
    grown += (value === undefined ? 0 : weight) - (was === undefined ? 0 : weight);
  }
  return grown;
}

function refOf(app: string): ChannelRef {
  return { app, name: PUSH, retentionMs: 0 };
}
