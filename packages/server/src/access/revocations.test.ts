import { Capability } from '@parvis/auth';
import { beforeEach, describe, expect, test } from 'vitest';
import { appFromKeys } from './apps.ts';
import type { Principal } from './principal.ts';
import { checkTarget, type Revocation, Revocations } from './revocations.ts';

const app = appFromKeys([
  { key: 'app.key:secret-of-more-than-sixteen-bytes', revocableTokens: true },
  { key: 'app.other:secret-of-more-than-sixteen-bytes', revocableTokens: true },
]);
const keyOf = (name: string) => app.keys.get(name) ?? Promise.reject(new Error('no such key'));
const key = await keyOf('app.key');
const other = await keyOf('app.other');

const bearer = (more: Partial<Principal> = {}): Principal => ({
  app,
  key,
  clientId: 'ann',
  capability: Capability.parse({ 'board:*': ['subscribe'], 'room:1': ['publish'] }),
  method: 'token',
  issuedAt: 1_000,
  ...more,
});

let revocations: Revocations;
const revoke = (target: string, more: Partial<Revocation> = {}) =>
  revocations.add(`${target} ${revocations.size}`, {
    keyName: 'app.key',
    target,
    issuedBefore: 1_001,
    appliesAt: 0,
    ...more,
  });

beforeEach(() => {
  revocations = new Revocations();
});

describe('what a revocation is aimed at', () => {
  test.each<[string, Partial<Principal>, boolean]>([
    ['clientId:ann', {}, true],
    ['clientId:an', {}, false],
    ['clientId:ann', { clientId: 'bob' }, false],
    ['clientId:ann', { clientId: undefined }, false],
    ['clientId:ann', { tokenClientId: '*' }, true],
    ['clientId:*', { tokenClientId: '*' }, true],
    ['clientId:*', {}, false],
    ['clientId:a:b', { clientId: 'a:b' }, true],
    ['revocationKey:team', { revocationKey: 'team' }, true],
    ['revocationKey:team', { revocationKey: 'clientId:team' }, false],
    ['revocationKey:team', {}, false],
    ['channel:board:7', {}, true],
    ['channel:board:*', {}, true],
    ['channel:room:1', {}, true],
    ['channel:room:2', {}, false],
    ['channel:*', {}, false],
    ['channel:*', { capability: Capability.parse({ '*': ['subscribe'] }) }, true],
    ['clientId:ann', { key: other }, false],
  ])('[RV1] %s revokes the token of %o: %s', (target, more, isRevoked) => {
    revoke(target);
    expect(revocations.isRevoked(bearer(more), 0)).toBe(isRevoked);
  });

  test('[RV2] tokens issued at that time or after it, and credentials without such a time, stay good', () => {
    revoke('clientId:ann', { issuedBefore: 1_000 });
    expect(revocations.isRevoked(bearer({ issuedAt: 999 }), 0)).toBe(true);
    expect(revocations.isRevoked(bearer(), 0)).toBe(false);
    const { issuedAt: _, ...timeless } = bearer();
    expect(revocations.isRevoked(timeless, 0)).toBe(false);
  });

  test('[RV2] a revocation with a margin holds from its end on', () => {
    revoke('clientId:ann', { appliesAt: 500 });
    expect([499, 500].map((at) => revocations.isRevoked(bearer(), at))).toEqual([false, true]);
  });

  test('[RV2] a later and weaker revocation takes nothing from an earlier one', () => {
    revoke('clientId:ann');
    revoke('clientId:ann', { issuedBefore: 10, appliesAt: 900 });
    expect(revocations.isRevoked(bearer(), 0)).toBe(true);
  });

  test('[RV2] one that is forgotten takes no other with it', () => {
    const aimed = { keyName: 'app.key', appliesAt: 0 };
    for (const kind of ['clientId:ann', 'channel:board:7']) {
      revocations.add(`a ${kind}`, { ...aimed, target: kind, issuedBefore: 1_001 });
      revocations.add(`b ${kind}`, { ...aimed, target: kind, issuedBefore: 2_001 });
      revocations.delete(`b ${kind}`);
      revocations.delete('unknown');
      expect(revocations.isRevoked(bearer(), 0)).toBe(true);
      revocations.delete(`a ${kind}`);
      expect(revocations.isRevoked(bearer(), 0)).toBe(false);
    }
    expect(revocations.size).toBe(0);
  });

  test('[RV2] what an earlier revocation does already is known', () => {
    revoke('clientId:ann', { issuedBefore: 1_000, appliesAt: 100 });
    const like = (more: Partial<Revocation>) =>
      revocations.implies({ keyName: 'app.key', target: 'clientId:ann', issuedBefore: 1_000, appliesAt: 100, ...more });
    expect(like({})).toBe(true);
    expect(like({ issuedBefore: 900, appliesAt: 200 })).toBe(true);
    expect(like({ issuedBefore: 1_001 })).toBe(false);
    expect(like({ appliesAt: 99 })).toBe(false);
    expect(like({ keyName: 'app.other' })).toBe(false);
    expect(like({ target: 'clientId:bob' })).toBe(false);
  });

  test.each([
    '',
    'clientId',
    'clientId:',
    ':x',
    'invalidType:abc',
    'CLIENTID:x',
    ' clientId:x',
    `clientId:${'x'.repeat(2_000)}`,
  ])('[RV3] a target such as %j is 40000', (target) =>
    expect(() => checkTarget(target)).toThrow(expect.objectContaining({ code: 40000, statusCode: 400 })),
  );
});
