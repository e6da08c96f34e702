import { seededRandom } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import {
  type Folded,
  foldAnnotation,
  methodOf,
  renderSummaries,
  renderSummary,
  type Share,
  type Summary,
  type SummaryMethod,
  sizeOfSummary,
  summaryOfShare,
} from './summary.ts';

const random = seededRandom('summaries');
const methods = ['total.v1', 'flag.v1', 'distinct.v1', 'unique.v1', 'multiple.v1'] as const;
const clients = ['ada', 'bob', 'cleo', '__proto__', undefined] as const;
const names = ['👍', '👎', '__proto__'] as const;
const unbounded = Number.POSITIVE_INFINITY;

const empty = (method: SummaryMethod): Summary => ({ type: `reaction:${method}`, method, tallies: [] });

/** Folds one annotation after the other, each with the share of its client. */
function folded(method: SummaryMethod, annotations: readonly Folded[], room = unbounded) {
  const shares = new Map<string | undefined, Share>();
  let summary = empty(method);
  for (const one of annotations) {
    const after = foldAnnotation(summary, shares.get(one.clientId) ?? [], one, room);
    summary = after.summary;
    shares.set(one.clientId, after.share);
  }
  return { summary, shares };
}

/** What a method allows: an annotation of a random client, made or taken back. */
function randomAnnotation(method: SummaryMethod): Folded {
  const clientId = random.pick(clients);
  const anonymous = clientId === undefined && (method === 'total.v1' || method === 'multiple.v1');
  const by = clientId ?? (anonymous ? undefined : 'dora');
  const named = method !== 'total.v1' && method !== 'flag.v1';
  return {
    action: by === undefined || random.below(3) > 0 ? 0 : 1,
    ...(by === undefined ? {} : { clientId: by }),
    name: named ? random.pick(names) : '',
    count: method === 'multiple.v1' ? 1 + random.below(3) : 1,
  };
}

/** How often each client stands under each name, counted the plain way: annotation by annotation, for each by itself. */
function standings(method: SummaryMethod, annotations: readonly Folded[]): Map<string, Map<string, number>> {
  const byClient = new Map<string, Map<string, number>>();
  for (const { action, clientId = '', name, count } of annotations) {
    const own = byClient.get(clientId) ?? new Map<string, number>();
    byClient.set(clientId, own);
    const was = own.get(name) ?? 0;
    if (method === 'unique.v1') own.clear();
    const adds = method === 'multiple.v1' ? was + count : method === 'total.v1' || clientId === '' ? was + 1 : 1;
    const takes = method === 'total.v1' ? Math.max(0, was - 1) : 0;
    if (method !== 'unique.v1' || action === 0) own.set(name, action === 0 ? adds : takes);
  }
  return byClient;
}

/** Totals by name, of a model and of a summary. */
function totalsOf(standing: Map<string, Map<string, number>>): Record<string, number> {
  const totals = new Map<string, number>();
  for (const own of standing.values()) {
    for (const [name, count] of own) if (count > 0) totals.set(name, (totals.get(name) ?? 0) + count);
  }
  return Object.fromEntries(totals);
}

const totals = ({ tallies }: Summary) => Object.fromEntries(tallies.map(({ name, total }) => [name, total]));

/** Clients by name, with how often. */
function listed({ tallies }: Summary): [string, unknown][] {
  const sorted = tallies.map(({ name, listed }): [string, unknown] => [name, [...listed].sort()]);
  return sorted.sort(([a], [b]) => (a < b ? -1 : 1));
}

