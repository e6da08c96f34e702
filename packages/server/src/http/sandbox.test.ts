import { createFakeClock, type FakeClock, until } from '@parvis/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, fullKey, TestHttp } from './testHttp.ts';

let http: TestHttp;
let clock: FakeClock;

beforeEach(async () => {
  clock = createFakeClock(Date.now());
  http = await new TestHttp({ clock, sandbox: { maxApps: 3 } }).listen();
});

afterEach(() => http.close());

const spec = {
  keys: [
    {},
    { capability: '{"cansubscribe:*":["subscribe"],"canpublish:*":["publish"]}' },
    { capability: '{"*":["subscribe"]}', revocableTokens: true },
  ],
  namespaces: [
    { id: 'persisted', persisted: true },
    { id: 'mutable', mutableMessages: true },
  ],
  channels: [
    {
      name: 'persisted:fixtures',
      presence: [
        { clientId: 'client_bool', data: 'true' },
        { clientId: 'client_int', data: '24' },
        { clientId: 'client_json', data: '{"test":"value"}' },
        { clientId: 'client_decoded', data: '{"example":{"json":"Object"}}', encoding: 'json' },
        { clientId: 'client_encoded', data: 'AQID', encoding: 'json/utf-8/cipher+aes-128-cbc/base64' },
      ],
    },
  ],
  limits: { presence: { maxMembers: 250 } },
  somethingElse: { x: 1 },
};

const create = (body: unknown = spec) => http.send({ method: 'POST', path: '/apps', key: '', body });
const remove = (id: string, key: string) => http.send({ method: 'DELETE', path: `/apps/${id}`, key });
const keyOf = ({ body }: Answer, index = 0): string => body.keys[index].keyStr;
const path = '/channels/persisted%3Afixtures/presence';

