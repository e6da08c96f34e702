/** How long an interval of statistics is; all in UTC. */
export type StatsUnit = 'minute' | 'hour' | 'day' | 'month';

/** Characters of the id of an interval: `2025-02-03:15:04`, `2025-02-03:15`, `2025-02-03` or `2025-02`. */
const idLength: Readonly<Record<StatsUnit, number>> = { minute: 16, hour: 13, day: 10, month: 7 };

const units: readonly StatsUnit[] = ['minute', 'hour', 'day', 'month'];

export function isStatsUnit(text: string): text is StatsUnit {
  return Object.hasOwn(idLength, text);
}

/** Id of the interval that holds this time, ms since the epoch. Ids sort as their intervals do. */
export function intervalOf(ms: number, unit: StatsUnit): string {
  const [date, time] = new Date(ms).toISOString().split('T') as [string, string];
  return `${date}:${time.slice(0, 5)}`.slice(0, idLength[unit]);
}

/** Id of the interval that holds another one which is as long or shorter. */
export function intervalAround(id: string, unit: StatsUnit): string {
  return id.slice(0, idLength[unit]);
}

/** Unit of an interval by its id; undefined for text that is none, such as the 30th of February. */
export function unitOf(id: string): StatsUnit | undefined {
  const unit = units.find((name) => idLength[name] === id.length);
  const [date, hour = '00', minute = '00'] = id.split(':');
  const full = `${date}-01-01`.slice(0, 10);
  const text = `${unit === 'month' ? `${date}-01` : full}T${hour}:${minute}:00.000Z`;
  const ms = unit !== undefined && /^[\d:-]+$/.test(id) ? Date.parse(text) : Number.NaN;
  return unit !== undefined && !Number.isNaN(ms) && intervalOf(ms, unit) === id ? unit : undefined;
}

/** Id that sorts after those of all intervals within this one, and before those of all later ones. */
export function endOf(id: string): string {
  return `${id}~`;
}
