import type { StatsRecord } from '../observe/appCounters.ts';

const sources = ['realtime', 'rest'] as const;
const kinds = ['messages', 'presence'] as const;
const measures = ['count', 'data'] as const;

/** Names of what is counted; totals are made when somebody asks. */
export const statsNames: ReadonlySet<string> = new Set([
  ...['inbound', 'outbound'].flatMap((way) => sources.flatMap((source) => volumeNames(`${way}.${source}`))),
  ...volumeNames('persisted'),
  ...['connections.all', 'connections.tls', 'connections.plain', 'channels'].flatMap((name) => [
    `${name}.peak`,
    `${name}.opened`,
  ]),
  ...['apiRequests', 'tokenRequests'].flatMap((name) => [`${name}.succeeded`, `${name}.failed`, `${name}.refused`]),
]);

function volumeNames(prefix: string): string[] {
  return kinds.flatMap((kind) => measures.map((measure) => `${prefix}.${kind}.${measure}`));
}

/** Sums what several nodes counted in the same minute: peaks too, which then are a bound. */
export function addRecord(into: Map<string, number>, record: StatsRecord): void {
  for (const [name, value] of Object.entries(record)) into.set(name, (into.get(name) ?? 0) + value);
}

/** Sums minutes to something longer; of peaks the highest counts. */
export function extendRecord(into: Map<string, number>, minute: ReadonlyMap<string, number>): void {
  for (const [name, value] of minute) {
    const sum = into.get(name) ?? 0;
    into.set(name, name.endsWith('.peak') ? Math.max(sum, value) : sum + value);
  }
}

/** Statistics as clients get them: flat names, with all totals, and nothing that is zero (spec TS12r). */
export function entriesOf(record: ReadonlyMap<string, number>): Record<string, number> {
  const entries = new Map<string, number>();
  const add = (name: string, value: number) => entries.set(name, (entries.get(name) ?? 0) + value);
  for (const [name, value] of record) for (const total of totalsOf(name)) add(total, value);
  return Object.fromEntries([...entries].filter(([, value]) => value !== 0).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Every entry that a counter is part of. */
function totalsOf(name: string): string[] {
  const [first = '', second = '', third = '', fourth = ''] = name.split('.');
  switch (first) {
    case 'inbound':
    case 'outbound':
      return [`${first}.${second}`, `${first}.all`, 'all'].flatMap((scope) =>
        [third, 'all'].map((kind) => `messages.${scope}.${kind}.${fourth}`),
      );
    case 'persisted':
      return [second, 'all'].map((kind) => `messages.persisted.${kind}.${third}`);
    case 'connections':
      return second === 'all' ? [name] : [name, `connections.all.${third}`];
    case 'apiRequests':
      return [`apiRequests.other.${second}`, `apiRequests.all.${second}`];
    case 'tokenRequests':
      return [`apiRequests.tokenRequests.${second}`, `apiRequests.all.${second}`];
    default:
      return [name];
  }
}

/** A tree of statistics, as versions before 2 get them: `{ inbound: { all: { messages: { count, data } } } }`. */
export interface StatsTree {
  [name: string]: number | StatsTree;
}

/** The same entries as a tree. */
export function treeOf(entries: Readonly<Record<string, number>>): StatsTree {
  const tree: StatsTree = {};
  for (const [name, value] of Object.entries(entries)) {
    const path = pathOf(name.split('.'));
    const last = path.pop();
    if (last === undefined) continue;
    let at = tree;
    for (const part of path) {
      const next = at[part];
      if (typeof next === 'object') at = next;
      else at = at[part] = {};
    }
    at[last] = value;
  }
  return tree;
}

/** Where an entry stands in the tree: requests in all were not told there. */
function pathOf(parts: readonly string[]): string[] {
  const [first = '', second = '', third = ''] = parts;
  if (first === 'messages') return parts.slice(1);
  if (first !== 'apiRequests') return [...parts];
  if (second === 'all') return [];
  return second === 'other' ? [first, third] : parts.slice(1);
}
