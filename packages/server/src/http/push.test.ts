import { createFakeClock, type FakeClock } from '@parvis/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { maxRegistrations } from '../channel/pushRows.ts';
import { type Answer, type Asking, addressOf, linksOf, TestHttp } from './testHttp.ts';

const everything = '{"[*]*":["*"]}';
const pushKeys = [
  { capability: everything },
  { capability: '{"alerts:*":["push-subscribe"],"inbox":["subscribe"]}' },
  { capability: '{"alerts:admin:*":["push-admin"]}' },
  { capability: '{"*":["subscribe","history"]}' },
];
const spec = { keys: pushKeys, namespaces: [{ id: 'alerts', pushEnabled: true }] };
const registrations = '/push/deviceRegistrations';
const subscriptions = '/push/channelSubscriptions';

let http: TestHttp;
let clock: FakeClock;
let full: string;
let subscriber: string;
let admin: string;
let reader: string;

beforeEach(async () => {
  clock = createFakeClock(Date.now());
  http = await new TestHttp({ clock, sandbox: {} }).listen();
  const { body } = await http.send({ method: 'POST', path: '/apps', key: '', body: spec });
  [full = '', subscriber = '', admin = '', reader = ''] = body.keys.map(({ keyStr }: { keyStr: string }) => keyStr);
});

afterEach(() => http.close());

const gcm = { transportType: 'gcm', registrationToken: 'x' };
const inbox = (channel = 'inbox') => ({
  transportType: 'ablyChannel',
  channel,
  ablyKey: full,
  ablyUrl: 'http://192.0.2.1/',
});
const details = (id: string, more: Record<string, unknown> = {}) => {
  const { recipient = gcm, ...rest } = more;
  return { id, platform: 'android', formFactor: 'phone', push: { recipient }, ...rest };
};
const ask = (method: string, path: string, more: Partial<Asking> = {}) =>
  http.send({ method, path, key: full, ...more });
const register = (id: string, more: Record<string, unknown> = {}, asking: Partial<Asking> = {}) =>
  ask('POST', registrations, { body: details(id, more), ...asking });
const subscribe = (body: unknown, asking: Partial<Asking> = {}) => ask('POST', subscriptions, { body, ...asking });
const codeOf = ({ status, body }: Answer) => [status, body?.error?.code];
const encodedClient = (clientId: string) => ({ 'x-ably-clientid': Buffer.from(clientId).toString('base64') });
const tokenOf = ({ body }: Answer): string => body.deviceIdentityToken.token;
const bearer = (token: string) => ({
  key: '',
  headers: { authorization: `Bearer ${Buffer.from(token).toString('base64')}` },
});
const idsIn = ({ body }: Answer) => body.map(({ id }: { id: string }) => id);
const pushed = async (channel = 'inbox') => {
  const { body } = await ask('GET', `/channels/${encodeURIComponent(channel)}/messages?direction=forwards`);
  return body.map(({ name, data }: { name: string; data: string }) => [name, JSON.parse(data)]);
};

