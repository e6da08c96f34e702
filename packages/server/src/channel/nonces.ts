import type { Engine } from '../engine/engine.ts';

/** Channels that begin with a bracket cannot be named by clients; this one keeps the nonces of an app. */
const NONCES = '[parvis]nonces';

/**
 * Remembers nonces of token requests on all nodes: a row per nonce that lapses by itself. Resolves with whether the
 * nonce was new; of two claims at once one wins.
 */
export async function claimNonce(engine: Engine, app: string, nonce: string, ms: number): Promise<boolean> {
  const key = nonce;
  const owner = `${app}/nonce/${nonce}`;
  const result = await engine.append(
    { app, name: NONCES, retentionMs: 0 },
    {
      kind: 'message',
      payload: null,
      ephemeral: true,
      rows: [{ table: 'nonces', key, value: null, owner }],
      expect: [{ table: 'nonces', key, serial: null }],
    },
  );
  if (result.outcome === 'refused') return false;
  await engine.lease(owner, ms);
  return true;
}
