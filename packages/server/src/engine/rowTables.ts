import type { Row, RowPage, RowQuery } from './engine.ts';
import { weighRow } from './weigh.ts';

/** The rows of one channel, by table and key. */
export class RowTables {
  readonly #tables = new Map<string, Table>();
  /** Rows about an entry. */
  readonly #about = new Set<Row>();
  #bytes = 0;

  /** Whether there is no row in any table. */
  get empty(): boolean {
    return this.#tables.size === 0;
  }

  /** Memory they take, about. */
  get bytes(): number {
    return this.#bytes;
  }

  get(table: string, key: string): Row | undefined {
    return this.#tables.get(table)?.rows.get(key);
  }

  /** Sets a row and answers with the one it replaces. */
  set(row: Row): Row | undefined {
    let table = this.#tables.get(row.table);
    if (table === undefined) {
      table = { rows: new Map(), keys: undefined };
      this.#tables.set(row.table, table);
    }
    const replaced = table.rows.get(row.key);
    table.rows.set(row.key, row);
    if (row.about !== undefined) this.#about.add(row);
    if (replaced?.about !== undefined) this.#about.delete(replaced);
    this.#bytes += weighRow(row);
    if (replaced === undefined) table.keys?.splice(indexAfter(table.keys, row.key), 0, row.key);
    else this.#bytes -= weighRow(replaced);
    return replaced;
  }

  /** Unsets a row and answers with it. */
  unset(table: string, key: string): Row | undefined {
    const found = this.#tables.get(table);
    const row = found?.rows.get(key);
    if (found === undefined || row === undefined) return undefined;
    found.rows.delete(key);
    found.keys = undefined;
    if (row.about !== undefined) this.#about.delete(row);
    this.#bytes -= weighRow(row);
    if (found.rows.size === 0) this.#tables.delete(table);
    return row;
  }

  /** Unsets the rows about entries before this bound and answers with them. */
  unsetBefore(bound: string): Row[] {
    const gone: Row[] = [];
    for (const row of this.#about) if (row.about !== undefined && row.about < bound) gone.push(row);
    for (const { table, key } of gone) this.unset(table, key);
    return gone;
  }

  /** Every row of every table. */
  all(): Row[] {
    const rows: Row[] = [];
    for (const table of this.#tables.values()) for (const row of table.rows.values()) rows.push(row);
    return rows;
  }

  /** A page of one table in the order of keys. */
  page(name: string, query: RowQuery): RowPage {
    const table = this.#tables.get(name);
    if (table === undefined) return { rows: [], more: false };
    if (query.key !== undefined) return one(table.rows.get(query.key));
    const keys = sortedKeys(table);
    const first = query.afterKey === undefined ? 0 : indexAfter(keys, query.afterKey);
    const end = Math.min(keys.length, first + (query.limit ?? keys.length));
    const rows: Row[] = [];
    for (let i = first; i < end; i++) {
      const row = table.rows.get(keys[i] ?? '');
      if (row !== undefined) rows.push(row);
    }
    return { rows, more: end < keys.length };
  }
}

interface Table {
  readonly rows: Map<string, Row>;
  /** All keys in order; sorted on first ask and good until a key goes. */
  keys: string[] | undefined;
}

function one(row: Row | undefined): RowPage {
  return { rows: row === undefined ? [] : [row], more: false };
}

function sortedKeys(table: Table): string[] {
  table.keys ??= [...table.rows.keys()].sort();
  return table.keys;
}

function indexAfter(keys: string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((keys[middle] ?? '') <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}
