/** Lifetime of a token for which none is asked, in ms. */
export const defaultTtlMs = 3_600_000;

/** How far the clock of whoever signs may be off, in ms. */
export const clockSkewMs = 120_000;

/** Longest lifetime of a token, in ms: a day, or an hour if the key's tokens are revocable. */
export function maxTtlMs(revocableTokens: boolean): number {
  return revocableTokens ? 3_600_000 : 86_400_000;
}
