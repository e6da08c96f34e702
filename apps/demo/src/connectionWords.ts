/** What a connection state looks like. */
export interface ConnectionWords {
  readonly words: string;
  readonly tone: 'good' | 'waiting' | 'bad';
}

const byState = new Map<string, ConnectionWords>([
  ['initialized', { words: 'Starting', tone: 'waiting' }],
  ['connecting', { words: 'Connecting', tone: 'waiting' }],
  ['connected', { words: 'Connected', tone: 'good' }],
  ['disconnected', { words: 'Disconnected', tone: 'bad' }],
  ['suspended', { words: 'Suspended', tone: 'bad' }],
  ['closing', { words: 'Closing', tone: 'waiting' }],
  ['closed', { words: 'Closed', tone: 'bad' }],
  ['failed', { words: 'Failed', tone: 'bad' }],
]);

/** The words and tone for a state of the realtime client; `isCut` while the user keeps the connection cut. */
export function connectionWords(state: string, isCut: boolean): ConnectionWords {
  if (isCut && (state === 'disconnected' || state === 'connecting')) return { words: 'Cut off', tone: 'bad' };
  return byState.get(state) ?? { words: state, tone: 'waiting' };
}

/** What the button beside the state offers, in short and in full. A client that has failed does not connect again. */
export function connectionOffer(state: string, isCut: boolean): { readonly short: string; readonly full: string } {
  if (state === 'failed') return { short: 'Reload', full: 'Reload the page' };
  return isCut ? { short: 'Restore', full: 'Restore the connection' } : { short: 'Cut', full: 'Cut the connection' };
}

/** What a return to `connected` meant; nothing for the very start. */
export function returnWords(before: string | undefined, now: string | undefined): string | null {
  if (!before || !now) return null;
  return before === now ? 'Connection resumed, nothing was missed' : 'Connected again, with a new connection';
}
