import { randomOf } from '@parvis/testing';
import { expect, it } from 'vitest';
import type { Engine } from '../../packages/server/src/engine/engine.ts';
import { simulate } from './simulate.ts';

const given = Number(process.env.PARVIS_SEED);
const first = given || 1;
const count = given ? 1 : Number(process.env.PARVIS_SEEDS) || 300;
const bound = 20_000 + count * 2_000;

interface Finding {
  readonly seed: number;
  readonly found: readonly string[];
}

/** Rooms of these seeds that broke a promise, up to ten. */
async function findings(seeds: number, room: Pick<Parameters<typeof simulate>[0], 'isServed' | 'sdks' | 'plant'>) {
  const broken: Finding[] = [];
  for (let seed = first; seed < first + seeds && broken.length < 10; seed++) {
    const found = await simulate({ random: randomOf(seed), steps: 40, ...room });
    if (found.length) broken.push({ seed, found });
  }
  return broken;
}

it(
  '[SX1] in mixed rooms every promise about locks is kept, whatever the network does',
  async () => {
    expect(await findings(count, { isServed: true, sdks: 'mixed' })).toEqual([]);
  },
  bound,
);

it(
  '[SX2] without a server that decides, official members break promises, and the checks see it',
  async () => {
    const broken = await findings(given ? 1 : 100, { isServed: false, sdks: 'official' });
    const kinds = new Set(broken.flatMap(({ found }) => found.map((violation) => violation.split(':')[0])));
    expect([...kinds].length, JSON.stringify(broken)).toBeGreaterThanOrEqual(2);
  },
  bound,
);

/** An engine that never lets go of who has vanished. */
function withoutLapses(engine: Engine): Engine {
  return new Proxy(engine, {
    get(target, name) {
      if (name === 'lease') return (owner: string, ms: number) => target.lease(owner, ms && 3_600_000);
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

it(
  '[SX3] a lock that outlives its holder is seen',
  async () => {
    const broken = await findings(given ? 1 : 30, { isServed: true, sdks: 'mixed', plant: withoutLapses });
    expect(JSON.stringify(broken)).toContain('outlived');
  },
  bound,
);
