import { errors } from '@parvis/protocol';
import { unitOf } from '../channel/statsInterval.ts';
import { statsNames } from '../channel/statsRecord.ts';
import type { StatsRecord } from '../observe/appCounters.ts';

const MAX_STATS = 10_000;

/**
 * Reads statistics that a test suite makes up: one or an array of `{ intervalId, inbound: { realtime: … } … }`. What has no
 * name of ours is left out. Answers with what to set, by minute. Throws 40001.
 */
export function parseStatsFixtures(value: unknown): Map<string, StatsRecord> {
  const fixtures: unknown[] = Array.isArray(value) ? value : [value];
  if (fixtures.length > MAX_STATS) throw errors.badBody(`body may hold ${MAX_STATS} statistics at most`);
  return new Map(fixtures.map(fixture));
}

function fixture(value: unknown): [minute: string, record: StatsRecord] {
  const id = isMap(value) ? value.intervalId : undefined;
  if (!isMap(value) || typeof id !== 'string' || unitOf(id) === undefined) {
    throw errors.badBody('body must be an array of statistics, each with an intervalId yyyy-mm-dd:hh:mm');
  }
  const record: Record<string, number> = {};
  for (const name of statsNames) {
    const count = at(value, name);
    if (count === undefined) continue;
    if (!isCount(count)) throw errors.badBody(`${name} of statistics must be a number from 0`);
    if (count > 0) record[name] = count;
  }
  // What an id of a day or a month lacks, after its year.
  return [`${id}${'-01-01:00:00'.slice(id.length - 4)}`, record];
}

function at(value: unknown, name: string): unknown {
  let found = value;
  for (const part of name.split('.')) found = isMap(found) && Object.hasOwn(found, part) ? found[part] : undefined;
  return found ?? undefined;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