describe('devices', () => {
  it('[PU1] a device that is activated gets its details back and a token of its own', async () => {
    const { status, body } = await register('d1', { clientId: 'ann', metadata: { a: 'b' }, deviceSecret: 'secret' });
    const { deviceIdentityToken: token, ...shown } = body;
    expect(status).toBe(201);
    expect(shown).toEqual({
      id: 'd1',
      clientId: 'ann',
      platform: 'android',
      formFactor: 'phone',
      metadata: { a: 'b' },
      push: { recipient: gcm, state: 'ACTIVE' },
    });
    expect(token).toEqual({
      token: expect.any(String),
      keyName: full.split(':')[0],
      issued: clock.now(),
      expires: clock.now() + 5 * 365 * 86_400_000,
      capability: '{"*":["push-subscribe"]}',
      deviceId: 'd1',
      clientId: 'ann',
    });
  });

  it('[PU1] the secret is told to who administers and asks for the one device, the key of a channel to nobody', async () => {
    const made = await register('d1', { deviceSecret: 'secret', recipient: inbox() });
    const one = await ask('GET', `${registrations}/d1`);
    const own = await ask('GET', `${registrations}/d1`, bearer(tokenOf(made)));
    const all = await ask('GET', registrations);
    expect(one.body.deviceSecret).toBe('secret');
    for (const answer of [made, own, all]) expect(String(answer.bytes)).not.toContain('secret"');
    for (const answer of [made, one, own, all]) expect(String(answer.bytes)).not.toContain(full.split(':')[1]);
    expect(own.body.push.recipient).toEqual({ transportType: 'ablyChannel', channel: 'inbox' });
  });

  it('[PU2] a device that cannot be one is refused, and nothing is kept of it', async () => {
    const cases: [code: number, body: unknown][] = [
      [40001, []],
      [40015, details('')],
      [40015, details('x'.repeat(257))],
      [40015, { ...details('d'), id: 7 }],
      [40000, { ...details('d'), platform: 'toaster' }],
      [40000, { ...details('d'), formFactor: 'round' }],
      [40000, { ...details('d'), platform: undefined }],
      [40000, { ...details('d'), push: {} }],
      [40001, { ...details('d'), push: 'x' }],
      [40000, details('d', { recipient: {} })],
      [40000, details('d', { recipient: { transportType: 'ablyChannel', channel: 'inbox' } })],
      [40000, details('d', { recipient: { ...inbox(), ablyKey: full.replace(/:.*/, ':wrong') } })],
      [40000, details('d', { recipient: { ...inbox(), ablyKey: 'app.full:full-secret-full-secret-full-secret' } })],
      [40160, details('d', { recipient: { ...inbox(), ablyKey: reader } })],
      [40000, details('d', { metadata: { long: 'x'.repeat(5_000) } })],
      [40001, details('d', { metadata: [] })],
      [40012, details('d', { clientId: '*' })],
      [40000, details('d', { deviceSecret: 7 })],
    ];
    for (const [code, body] of cases) {
      expect([code, codeOf(await ask('POST', registrations, { body }))[1]]).toEqual([code, code]);
    }
    expect((await ask('GET', registrations)).body).toEqual([]);
    expect(codeOf(await ask('PUT', `${registrations}/a`, { body: details('b') }))).toEqual([400, 40015]);
  });

  it('[PU3] a device is changed by its token, by its secret and by who administers, and by nobody else', async () => {
    const token = tokenOf(await register('d1', { deviceSecret: 'secret' }, { key: subscriber }));
    const other = tokenOf(await register('d2', { deviceSecret: 'other' }, { key: subscriber }));
    const path = `${registrations}/d1`;
    const patch = (more: Partial<Asking>) => ask('PATCH', path, { body: { metadata: { at: 1 } }, ...more });
    const withSecret = (secret: string) => ({ key: subscriber, headers: { 'x-ably-devicesecret': secret } });
    const withToken = (shown: string) => ({ key: subscriber, headers: { 'x-ably-devicetoken': shown } });
    for (const more of [bearer(token), withToken(token), withSecret('secret'), { key: admin }, { key: full }]) {
      expect((await patch(more)).status).toBe(200);
    }
    for (const more of [{ key: subscriber }, { key: reader }, withSecret('other'), withToken(other), bearer(other)]) {
      expect(codeOf(await patch(more))).toEqual([401, 40160]);
      expect(codeOf(await ask('GET', path, more))).toEqual([401, 40160]);
      expect(codeOf(await ask('DELETE', path, more))).toEqual([401, 40160]);
      expect(codeOf(await ask('POST', `${path}/resetUpdateToken`, more))).toEqual([401, 40160]);
    }
    expect(codeOf(await register('d1', { deviceSecret: 'other' }, { key: subscriber }))).toEqual([401, 40160]);
    expect((await register('d1', { deviceSecret: 'secret' }, { key: subscriber })).status).toBe(201);
    expect(codeOf(await register('d3', {}, { key: reader }))).toEqual([401, 40160]);
  });

  it('[PU3] a device belongs to the client that registers it, and to no other', async () => {
    const as = (clientId: string) => ({ key: subscriber, headers: encodedClient(clientId) });
    expect((await register('d1', { deviceSecret: 's' }, as('ann'))).body.clientId).toBe('ann');
    expect(codeOf(await register('d1', { deviceSecret: 's' }, as('bob')))).toEqual([400, 61002]);
    expect(codeOf(await register('d2', { clientId: 'ann' }, as('bob')))).toEqual([400, 61002]);
    const asking = {
      method: 'POST',
      path: `/keys/${subscriber.split(':')[0]}/requestToken`,
      body: {},
      key: subscriber,
    };
    const { token } = (await http.send(asking)).body;
    const anonymous = { key: '', headers: { authorization: `Bearer ${token}` } };
    expect(codeOf(await register('d3', { clientId: 'ann' }, anonymous))).toEqual([400, 40012]);
    expect((await register('d3', {}, anonymous)).body.clientId).toBeUndefined();
  });

  it('[PU4] PUT sets a device, PATCH changes what it names, GET shows it, DELETE takes it with its subscriptions', async () => {
    const path = `${registrations}/a%20b%2F1`;
    const id = 'a b/1';
    expect(codeOf(await ask('GET', path))).toEqual([404, 40400]);
    expect(codeOf(await ask('PATCH', path, { body: {} }))).toEqual([404, 40400]);
    expect((await ask('PUT', path, { body: details(id, { metadata: { a: 1 } }) })).status).toBe(200);
    const patched = await ask('PATCH', path, { body: { push: { recipient: { ...gcm, registrationToken: 'y' } } } });
    expect(patched.body).toMatchObject({ id, metadata: { a: 1 }, push: { recipient: { registrationToken: 'y' } } });
    expect((await ask('GET', path)).body).toEqual(patched.body);
    await subscribe({ channel: 'alerts:x', deviceId: id });
    expect((await ask('DELETE', path)).status).toBe(204);
    expect((await ask('DELETE', path)).status).toBe(204);
    expect(codeOf(await ask('GET', path))).toEqual([404, 40400]);
    expect((await ask('GET', subscriptions)).body).toEqual([]);
  });

  it('[PU5] devices are listed page by page, and filtered by id and client', async () => {
    for (const at of [1, 2, 3, 4, 5]) await register(`d${at}`, { clientId: at % 2 === 0 ? 'even' : 'odd one' });
    const pages: string[][] = [];
    for (let path = `${registrations}?limit=2`; ; ) {
      const page = await ask('GET', path);
      pages.push(idsIn(page));
      const next = linksOf(page).get('next');
      if (next === undefined) break;
      path = addressOf(path, next);
    }
    expect(pages).toEqual([['d1', 'd2'], ['d3', 'd4'], ['d5']]);
    expect(idsIn(await ask('GET', `${registrations}?clientId=odd%20one`))).toEqual(['d1', 'd3', 'd5']);
    expect(idsIn(await ask('GET', `${registrations}?deviceId=d2&clientId=even`))).toEqual(['d2']);
    expect(idsIn(await ask('GET', `${registrations}?deviceId=d1&clientId=even`))).toEqual([]);
    await register('d1', { clientId: 'even' });
    expect(idsIn(await ask('GET', `${registrations}?clientId=odd%20one&limit=1`))).toEqual(['d3']);
    expect(codeOf(await ask('GET', `${registrations}?limit=0`))).toEqual([400, 40003]);
    expect(codeOf(await ask('GET', `${registrations}?cursor=x`))).toEqual([400, 40011]);
  });

  it('[PU5] a device lists itself, who may only subscribe lists nothing', async () => {
    const token = tokenOf(await register('d1'));
    await register('d2');
    expect(idsIn(await ask('GET', registrations, bearer(token)))).toEqual(['d1']);
    expect(idsIn(await ask('GET', `${registrations}?deviceId=d2`, bearer(token)))).toEqual([]);
    expect(codeOf(await ask('GET', registrations, { key: subscriber }))).toEqual([401, 40160]);
  });

  it('[PU5] devices are removed by id and by client, and a filter must be given', async () => {
    const token = tokenOf(await register('d1', { clientId: 'ann' }));
    await register('d2', { clientId: 'ann' });
    await register('d3', { clientId: 'bob' });
    const remove = (query: string, more = {}) => ask('DELETE', `${registrations}?${query}`, more);
    expect(codeOf(await remove(''))).toEqual([400, 40000]);
    expect(codeOf(await remove('clientId=ann', bearer(token)))).toEqual([401, 40160]);
    expect(codeOf(await remove('deviceId=d2', bearer(token)))).toEqual([401, 40160]);
    expect((await remove('deviceId=d1', bearer(token))).status).toBe(204);
    expect((await remove('deviceId=nobody')).status).toBe(204);
    expect((await remove('clientId=ann')).status).toBe(204);
    expect(idsIn(await ask('GET', registrations))).toEqual(['d3']);
  });

  it('[PU6] a reset gives a new token, and those from before are void', async () => {
    const first = tokenOf(await register('d1'));
    const reset = () => ask('POST', `${registrations}/d1/resetUpdateToken`);
    const second = tokenOf(await reset());
    const { body } = await reset();
    expect(body.updateToken).toBe(body.deviceIdentityToken.token);
    expect(new Set([first, second, body.updateToken]).size).toBe(3);
    for (const old of [first, second]) {
      expect(codeOf(await ask('GET', `${registrations}/d1`, bearer(old)))).toEqual([401, 40100]);
    }
    expect((await ask('GET', `${registrations}/d1`, bearer(body.updateToken))).status).toBe(200);
  });

  it('[PU7] a token of a device stands for it on push routes alone, while the device is there', async () => {
    const token = tokenOf(await register('d1'));
    const get = (shown: string) => ask('GET', `${registrations}/d1`, bearer(shown));
    expect((await get(token)).status).toBe(200);
    expect(
      (await ask('GET', `${registrations}/d1?access_token=${encodeURIComponent(token)}`, { key: '' })).status,
    ).toBe(200);
    const elsewhere = await ask('GET', '/channels/x/messages', bearer(token));
    expect([elsewhere.status, elsewhere.body.error.code]).toEqual([400, 40005]);
    const [head = '', mac = ''] = token.split('~');
    const [app = '', claims = ''] = head.split('.');
    const forged = Buffer.from(String(Buffer.from(claims, 'base64url')).replace('d1', 'd2')).toString('base64url');
    for (const bad of [
      `${app}.${forged}~${mac}`,
      `${head}~${mac.slice(1)}`,
      `other.${claims}~${mac}`,
      '~',
      `${app}.~x`,
    ]) {
      expect(codeOf(await get(bad))).toEqual([401, 40100]);
    }
    const stranger = { key: 'app.full:full-secret-full-secret-full-secret', headers: { 'x-ably-devicetoken': token } };
    expect(codeOf(await ask('GET', `${registrations}/d1`, stranger))).toEqual([401, 40100]);
    await ask('DELETE', `${registrations}/d1`);
    const again = tokenOf(await register('d1'));
    expect(codeOf(await get(token))).toEqual([401, 40100]);
    expect((await get(again)).status).toBe(200);
  });
});

