import { type Extras, errors } from '@parvis/protocol';

/** Top-level keys of a message's `extras` that a strict service takes (protocol reference 2.10.6). */
const knownExtras = new Set(['push', 'headers', 'ref', 'ephemeral', 'privileged', 'ai', 'userClaim']);

/**
 * Checks the extras of a message. `delta` is the service's to say: a forged one would send every subscriber into
 * recovery, so it is refused. Throws 40032.
 */
export function checkExtras(extras: Extras, strict: boolean): void {
  if (Object.hasOwn(extras, 'delta')) throw errors.badExtras('extras.delta is set by the service alone');
  for (const key of strict ? Object.keys(extras) : []) {
    if (!knownExtras.has(key))
      throw errors.badExtras(`extras may not hold the key ${JSON.stringify(key.slice(0, 64))}`);
  }
}

/** Extras with the claim that the issuer of the publisher's token vouches for, and with no other. */
export function withUserClaim(extras: Extras | undefined, userClaim: string | undefined): Extras | undefined {
  if (userClaim !== undefined) return { ...extras, userClaim };
  if (extras === undefined || !Object.hasOwn(extras, 'userClaim')) return extras;
  const { userClaim: _, ...rest } = extras;
  return rest;
}
