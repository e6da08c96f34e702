import { errors } from '@parvis/protocol';
import type { StatsItem, StatsQuery } from '../channel/stats.ts';
import { intervalAround, intervalOf, isStatsUnit, type StatsUnit, unitOf } from '../channel/statsInterval.ts';
import { treeOf } from '../channel/statsRecord.ts';
import type { Exchange } from './exchange.ts';
import { limitOf, openCursor, pageLinks, sealCursor } from './page.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

/** What was counted of an app (protocol reference 4.10). */
export const statsRoutes: readonly Route[] = [{ method: 'GET', pattern: '/stats', answer: stats }];

/** Throws 40003, 40011 or 40160. */
async function stats(exchange: Exchange): Promise<Reply> {
  const { host, query } = exchange;
  const principal = await exchange.authenticate();
  if (!principal.capability.allowsEverywhere('stats')) throw errors.capabilityDenied('stats', 'channel *');
  const asked = statsQueryOf(query, host.clock.now());
  const { start, end, unit, direction, limit } = asked;
  const scope = ['stats', unit, direction];
  const cursor = openCursor(principal, scope, query);
  const page = await host.stats.read(principal.app.id, cursor === undefined ? asked : { ...asked, cursor });
  const given = query.get('cursor');
  const links = pageLinks(
    'stats',
    { start, end, unit, direction, limit },
    {
      ...(given === null ? {} : { current: given }),
      ...(page.next === undefined ? {} : { next: sealCursor(principal, scope, page.next) }),
    },
  );
  return { status: 200, body: exchange.version < 2 ? page.items.map(nested) : page.items, links };
}

function statsQueryOf(query: URLSearchParams, now: number): Omit<StatsQuery, 'cursor'> {
  const unit = query.get('unit') ?? query.get('by') ?? 'minute';
  if (!isStatsUnit(unit)) throw errors.badParameter('unit', 'it must be minute, hour, day or month');
  const direction = query.get('direction') ?? 'backwards';
  if (direction !== 'backwards' && direction !== 'forwards') {
    throw errors.badParameter('direction', 'it must be backwards or forwards');
  }
  const start = boundOf(query, 'start', unit);
  const end = boundOf(query, 'end', unit) ?? intervalOf(now, unit);
  if (start !== undefined && start > end && !start.startsWith(end)) {
    throw errors.badParameter('start', 'it must not be later than end');
  }
  return { ...(start === undefined ? {} : { start }), end, unit, direction, limit: limitOf(query) };
}

/** The last year of four digits ends here. */
const MAX_MS = 253_402_300_799_999;

/** ms since the epoch or the id of an interval, as the id of an interval of this unit or a longer one. */
function boundOf(query: URLSearchParams, name: string, unit: StatsUnit): string | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (unitOf(text) !== undefined) return intervalAround(text, unit);
  if (!/^\d{1,16}$/.test(text)) throw errors.badParameter(name, 'it must be ms since the epoch, or yyyy-mm-dd:hh:mm');
  return intervalOf(Math.min(Number(text), MAX_MS), unit);
}

function nested({ entries, ...item }: StatsItem) {
  return { ...item, ...treeOf(entries) };
}
