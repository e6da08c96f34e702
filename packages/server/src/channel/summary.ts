import { AnnotationAction, errors, utf8Length } from '@parvis/protocol';

/** How annotations of a type are summed up; the part of the type behind its last colon. */
export type SummaryMethod = 'total.v1' | 'flag.v1' | 'distinct.v1' | 'unique.v1' | 'multiple.v1';

/** What a fold looks at of an annotation. */
export interface Folded {
  readonly action: number;
  readonly clientId?: string;
  /** '' where the method knows no names. */
  readonly name: string;
  /** How often it counts; 1 unless the method is `multiple.v1`. */
  readonly count: number;
}

/** What one client has said under each name, and how often. */
export type Share = readonly (readonly [name: string, count: number])[];

/** What all have said under one name. */
export interface Tally {
  readonly name: string;
  readonly total: number;
  /** Clients with a share in it, listed or not. */
  readonly clients: number;
  /** What those without a clientId have said. */
  readonly unidentified: number;
  /** Some of the clients: as many as there was room for when they came. */
  readonly listed: Share;
}

/** The fold of all annotations of one type on one message: plain data, as a row keeps it. */
export interface Summary {
  readonly type: string;
  readonly method: SummaryMethod;
  readonly tallies: readonly Tally[];
}

/** Bytes of a tally and of a listed client around their names. */
const AROUND_TALLY = 96;
const AROUND_CLIENT = 8;

/**
 * The summary and the share of the annotation's client with it added. A client takes back what it said itself and nothing
 * else, so a summary is the sum of the shares, in whatever order they came. `room` is for clientIds, in bytes of the whole
 * summary: beyond it a client counts without being listed.
 */
export function foldAnnotation(
  summary: Summary,
  share: Share,
  annotation: Folded,
  room: number,
): { summary: Summary; share: Share } {
  const { clientId, name, count } = annotation;
  const tallies = new Map(summary.tallies.map((tally) => [tally.name, tally]));
  if (clientId === undefined) {
    const tally = tallies.get(name) ?? emptyTally(name);
    tallies.set(name, { ...tally, total: tally.total + count, unidentified: tally.unidentified + count });
    return { summary: { ...summary, tallies: [...tallies.values()] }, share };
  }
  const after = shareWith(summary.method, share, annotation);
  const [was, is] = [new Map(share), new Map(after)];
  let left = room - sizeOfSummary(summary);
  for (const key of new Set([...was.keys(), ...is.keys()])) {
    const before = tallies.get(key) ?? emptyTally(key);
    const tally = recounted(before, clientId, was.get(key) ?? 0, is.get(key) ?? 0, left);
    left -= sizeOfTally(tally) - sizeOfTally(before);
    if (tally.total > 0) tallies.set(key, tally);
    else tallies.delete(key);
  }
  return { summary: { ...summary, tallies: [...tallies.values()] }, share: after };
}

/** Bytes that a summary takes on the wire, about. */
export function sizeOfSummary({ type, tallies }: Summary): number {
  return tallies.reduce((sum, tally) => sum + sizeOfTally(tally), tallies.length === 0 ? 0 : utf8Length(type));
}

/** A summary as clients get it (spec TM7). */
export function renderSummary({ method, tallies }: Summary): unknown {
  if (method === 'total.v1') return { total: tallies[0]?.total ?? 0 };
  if (method === 'flag.v1') return renderTally(tallies[0] ?? emptyTally(''));
  // fromEntries makes own keys, whatever they are called.
  return Object.fromEntries(
    tallies.map((tally) => [tally.name, method === 'multiple.v1' ? renderCounts(tally) : renderTally(tally)]),
  );
}

/** What a message carries of its annotations: each summary under its type. */
export function renderSummaries(summaries: readonly Summary[]): Record<string, unknown> {
  return Object.fromEntries(summaries.map((summary) => [summary.type, renderSummary(summary)]));
}

/** A summary of one client's annotations alone. */
export function summaryOfShare({ type, method }: Summary, clientId: string, share: Share): Summary {
  const tallies = share.map(([name, count]) => ({
    ...emptyTally(name),
    total: count,
    clients: 1,
    listed: [[clientId, count] as const],
  }));
  return { type, method, tallies };
}

function shareWith(method: SummaryMethod, share: Share, { action, name, count }: Folded): Share {
  const others = share.filter(([key]) => key !== name);
  const own = share.find(([key]) => key === name)?.[1] ?? 0;
  const adds = action === AnnotationAction.CREATE;
  switch (method) {
    case 'total.v1':
      return adds || own > 1 ? [...others, [name, own + (adds ? 1 : -1)]] : others;
    case 'multiple.v1':
      return adds ? [...others, [name, own + count]] : others;
    case 'unique.v1':
      return adds ? [[name, 1]] : [];
    default:
      return adds ? [...others, [name, 1]] : others;
  }
}

function recounted(tally: Tally, clientId: string, was: number, is: number, room: number): Tally {
  const listed = tally.listed.filter(([id]) => id !== clientId);
  const isListed = listed.length < tally.listed.length;
  if (is > 0 && (isListed || (was === 0 && sizeOfClient(clientId) <= room))) listed.push([clientId, is]);
  const clients = tally.clients + (is > 0 ? 1 : 0) - (was > 0 ? 1 : 0);
  return { ...tally, total: tally.total + is - was, clients, listed };
}

function emptyTally(name: string): Tally {
  return { name, total: 0, clients: 0, unidentified: 0, listed: [] };
}

function sizeOfTally({ name, total, listed }: Tally): number {
  if (total === 0) return 0;
  return listed.reduce((sum, [id]) => sum + sizeOfClient(id), AROUND_TALLY + utf8Length(name));
}

function sizeOfClient(clientId: string): number {
  return AROUND_CLIENT + utf8Length(clientId);
}

function renderTally({ total, clients, listed }: Tally) {
  return { total, clientIds: listed.map(([id]) => id), clipped: clients > listed.length };
}

function renderCounts({ total, clients, unidentified, listed }: Tally) {
  return {
    total,
    clientIds: Object.fromEntries(listed),
    totalUnidentified: unidentified,
    totalClientIds: clients,
    clipped: clients > listed.length,
  };
}

const methods = new Set<string>(['total.v1', 'flag.v1', 'distinct.v1', 'unique.v1', 'multiple.v1']);

/**
 * The method in an annotation type: `reaction:distinct.v1` has one. Undefined for a type without a colon, which is not
 * summed up. Throws 40000 for a method there is not: its annotations would seem to be lost.
 */
export function methodOf(type: string): SummaryMethod | undefined {
  const mark = type.lastIndexOf(':');
  if (mark < 0) return undefined;
  const method = type.slice(mark + 1);
  if (mark > 0 && methods.has(method)) return method as SummaryMethod;
  throw errors.badRequest(
    `annotation type must be <namespace>:<method>, and the method one of ${[...methods].join(', ')}`,
  );
}