describe('subscriptions', () => {
  it('[PU8] a device or a client subscribes to a channel with push, and gets its subscription back', async () => {
    await register('d1');
    for (const body of [
      { channel: 'alerts:x', deviceId: 'd1' },
      { channel: 'alerts:x', clientId: 'ann' },
    ]) {
      for (const _ of [1, 2]) {
        const answer = await subscribe(body);
        expect([answer.status, answer.body]).toEqual([201, body]);
      }
    }
    expect((await ask('GET', subscriptions)).body).toHaveLength(2);
    const cases: [code: number, body: unknown][] = [
      [40001, {}],
      [40001, { channel: 'alerts:x' }],
      [40001, { channel: 'alerts:x', deviceId: 'd1', clientId: 'ann' }],
      [40010, { channel: '[meta]alerts:x', clientId: 'ann' }],
      [40010, { channel: `alerts:${'x'.repeat(2_048)}`, clientId: 'ann' }],
      [40012, { channel: 'alerts:x', clientId: '*' }],
      [40015, { channel: 'alerts:x', deviceId: 7 }],
      [40300, { channel: 'plain', clientId: 'ann' }],
      [40400, { channel: 'alerts:x', deviceId: 'nobody' }],
    ];
    for (const [code, body] of cases) expect([code, codeOf(await subscribe(body))[1]]).toEqual([code, code]);
  });

  it('[PU9] who may subscribe does it for itself, who administers a channel for anybody there', async () => {
    const token = tokenOf(await register('d1', {}, { key: subscriber }));
    await register('d2');
    const device = (deviceId: string, channel = 'alerts:x') => ({ channel, deviceId });
    const shown = { key: subscriber, headers: { 'x-ably-devicetoken': token } };
    expect((await subscribe(device('d1'), shown)).status).toBe(201);
    expect(codeOf(await subscribe(device('d2'), shown))).toEqual([401, 40160]);
    expect(codeOf(await subscribe(device('d1'), { key: subscriber }))).toEqual([401, 40160]);
    expect(codeOf(await subscribe(device('d1', 'elsewhere'), shown))).toEqual([401, 40160]);
    const ann = { key: subscriber, headers: encodedClient('ann') };
    expect((await subscribe({ channel: 'alerts:x', clientId: 'ann' }, ann)).status).toBe(201);
    expect(codeOf(await subscribe({ channel: 'alerts:x', clientId: 'bob' }, ann))).toEqual([401, 40160]);
    expect((await subscribe(device('d2', 'alerts:admin:x'), { key: admin })).status).toBe(201);
    expect(codeOf(await subscribe(device('d2'), { key: admin }))).toEqual([401, 40160]);
    expect((await ask('GET', subscriptions, ann)).body).toEqual([{ channel: 'alerts:x', clientId: 'ann' }]);
    expect((await ask('GET', subscriptions, shown)).body).toContainEqual(device('d1'));
    expect((await ask('GET', subscriptions, { key: admin })).body).toEqual([device('d2', 'alerts:admin:x')]);
    await ask('DELETE', `${subscriptions}?channel=alerts:x`, ann);
    expect((await ask('GET', subscriptions)).body).toEqual([device('d2', 'alerts:admin:x'), device('d1')]);
  });

  it('[PU10] subscriptions are listed page by page by channel, device and client, and removed alike', async () => {
    await register('d1');
    for (const channel of ['alerts:a', 'alerts:a b', 'alerts:b']) {
      for (const clientId of ['ann', 'bob']) await subscribe({ channel, clientId });
      await subscribe({ channel, deviceId: 'd1' });
    }
    const list = async (query: string) => (await ask('GET', `${subscriptions}?${query}`)).body;
    expect(await list('channel=alerts:a')).toHaveLength(3);
    expect(await list('channel=alerts:a&deviceId=d1')).toEqual([{ channel: 'alerts:a', deviceId: 'd1' }]);
    expect(await list('clientId=bob')).toHaveLength(3);
    expect(await list('channel=alerts:b&deviceId=d1&clientId=ann&concatFilters=true')).toEqual([
      { channel: 'alerts:b', deviceId: 'd1' },
      { channel: 'alerts:b', clientId: 'ann' },
    ]);
    expect(codeOf(await ask('GET', `${subscriptions}?deviceId=d1&clientId=ann`))).toEqual([400, 40000]);
    const found: unknown[] = [];
    for (let path = `${subscriptions}?limit=2&deviceId=d1&clientId=ann&concatFilters=true`; ; ) {
      const page = await ask('GET', path);
      found.push(...page.body);
      const next = linksOf(page).get('next');
      if (next === undefined) break;
      path = addressOf(path, next);
    }
    expect(new Set(found.map((one) => JSON.stringify(one))).size).toBe(6);
    expect(found).toHaveLength(6);
    const remove = (query: string) => ask('DELETE', `${subscriptions}?${query}`);
    expect(codeOf(await remove(''))).toEqual([400, 40000]);
    expect((await remove('clientId=nobody')).status).toBe(204);
    expect((await remove('channel=alerts:b&clientId=ann')).status).toBe(204);
    expect((await remove('clientId=bob')).status).toBe(204);
    expect((await remove('channel=alerts:a%20b')).status).toBe(204);
    expect(await list('')).toEqual([
      { channel: 'alerts:a', clientId: 'ann' },
      { channel: 'alerts:a', deviceId: 'd1' },
      { channel: 'alerts:b', deviceId: 'd1' },
    ]);
  });

  it('[PU11] channels with subscriptions are listed by name, to who administers them', async () => {
    for (const channel of ['alerts:b', 'alerts:a', 'alerts:admin:x', 'alerts:a']) {
      for (const clientId of ['ann', 'bob']) await subscribe({ channel, clientId });
    }
    expect((await ask('GET', '/push/channels')).body).toEqual(['alerts:a', 'alerts:admin:x', 'alerts:b']);
    const first = await ask('GET', '/push/channels?limit=2');
    expect(first.body).toEqual(['alerts:a', 'alerts:admin:x']);
    const next = await ask('GET', addressOf('/push/channels', linksOf(first).get('next')));
    expect([next.body, linksOf(next).get('next')]).toEqual([['alerts:b'], undefined]);
    expect((await ask('GET', '/push/channels', { key: admin })).body).toEqual(['alerts:admin:x']);
    expect(codeOf(await ask('GET', '/push/channels', { key: subscriber }))).toEqual([401, 40160]);
  });
});