describe('summaries', () => {
  it('[AN1] each method sums up in its own form', () => {
    const annotations: Folded[] = [
      { action: 0, clientId: 'ada', name: '👍', count: 1 },
      { action: 0, clientId: 'ada', name: '👎', count: 2 },
      { action: 0, clientId: 'bob', name: '👎', count: 1 },
      { action: 0, clientId: 'bob', name: '👎', count: 3 },
    ];
    const plain = annotations.map((one) => ({ ...one, name: '' }));
    const once = annotations.map((one) => ({ ...one, count: 1 }));
    const of = (method: SummaryMethod, some: readonly Folded[]) => renderSummary(folded(method, some).summary);
    expect(of('total.v1', plain)).toEqual({ total: 4 });
    expect(of('flag.v1', plain)).toEqual({ total: 2, clientIds: ['ada', 'bob'], clipped: false });
    expect(of('distinct.v1', once)).toEqual({
      '👍': { total: 1, clientIds: ['ada'], clipped: false },
      '👎': { total: 2, clientIds: ['ada', 'bob'], clipped: false },
    });
    expect(of('unique.v1', once)).toEqual({ '👎': { total: 2, clientIds: ['ada', 'bob'], clipped: false } });
    expect(of('multiple.v1', [...annotations, { action: 0, name: '👍', count: 5 }])).toEqual({
      '👍': { total: 6, clientIds: { ada: 1 }, totalUnidentified: 5, totalClientIds: 1, clipped: false },
      '👎': { total: 6, clientIds: { ada: 2, bob: 4 }, totalUnidentified: 0, totalClientIds: 2, clipped: false },
    });
  });

  it.each(methods)(
    '[AN2] %s: whatever is made and taken back, the summary is what counting by hand gives',
    (method) => {
      for (let run = 0; run < 60; run++) {
        const annotations = Array.from({ length: random.below(40) }, () => randomAnnotation(method));
        const { summary, shares } = folded(method, annotations);
        const standing = standings(method, annotations);
        expect(totals(summary)).toEqual(totalsOf(standing));
        for (const [clientId, share] of shares) {
          if (clientId === undefined) continue;
          const own = [...(standing.get(clientId) ?? [])].filter(([, count]) => count > 0);
          expect([...share].sort()).toEqual(own.sort());
          for (const { name, listed } of summary.tallies) {
            const count = own.find(([key]) => key === name)?.[1];
            expect(listed.find(([id]) => id === clientId)?.[1]).toBe(count);
          }
        }
      }
    },
  );

  it.each(methods)('[AN2] %s: the order in which clients come makes no difference', (method) => {
    for (let run = 0; run < 30; run++) {
      const annotations = Array.from({ length: 30 }, () => randomAnnotation(method));
      const lines = new Map<string | undefined, Folded[]>();
      for (const one of annotations) lines.set(one.clientId, [...(lines.get(one.clientId) ?? []), one]);
      const shuffled: Folded[] = [];
      while (shuffled.length < annotations.length) {
        const next = [...lines.values()][random.below(lines.size)]?.shift();
        if (next !== undefined) shuffled.push(next);
      }
      const [a, b] = [folded(method, annotations).summary, folded(method, shuffled).summary];
      expect(listed(b)).toEqual(listed(a));
      expect(totals(b)).toEqual(totals(a));
    }
  });

  it.each(methods)(
    '[AN3] %s: without room for more clientIds clients count all the same, and the list says so',
    (method) => {
      const many = Array.from({ length: 50 }, (_, n): Folded => {
        return {
          action: 0,
          clientId: `client ${n}`,
          name: method.startsWith('t') || method === 'flag.v1' ? '' : 'x',
          count: 1,
        };
      });
      const { summary, shares } = folded(method, many, 400);
      const [tally] = summary.tallies;
      expect(tally).toMatchObject({ total: 50, clients: 50 });
      expect(tally?.listed.length).toBeGreaterThan(5);
      expect(sizeOfSummary(summary)).toBeLessThanOrEqual(400);
      if (method !== 'total.v1') expect(JSON.stringify(renderSummary(summary))).toContain('"clipped":true');
      let after = summary;
      for (const [clientId = '', share] of shares) {
        const gone: Folded = { action: 1, clientId, name: tally?.name ?? '', count: 1 };
        after = foldAnnotation(after, share, gone, 400).summary;
      }
      expect(after.tallies).toEqual([]);
    },
  );

  it('[AN4] names and clientIds such as __proto__ are data', () => {
    const { summary } = folded('multiple.v1', [{ action: 0, clientId: '__proto__', name: '__proto__', count: 2 }]);
    expect(JSON.stringify(renderSummaries([summary]))).toBe(
      '{"reaction:multiple.v1":{"__proto__":{"total":2,"clientIds":{"__proto__":2},"totalUnidentified":0,"totalClientIds":1,"clipped":false}}}',
    );
  });

  it('[AN5] the summary of one client is that of its annotations alone', () => {
    const { shares, summary } = folded('multiple.v1', [
      { action: 0, clientId: 'ada', name: '👍', count: 2 },
      { action: 0, clientId: 'bob', name: '👍', count: 5 },
    ]);
    expect(renderSummary(summaryOfShare(summary, 'ada', shares.get('ada') ?? []))).toEqual({
      '👍': { total: 2, clientIds: { ada: 2 }, totalUnidentified: 0, totalClientIds: 1, clipped: false },
    });
  });

  it('[AN6] a type names its method behind the last colon; without a colon it has none, and an unknown one is 40000', () => {
    expect(methodOf('reaction:distinct.v1')).toBe('distinct.v1');
    expect(methodOf('a:b:total.v1')).toBe('total.v1');
    expect(methodOf('com.example.read')).toBeUndefined();
    for (const type of ['reaction:distinct.v2', 'reaction:', ':flag.v1', 'reaction:Flag.v1', 'x:y']) {
      expect(() => methodOf(type)).toThrow(expect.objectContaining({ code: 40000, statusCode: 400 }));
    }
  });
});
