import { describe, expect, it } from 'vitest';
import { layerOf, settingsOf } from '../config.ts';
import { checkIssuer } from './checkIssuer.ts';

const plain = { issuer: 'https://a.example/', jwks: 'https://a.example/jwks.json', key: 'app.key' };

describe('issuers as they are configured', () => {
  it('[JI7] an issuer needs a name, an address of keys and a key that it belongs to, and may say more', () => {
    const full = {
      ...plain,
      algorithms: ['RS256', 'ES256', 'EdDSA'],
      audience: ['us'],
      clientIdClaim: 'user.id',
      clientIdPrefix: 'a:',
      capabilityClaim: 'caps',
      capability: { '*': ['subscribe'] },
      revocationKeyClaim: 'org',
      maxLifetimeMs: 3_600_000,
    };
    expect(checkIssuer(plain, 'issuers')).toEqual(plain);
    expect(checkIssuer(full, 'issuers')).toEqual(full);
    expect(checkIssuer({ ...plain, audience: 'us' }, 'issuers')).toEqual({ ...plain, audience: ['us'] });
    expect(settingsOf(layerOf({ issuers: [plain] })).issuers).toEqual([plain]);
    expect(settingsOf().issuers).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['text', 'https://a.example/'],
    ['without a name', { ...plain, issuer: undefined }],
    ['without keys', { ...plain, jwks: '' }],
    ['of no key', { ...plain, key: 7 }],
    ['with an address that is none', { ...plain, jwks: 'a.example' }],
    ['with an address of a file', { ...plain, jwks: 'file:///etc/passwd' }],
    ['with a password in its address', { ...plain, jwks: 'https://me:secret@a.example/' }],
    ['with a shared secret', { ...plain, algorithms: ['HS256'] }],
    ['with none', { ...plain, algorithms: ['none'] }],
    ['with no algorithm', { ...plain, algorithms: [] }],
    ['with an algorithm that is no list', { ...plain, algorithms: 'RS256' }],
    ['with an empty audience', { ...plain, audience: [] }],
    ['with a capability that is none', { ...plain, capability: { a: 'b' } }],
    ['with a capability of nothing', { ...plain, capability: {} }],
    ['with an empty prefix', { ...plain, clientIdPrefix: '' }],
    ['with a prefix of two lines', { ...plain, clientIdPrefix: 'a\nb' }],
    ['with a lifetime of nothing', { ...plain, maxLifetimeMs: 0 }],
    ['with a field that there is not', { ...plain, jwks_uri: 'https://a.example/' }],
  ])('[JI7] an issuer %s is refused under the name of the setting', (_title, value) => {
    const error = expect.objectContaining({ code: 40003, message: expect.stringContaining('--issuer') });
    expect(() => checkIssuer(value, '--issuer')).toThrow(error);
  });
});
