const boundMs = 5_000;

/** The event loop has gone round once. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/**
 * Waits until this holds, looking once per turn of the event loop. Rejects after five seconds, naming what did not come.
 */
export async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + boundMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`did not come within ${boundMs} ms: ${what}`);
    await turn();
  }
}
