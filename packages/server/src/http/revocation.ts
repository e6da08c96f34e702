import { errors } from '@parvis/protocol';
import type { Principal } from '../access/principal.ts';
import { checkTarget, type Revocation } from '../access/revocations.ts';
import { batchReply, resultOf } from './batchReply.ts';
import type { Exchange } from './exchange.ts';
import type { Reply } from './reply.ts';
import type { Route } from './router.ts';

/** Taking tokens back (protocol reference 5.7). */
export const revocationRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/keys/{keyName}/revokeTokens', answer: revokeTokens },
];

const MAX_TARGETS = 100;
/** Tokens that can be revoked live no longer, so there is nothing to revoke from before. */
const MAX_AGE_MS = 3_600_000;
/** How long clients have to fetch another token. */
const REAUTH_MARGIN_MS = 30_000;

/**
 * Revokes the tokens of a key that fit any of the targets; a target that makes no sense fails alone. Rejects with 40162 for
 * a token, 40133 for another key, 40163 for one whose tokens cannot be revoked, 40000 and 40001 for a bad body.
 */
async function revokeTokens(exchange: Exchange): Promise<Reply> {
  const principal = await exchange.authenticateKey();
  requireRevocable(principal, exchange.param('keyName'));
  const now = exchange.host.clock.now();
  const { targets, issuedBefore, margin } = asked((await exchange.body()).value, now);
  // More than the margin, however fast the clock of whoever asks.
  const appliesAt = margin ? now + REAUTH_MARGIN_MS + 1 : now;
  const revocations: Revocation[] = [];
  const results = await Promise.all(
    targets.map((target) =>
      resultOf({ target }, () => {
        checkTarget(target);
        revocations.push({ keyName: principal.key.name, target, issuedBefore, appliesAt });
        return { issuedBefore, appliesAt };
      }),
    ),
  );
  await exchange.host.revoke(principal.app, revocations);
  return batchReply(exchange, 201, results);
}

function requireRevocable({ key }: Principal, keyName: string): void {
  if (key.name !== keyName) throw errors.otherKeyRevokes();
  if (!key.revocableTokens) throw errors.notRevocable(keyName);
}

function asked(body: unknown, now: number) {
  const fields = typeof body === 'object' && body !== null && !Array.isArray(body) ? body : {};
  const { targets, issuedBefore = now, allowReauthMargin = false } = fields as Record<string, unknown>;
  if (!Array.isArray(targets) || !targets.every((target): target is string => typeof target === 'string')) {
    throw errors.badBody('targets must be an array of texts such as clientId:<id>');
  }
  if (targets.length === 0 || targets.length > MAX_TARGETS) {
    throw errors.badRequest(`targets must be 1 to ${MAX_TARGETS}`);
  }
  if (!Number.isSafeInteger(issuedBefore)) throw errors.badRequest('issuedBefore must be in ms since the epoch');
  const before = issuedBefore as number;
  if (before > now || before < now - MAX_AGE_MS) {
    throw errors.badRequest('issuedBefore must be neither in the future nor more than an hour ago');
  }
  if (typeof allowReauthMargin !== 'boolean') throw errors.badRequest('allowReauthMargin must be true or false');
  return { targets, issuedBefore: before, margin: allowReauthMargin };
}
