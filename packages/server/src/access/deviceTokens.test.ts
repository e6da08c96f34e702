import { errors } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { appFromKeys, createApps } from './apps.ts';
import { isDeviceToken, issueDeviceToken, openDeviceToken } from './deviceTokens.ts';

const app = appFromKeys([
  { key: 'app.key:secret-secret-secret-secret' },
  { key: 'app.other:secret-secret-secret-secret' },
]);
const apps = createApps([app]);
const key = app.keys.get('app.key');
const claims = { deviceId: 'd~1.', clientId: 'ann', generation: 'g', issued: 1, expires: 1_000 };

describe('tokens of devices', () => {
  it('[PU7] one says what it was issued with, until it expires', () => {
    if (key === undefined) throw errors.internal();
    const token = issueDeviceToken(key, claims);
    expect(isDeviceToken(token)).toBe(true);
    expect(openDeviceToken(apps, token, 999)).toEqual({ app, key, claims });
    expect(() => openDeviceToken(apps, token, 1_000)).toThrow(expect.objectContaining({ code: 40100 }));
  });

  it('[PU7] one is good for the key that issued it alone', () => {
    const other = app.keys.get('app.other');
    if (key === undefined || other === undefined) throw errors.internal();
    const [text] = issueDeviceToken(key, claims).split('~');
    const [, mac] = issueDeviceToken(other, claims).split('~');
    expect(() => openDeviceToken(apps, `${text}~${mac}`, 1)).toThrow(expect.objectContaining({ code: 40100 }));
    expect(() => openDeviceToken(createApps([]), issueDeviceToken(key, claims), 1)).toThrow('not one of ours');
  });
});