describe('notifications', () => {
  const payload = { notification: { title: 'hello' }, data: { a: 'b' } };
  const publish = (body: unknown, more: Partial<Asking> = {}) => ask('POST', '/push/publish', { body, ...more });

  it('[PU12] one to a channel of the app is a message there, and the address beside it is not called', async () => {
    expect((await publish({ recipient: inbox(), ...payload })).status).toBe(204);
    expect(await pushed()).toEqual([['__ably_push__', payload]]);
    const stranger = { ...inbox(), ablyKey: 'app.full:full-secret-full-secret-full-secret' };
    for (const recipient of [stranger, { ...inbox(), ablyKey: full.replace(/:.*/, ':guess') }]) {
      expect(codeOf(await publish({ recipient, ...payload }))).toEqual([400, 40000]);
    }
    expect(codeOf(await publish({ recipient: { ...inbox(), ablyKey: reader }, ...payload }))).toEqual([401, 40160]);
    expect(await pushed()).toHaveLength(1);
  });

  it('[PU13] one that only a vendor could deliver is refused, and so is one without recipient or content', async () => {
    expect(codeOf(await publish({ recipient: gcm, ...payload }))).toEqual([400, 103006]);
    await register('d1');
    expect(codeOf(await publish({ recipient: { deviceId: 'd1' }, ...payload }))).toEqual([400, 103006]);
    for (const recipient of [undefined, {}, 'x', { deviceId: 'd1', clientId: 'ann' }, { deviceId: 7 }]) {
      expect(codeOf(await publish({ recipient, ...payload }))).toEqual([400, 103002]);
    }
    for (const bad of [{}, { notification: 'x' }, { data: [] }]) {
      expect(codeOf(await publish({ recipient: inbox(), ...bad }))).toEqual([400, 103003]);
    }
    expect(codeOf(await publish({ recipient: inbox(), ...payload }, { key: subscriber }))).toEqual([401, 40160]);
    expect(codeOf(await ask('GET', '/push/publicVapidKey'))).toEqual([400, 103006]);
    expect(codeOf(await ask('POST', '/push/apnsBroadcastChannels/x/start'))).toEqual([400, 103006]);
  });

  it('[PU14] one to a device or to a client goes where its devices are, to all of them or to none', async () => {
    await register('d1', { clientId: 'ann', recipient: inbox('inbox 1') });
    await register('d2', { clientId: 'ann', recipient: inbox('inbox 2') });
    expect((await publish({ recipient: { deviceId: 'd1' }, ...payload })).status).toBe(204);
    expect((await publish({ recipient: { clientId: 'ann' }, ...payload })).status).toBe(204);
    expect([await pushed('inbox 1'), await pushed('inbox 2')].map((list) => list.length)).toEqual([2, 1]);
    await register('d3', { clientId: 'ann' });
    expect(codeOf(await publish({ recipient: { clientId: 'ann' }, ...payload }))).toEqual([400, 103006]);
    expect(await pushed('inbox 2')).toHaveLength(1);
    for (const recipient of [{ deviceId: 'nobody' }, { clientId: 'nobody' }]) {
      expect(codeOf(await publish({ recipient, ...payload }))).toEqual([404, 40400]);
    }
  });

  it('[PU15] of a batch each is delivered or refused by itself', async () => {
    await register('d1', { recipient: inbox() });
    const body = [
      { recipient: { deviceId: 'd1' }, payload },
      { recipient: gcm, payload },
      { recipient: [{ deviceId: 'd1' }, inbox('inbox 2')], payload },
      7,
    ];
    const answer = await ask('POST', '/push/batch/publish', { body });
    expect([answer.status, answer.body.successCount, answer.body.failureCount]).toEqual([200, 2, 2]);
    const codes = answer.body.results.map(({ error }: { error?: { code: number } }) => error?.code);
    expect(codes).toEqual([undefined, 103006, undefined, 103003]);
    const crowd = [{ recipient: Array.from({ length: 1_001 }, () => inbox()), payload }];
    expect(codeOf(await ask('POST', '/push/batch/publish', { body: crowd }))).toEqual([400, 40001]);
    expect([await pushed(), await pushed('inbox 2')].map((list) => list.length)).toEqual([2, 1]);
    for (const bad of [{}, [], Array.from({ length: 1_001 }, () => ({}))]) {
      expect(codeOf(await ask('POST', '/push/batch/publish', { body: bad }))).toEqual([400, 40001]);
    }
  });

  it('[PU16] a message with extras.push reaches each device that is subscribed once, and needs a namespace with push', async () => {
    await register('d1', { clientId: 'ann', recipient: inbox('inbox 1') });
    await register('d2', { recipient: inbox('inbox 2') });
    await register('d3');
    for (const owner of [{ deviceId: 'd1' }, { clientId: 'ann' }, { deviceId: 'd2' }, { deviceId: 'd3' }]) {
      await subscribe({ channel: 'alerts:x', ...owner });
    }
    const message = { name: 'm', extras: { push: payload } };
    const send = (channel: string, body: unknown = message) => http.publish(channel, body, { key: full });
    expect(codeOf(await send('plain'))).toEqual([400, 40032]);
    expect((await send('alerts:x', { name: 'quiet' })).status).toBe(201);
    expect((await send('alerts:x')).status).toBe(201);
    await http.channels.push.delivery.settled();
    expect([await pushed('inbox 1'), await pushed('inbox 2')]).toEqual([
      [['__ably_push__', payload]],
      [['__ably_push__', payload]],
    ]);
  });

  it('[PU17] an app has so many devices and subscriptions and no more, and those that go make room', async () => {
    const push = http.channels.push;
    const app = full.slice(0, full.indexOf('.'));
    const limit = maxRegistrations.subscriptions ?? 0;
    for (let at = 0; at < limit; at++) await push.subscriptions.add(app, { channel: 'alerts:x', clientId: `c${at}` });
    expect(codeOf(await subscribe({ channel: 'alerts:x', clientId: 'ann' }))).toEqual([403, 40300]);
    expect((await subscribe({ channel: 'alerts:x', clientId: 'c1' })).status).toBe(201);
    await ask('DELETE', `${subscriptions}?clientId=c2`);
    expect(codeOf(await subscribe({ channel: `alerts:${'x'.repeat(300)}`, clientId: 'ann' }))).toEqual([403, 40300]);
    expect((await subscribe({ channel: 'alerts:x', clientId: 'ann' })).status).toBe(201);
    expect(codeOf(await subscribe({ channel: 'alerts:x', clientId: 'bob' }))).toEqual([403, 40300]);
  });

  it('[PU17] what an app registered goes with it', async () => {
    await register('d1', { clientId: 'ann' });
    await subscribe({ channel: 'alerts:x', deviceId: 'd1' });
    const app = full.slice(0, full.indexOf('.'));
    await ask('DELETE', `/apps/${app}`);
    const ref = { app, name: '[parvis]push', retentionMs: 0 };
    for (const table of ['devices', 'clientDevices', 'subscriptions', 'subscribers', 'counts']) {
      expect((await http.engine.rows(ref, table)).rows).toEqual([]);
    }
  });

  it('[PU18] many who register at once are all there', async () => {
    const ids = Array.from({ length: 40 }, (_, at) => `d${at}`);
    const answers = await Promise.all(ids.map((id) => register(id, { clientId: 'ann' })));
    expect(answers.map(({ status }) => status)).toEqual(ids.map(() => 201));
    expect(idsIn(await ask('GET', `${registrations}?clientId=ann`))).toEqual(ids.toSorted());
  });
});
