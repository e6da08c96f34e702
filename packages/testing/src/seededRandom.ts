/** Random numbers that come out the same whenever the seed is the same. */
export interface SeededRandom {
  readonly seed: number;
  /** From 0 up to 1, as Math.random. */
  next(): number;
  /** A whole number from 0 up to, not including, `end`. */
  below(end: number): number;
  /** One of these; there must be one. */
  pick<T>(from: readonly [T, ...T[]]): T;
}

/**
 * Random numbers for a test. Prints the seed; PARVIS_SEED runs everything with the one that failed.
 */
export function seededRandom(name: string, seed = seedOfRun()): SeededRandom {
  console.log(`${name}: seed ${seed} (PARVIS_SEED=${seed} repeats it)`);
  return randomOf(seed);
}

/** As {@link seededRandom}, for runs of many seeds, whose failures name theirs. */
export function randomOf(seed: number): SeededRandom {
  let state = seed >>> 0;
  const next = () => {
    // A counter, stirred until each of its bits has touched all others.
    state = (state + 0x9e3779b9) >>> 0;
    let bits = state;
    bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
    bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
    return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
  };
  const below = (end: number) => Math.floor(next() * end);
  return { seed, next, below, pick: (from) => from[below(from.length)] ?? from[0] };
}

function seedOfRun(): number {
  const given = Number(process.env.PARVIS_SEED);
  return Number.isSafeInteger(given) && given > 0 ? given : 1 + Math.floor(Math.random() * 0x7ffffffe);
}
