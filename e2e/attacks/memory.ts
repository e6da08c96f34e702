import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const BOUND_MS = 10_000;

/** Bytes in use once all that can be freed is freed. */
export function memoryUsed(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Resolves once no more than this many bytes are in use; rejects after a bound. */
export async function settledAt(bytes: number): Promise<void> {
  const end = performance.now() + BOUND_MS;
  for (;;) {
    const used = memoryUsed();
    if (used <= bytes) return;
    if (performance.now() > end) throw new Error(`${used} bytes are in use, not ${bytes}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
