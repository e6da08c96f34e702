import { describe, expect, it } from 'vitest';
import { layerOf, settingsOf } from './config.ts';

describe('options', () => {
  it('[OP11] of several layers the last one that has a value counts, and else the initial value', () => {
    const settings = settingsOf(
      layerOf({ port: 1, host: '::1', limits: { maxFrameSize: 2_000 } }),
      layerOf({ port: 2, limits: { maxRewind: 5 } }),
      layerOf({ port: undefined, limits: { maxRewind: undefined } }),
    );
    expect(settings).toMatchObject({ port: 2, host: '::1', logLevel: 'info' });
    expect(settings.limits).toMatchObject({ maxFrameSize: 2_000, maxRewind: 5, maxMessageSize: 65_536 });
    expect(settings.tls).toEqual({ cert: undefined, key: undefined });
  });

  it.each([
    ['prot', 'port', { prot: 1 }],
    ['maxFrameSize', 'limits.maxFrameSize', { maxFrameSize: 1 }],
    ['limits.maxFramesize', 'limits.maxFrameSize', { limits: { maxFramesize: 1 } }],
    ['limit', 'limits', { limit: {} }],
    ['engin', 'engine', { engin: {} }],
  ])('[OP12] an unknown option %s is refused with the nearest name', (given, nearest, options) => {
    expect(() => layerOf(options, ['engine'])).toThrow(`there is no option ${given}; did you mean ${nearest}?`);
  });

  it('[OP12] a name that is like none is refused without a guess, and one that means something to objects too', () => {
    expect(() => layerOf({ quux: 1 })).toThrow(/^there is no option quux$/);
    expect(() => layerOf(JSON.parse('{"__proto__": 1}'))).toThrow(/^there is no option __proto__$/);
    expect(() => layerOf({ constructor: 1 })).toThrow(/^there is no option constructor/);
    expect(() => layerOf({ limits: [] })).toThrow('parameter limits is not valid: it must be an object');
  });

  it.each([
    [{ keys: ['app.key'] }, 'API key is not of the form appId.keyId:secret'],
    [{ keys: ['app.key:'] }, 'API key is not of the form appId.keyId:secret'],
    [{ keys: 'app.key:secret' }, 'it must be a list'],
    [{ keys: [{ key: 'a.b:c', capabilty: {} }] }, 'it has no field capabilty; did you mean capability?'],
    [{ keys: [{ key: 'a.b:c', revocableTokens: 'yes' }] }, 'revocableTokens must be true or false'],
    [{ apps: [{ id: 'a', keys: ['b.c:d'] }] }, 'keys of app a must begin with a.'],
    [{ apps: [{ id: 'a', keys: [] }] }, 'app a needs a list of keys'],
    [{ apps: [{ id: 'a', keys: ['a.b:c'], namespaces: [{ id: 'n', persist: true }] }] }, 'did you mean persisted?'],
    [{ apps: [{ id: 'a', keys: ['a.b:c'], maxPresenceMembers: 0 }] }, 'maxPresenceMembers of app a'],
    [{ allowedOrigins: ['https://a.example/'] }, 'an origin has no path and no capitals: https://a.example'],
    [{ allowedOrigins: ['null'] }, 'an origin looks like https://app.example.com'],
    [{ secret: 'short' }, 'it must be text of at least 32 characters'],
    [{ port: 65_536 }, 'a whole number from 0 to 65535'],
    [{ port: 1.5 }, 'a whole number from 0 to 65535'],
  ])('[OP13] %j is refused', (options, message) => {
    expect(() => layerOf(options)).toThrow(message);
  });

  it('[OP13] no error shows a secret', () => {
    for (const options of [{ keys: ['app.key:se cret'] }, { keys: [{ key: 'app:secret' }] }, { secret: 'secret' }]) {
      expect(() => layerOf(options)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('secret"') }),
      );
      expect(() => layerOf(options)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('se cret') }),
      );
    }
  });
});