describe('sandbox', () => {
  it('[HT21] an app is made with its keys in order, and says where to reach it', async () => {
    const { status, body } = await create();
    expect(status).toBe(201);
    expect(body).toMatchObject({ id: body.appId, endpoint: '127.0.0.1', port: http.port, tls: false });
    expect(body.keys.map((key: { capability: string }) => JSON.parse(key.capability))).toEqual([
      { '*': ['*'] },
      { 'cansubscribe:*': ['subscribe'], 'canpublish:*': ['publish'] },
      { '*': ['subscribe'] },
    ]);
    for (const key of body.keys) {
      expect(key.keyName).toBe(`${body.appId}.${key.id}`);
      expect(key.keyStr).toBe(`${key.keyName}:${key.keySecret}`);
      expect(key.value).toBe(key.keyStr);
      expect(key.keyStr).toMatch(/^\w[\w-]*\.\w[\w-]*:[\w-]+$/);
    }
    expect(body.keys.map((key: { revocableTokens: boolean }) => key.revocableTokens)).toEqual([false, false, true]);
    expect(body.namespaces.map((namespace: { id: string }) => namespace.id)).toEqual(['persisted', 'mutable']);
    expect(http.apps.get(body.appId)?.maxPresenceMembers).toBe(250);
  });

  it('[HT21] its keys work as they were made', async () => {
    const app = await create();
    expect((await http.publish('x', { name: 'm' }, { key: keyOf(app) })).status).toBe(201);
    expect((await http.publish('canpublish:x', { name: 'm' }, { key: keyOf(app, 1) })).status).toBe(201);
    expect((await http.publish('x', { name: 'm' }, { key: keyOf(app, 1) })).body.error.code).toBe(40160);
    expect((await http.publish('x', { name: 'm' }, { key: keyOf(app, 2) })).body.error.code).toBe(40160);
  });

  it('[HT22] members of fixtures are present, share a connection and are in presence history as entered', async () => {
    const key = keyOf(await create());
    const { body } = await http.send({ path, key });
    const shown = body.map(({ clientId, data, encoding, action }: Record<string, unknown>) => [
      clientId,
      data,
      encoding,
      action,
    ]);
    expect(shown).toEqual([
      ['client_bool', 'true', undefined, 1],
      ['client_decoded', '{"example":{"json":"Object"}}', 'json', 1],
      ['client_encoded', 'AQID', 'json/utf-8/cipher+aes-128-cbc/base64', 1],
      ['client_int', '24', undefined, 1],
      ['client_json', '{"test":"value"}', undefined, 1],
    ]);
    const [connectionId, ...others] = new Set(body.map((item: { connectionId: string }) => item.connectionId));
    expect([typeof connectionId, others]).toEqual(['string', []]);
    const filtered = await http.send({ path: `${path}?connectionId=${connectionId}&clientId=client_int`, key });
    expect(filtered.body).toHaveLength(1);
    const past = (await http.send({ path: `${path}/history?direction=forwards`, key })).body;
    expect(past.map((item: { action: number }) => item.action)).toEqual([2, 2, 2, 2, 2]);
    expect(past[0].clientId).toBe('client_bool');
  });

  it('[HT22] members of fixtures never leave', async () => {
    const key = keyOf(await create());
    clock.advance(50 * 60_000);
    expect((await http.send({ path, key })).body).toHaveLength(5);
  });

  it('[HT23] an app goes with its connections and members when it is deleted with a key of its own', async () => {
    const [app, other] = [await create(), await create()];
    const ref = { app: app.body.appId, name: 'persisted:fixtures', retentionMs: 1_000 };
    expect((await http.engine.rows(ref, 'presence')).rows).toHaveLength(5);
    expect((await remove(app.body.appId, keyOf(app, 1))).status).toBe(204);
    expect(http.endedApps).toEqual([app.body.appId]);
    expect((await http.engine.rows(ref, 'presence')).rows).toEqual([]);
    expect((await http.send({ path, key: keyOf(app) })).body.error.code).toBe(40101);
    expect((await remove(app.body.appId, keyOf(app))).body.error.code).toBe(40101);
    expect((await http.send({ path, key: keyOf(other) })).body).toHaveLength(5);
  });

  it('[HT23] no app is deleted by another, by a token, or if it is not of the sandbox', async () => {
    const [app, other] = [await create(), await create()];
    const { appId } = app.body;
    expect((await remove(appId, keyOf(other))).body.error.code).toBe(40400);
    expect((await remove('nope', keyOf(other))).body.error.code).toBe(40400);
    expect((await remove('app', fullKey)).body.error.code).toBe(40400);
    expect((await remove(appId, '')).body.error.code).toBe(40101);
    const asked = { method: 'POST', path: `/keys/${app.body.keys[0].keyName}/requestToken`, body: {}, key: keyOf(app) };
    const { token } = (await http.send(asked)).body;
    const headers = { authorization: `Bearer ${token}` };
    const answer = await http.send({ method: 'DELETE', path: `/apps/${appId}`, key: '', headers });
    expect(answer.body.error.code).toBe(40162);
    expect(http.endedApps).toEqual([]);
  });

  it('[HT23] an app ends after an hour, a deleted one only once', async () => {
    const [app, other] = [await create(), await create()];
    await remove(other.body.appId, keyOf(other));
    clock.advance(3_600_000);
    await until('the app has ended', () => http.endedApps.length === 2);
    expect(http.endedApps).toEqual([other.body.appId, app.body.appId]);
    expect(http.apps.get(app.body.appId)).toBeUndefined();
    expect((await create()).status).toBe(201);
  });

  it('[HT21] there are so many apps and no more', async () => {
    const apps = [await create(), await create(), await create()];
    const refused = await create();
    expect([refused.status, refused.body.error.code]).toEqual([429, 42910]);
    await remove(apps[0]?.body.appId, keyOf(apps[0] as Answer));
    expect((await create()).status).toBe(201);
  });

  it('[HT21] an app that cannot be made is not there, and what was wrong is said', async () => {
    const cases: [code: number, body: unknown][] = [
      [40001, ''],
      [40001, []],
      [40001, { keys: {} }],
      [40001, { keys: ['x'] }],
      [40001, { namespaces: [{}] }],
      [40001, { keys: Array.from({ length: 101 }, () => ({})) }],
      [40000, { keys: [{ capability: '{' }] }],
      [40000, { keys: [{ capability: '{"a":["no-such"]}' }] }],
      [40010, { channels: [{ name: '[bad]' }, { name: ':', presence: [{ clientId: 'x' }] }] }],
      [91000, { channels: [{ name: 'a', presence: [{}] }] }],
      [40012, { channels: [{ name: 'a', presence: [{ clientId: '*' }] }] }],
      [
        91003,
        {
          channels: [{ name: 'a', presence: [{ clientId: 'x' }, { clientId: 'y' }] }],
          limits: { presence: { maxMembers: 1 } },
        },
      ],
    ];
    for (const [code, body] of cases) expect([code, (await create(body)).body.error.code]).toEqual([code, code]);
    for (let made = 0; made < 3; made++) expect((await create()).status).toBe(201);
  });

  it('[HT21] an empty body makes an app with one key for everything', async () => {
    const { body } = await create({});
    expect(body.keys).toHaveLength(1);
    expect(body.keys[0].capability).toBe('{"*":["*"]}');
  });

  it('[HT24] statistics are checked, and need a key', async () => {
    const key = keyOf(await create());
    const post = (body: unknown, more = {}) => http.send({ method: 'POST', path: '/stats', key, body, ...more });
    const fixture = { intervalId: '2024-02-03:15:03', inbound: { realtime: { messages: { count: 50, data: 5_000 } } } };
    expect((await post([fixture, fixture])).status).toBe(201);
    expect((await post([fixture], { key: '' })).body.error.code).toBe(40101);
    for (const body of [undefined, [{}], [{ intervalId: 7 }], [{ intervalId: 'yesterday' }], [null], 'text']) {
      const headers = { 'content-type': 'application/json' };
      expect([40000, 40001]).toContain((await post(body, { headers })).body.error.code);
    }
  });

  it('[HT21] without a sandbox there is no such route', async () => {
    await http.close();
    http = await new TestHttp().listen();
    expect((await create()).body.error.code).toBe(40400);
    expect((await remove('app', fullKey)).body.error.code).toBe(40400);
    // Statistics are read there all the same.
    expect((await http.send({ method: 'POST', path: '/stats', body: [] })).body.error.code).toBe(40500);
  });

  it('[attack 62] apps with the same channel see none of each other', async () => {
    const [one, two] = [keyOf(await create()), keyOf(await create({}))];
    await http.publish('x', { name: 'm' }, { key: one });
    expect((await http.send({ path: '/channels/x/messages', key: one })).body).toHaveLength(1);
    expect((await http.send({ path: '/channels/x/messages', key: two })).body).toEqual([]);
    expect((await http.send({ path, key: two })).body).toEqual([]);
  });
});
