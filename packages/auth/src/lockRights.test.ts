import { describe, expect, it } from 'vitest';
import { readJwtClaims } from './jwtClaims.ts';
import { LockRights } from './lockRights.ts';

const now = 1_700_000_000_000;
const claims = (locks?: unknown) =>
  readJwtClaims(
    { iat: now / 1_000, exp: now / 1_000 + 60, ...(locks === undefined ? {} : { 'x-parvis-locks': locks }) },
    { now, revocableTokens: false },
  ).lockRights;

describe('rights on locks', () => {
  it('[LK19] locks are taken by force on the channels that are named, and nowhere else', () => {
    const rights = LockRights.parse({ 'team:*': ['force'], 'board::$space': ['force'], 'quiet::$space': [] });
    expect(rights.mayForce('team:a::$space')).toBe(true);
    expect(rights.mayForce('board::$space')).toBe(true);
    expect(rights.mayForce('[?rewind=1]board::$space')).toBe(true);
    expect(rights.mayForce('quiet::$space')).toBe(false);
    expect(rights.mayForce('teams::$space')).toBe(false);
  });

  it('[LK19] a token says it as JSON text; one that says something else is refused with 40144', () => {
    expect(claims()).toBeUndefined();
    expect(claims('{"*":["force"]}')?.mayForce('a::$space')).toBe(true);
    for (const bad of ['force', '[]', '{"*":"force"}', '{"*":["steal"]}', 7]) {
      expect(() => claims(bad)).toThrow(expect.objectContaining({ code: 40144 }));
    }
    expect(() => LockRights.parse('nonsense')).toThrow(expect.objectContaining({ code: 40000 }));
  });
});
