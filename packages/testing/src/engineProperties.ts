import fc from 'fast-check';
import type { Draft, RowChange } from 'parvis/engine';
import { describe, expect, it } from 'vitest';
import type { EngineUnderTest } from './engineFixture.ts';
import { EngineWalk, type ExpectedRow, type Leeway, type WalkStep } from './engineWalk.ts';
import { seededRandom } from './seededRandom.ts';

/** How an engine is walked over. */
export interface WalkOptions extends Leeway {
  /** A new engine and the time it begins at, ms since the epoch; its time goes on by `advance` alone. */
  create(): { readonly under: EngineUnderTest; readonly startedAt: number };
  readonly runs?: number;
}

/** Random walks over an engine beside a plain model of its contract. */
export function describeEngineWalks(name: string, { create, runs = 25, ...leeway }: WalkOptions): void {
  describe(`walks over engine ${name}`, () => {
    const rule = leeway.mayCut === true ? cutting : keeping;
    it(rule, async () => {
      const { seed } = seededRandom(`walks over engine ${name}`);
      let cuts = 0;
      const walked = async (steps: readonly WalkStep[]) => {
        const { under, startedAt } = create();
        const walk = new EngineWalk(under, startedAt, leeway);
        for (const one of steps) await walk.step(one);
        await walk.settle();
        await under.engine.close();
        cuts += walk.cuts;
      };
      const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 120, size: 'max' }), walked);
      await fc.assert(property, { seed, numRuns: runs, endOnFailure: false });
      expect(cuts > 0).toBe(leeway.mayCut === true);
    });
  });
}

const keeping =
  '[EN90] whatever is called in whatever order, feeds, reads, rows, leases and positions are those of the model';
const cutting =
  '[EN107] with little memory the oldest entries of a channel go early with their ids, positions tell, and all else is that of the model';

const channel = fc.nat({ max: 1 });
const key = fc.constantFrom('a', 'b', 'c');
const owner = fc.constantFrom('ada', 'bob');
const change: fc.Arbitrary<RowChange> = fc.oneof(
  fc.record({ table: fc.constant('rows'), key, value: fc.nat({ max: 9 }), owner }),
  fc.record({ table: fc.constant('rows'), key, value: fc.nat({ max: 9 }) }),
  fc.record({ table: fc.constant('rows'), key }),
);

const draft: fc.Arbitrary<Draft> = fc.record(
  {
    kind: fc.constantFrom('message' as const, 'presence' as const),
    payload: fc.oneof({ arbitrary: fc.nat(), weight: 4 }, { arbitrary: fc.constant('x'.repeat(600)), weight: 1 }),
    id: fc.constantFrom('id 1', 'id 2', 'id 3'),
    rows: fc.array(change, { maxLength: 2 }),
    ephemeral: fc.boolean(),
  },
  { requiredKeys: ['kind', 'payload'] },
);

const expects: fc.Arbitrary<ExpectedRow> = fc.record({
  key,
  serial: fc.constantFrom('none' as const, 'present' as const, 'wrong' as const),
});

const append: fc.Arbitrary<WalkStep> = fc.record(
  { do: fc.constant('append' as const), channel, draft, expects },
  { requiredKeys: ['do', 'channel', 'draft'] },
);

const step: fc.Arbitrary<WalkStep> = fc.oneof(
  { arbitrary: append, weight: 12 },
  {
    arbitrary: fc.record({ do: fc.constantFrom('join' as const, 'part' as const, 'read' as const), channel }),
    weight: 4,
  },
  { arbitrary: fc.record({ do: fc.constantFrom('turn' as const, 'settle' as const) }), weight: 4 },
  {
    arbitrary: fc.record({
      do: fc.constant('lease' as const),
      owner,
      ms: fc.constantFrom(0, 5_000, 40_000, Number.POSITIVE_INFINITY),
    }),
    weight: 2,
  },
  {
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(1, 5_000, 20_000, 400_000) }),
    weight: 2,
  },
);
