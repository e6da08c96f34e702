/** Whether pages of an origin may talk to us. Compared as a whole and exactly, as browsers send it; without a list all may. */
export function originCheck(allowed: readonly string[]): (origin: string) => boolean {
  if (allowed.length === 0) return () => true;
  const origins = new Set(allowed);
  return (origin) => origins.has(origin);
}
