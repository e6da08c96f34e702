import { createTokenRequest } from '@parvis/auth';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, fullKey, otherKey, readKey, TestHttp } from './testHttp.ts';

let http: TestHttp;

beforeEach(async () => {
  http = await new TestHttp().listen();
});

afterEach(() => http.close());

const path = '/keys/app.full/requestToken';
const ask = (body: unknown, more = {}) => http.send({ method: 'POST', path, key: '', body, ...more });
const outcomeOf = ({ status, body }: Answer) => [status, body.error?.code];

describe('requestToken', () => {
  it('[HT9] a signed request needs nothing else and yields a token that is good at once', async () => {
    const capability = { a: ['history'] };
    const answer = await ask(await createTokenRequest({ key: fullKey, clientId: 'ann', capability, ttlMs: 60_000 }));
    expect([answer.status, answer.headers['content-type']]).toEqual([201, 'application/json']);
    const { token, issued, expires, ...rest } = answer.body;
    expect(rest).toEqual({ keyName: 'app.full', capability: '{"a":["history"]}', clientId: 'ann' });
    expect(expires - issued).toBe(60_000);
    const headers = { authorization: `Bearer ${token}` };
    expect((await http.send({ path: '/channels/a/messages', key: '', headers })).status).toBe(200);
    expect(outcomeOf(await http.send({ path: '/channels/b/messages', key: '', headers }))).toEqual([401, 40160]);
  });

  it('[HT9] a signed request is not asked who sends it, even with credentials that are wrong', async () => {
    const body = await createTokenRequest({ key: fullKey });
    expect((await ask(body, { key: 'app.full:wrong' })).status).toBe(201);
  });

  it('[HT9] an unsigned request needs credentials of that key', async () => {
    expect((await ask({}, { key: fullKey })).status).toBe(201);
    expect(outcomeOf(await ask({}))).toEqual([401, 40101]);
    expect(outcomeOf(await ask({}, { key: 'app.full:wrong' }))).toEqual([401, 40101]);
    expect(outcomeOf(await ask({}, { key: readKey }))).toEqual([401, 40101]);
    expect(outcomeOf(await ask({}, { key: otherKey }))).toEqual([401, 40101]);
    expect(outcomeOf(await ask({ mac: '' }))).toEqual([401, 40101]);
  });

  it('[HT9] a token may ask for a narrower one, never for a wider one', async () => {
    const capability = { 'a:*': ['publish', 'history'] };
    const { token } = (await ask(await createTokenRequest({ key: fullKey, clientId: 'ann', capability }))).body;
    const headers = { authorization: `Bearer ${token}` };
    const narrower = await ask({ capability: '{"*":["history"]}' }, { headers });
    expect(narrower.body).toMatchObject({ capability: '{"a:*":["history"]}', clientId: 'ann' });
    expect(outcomeOf(await ask({ clientId: 'bob' }, { headers }))).toEqual([401, 40102]);
  });

  it('[HT9] it is JSON, whatever the client accepts, in errors too', async () => {
    const headers = { accept: 'application/x-msgpack' };
    for (const key of [fullKey, '']) {
      expect((await ask({}, { key, headers })).headers['content-type']).toBe('application/json');
    }
  });

  it('[HT9] a form is a request as well', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const answer = await ask('ttl=1000&clientId=ann', { key: fullKey, headers });
    expect(answer.body).toMatchObject({ clientId: 'ann', expires: answer.body.issued + 1_000 });
  });

  it('[HT9] what is no request is refused: 40001, a bad ttl 40003, a bad clientId 40012, a bad capability 40000', async () => {
    for (const body of [undefined, '', '[]', '7', 'null']) {
      const headers = { 'content-type': 'application/json' };
      expect(outcomeOf(await ask(body, { key: fullKey, headers }))).toEqual([400, 40001]);
    }
    expect(outcomeOf(await ask({ ttl: -1 }, { key: fullKey }))).toEqual([400, 40003]);
    expect(outcomeOf(await ask({ clientId: 7 }, { key: fullKey }))).toEqual([400, 40012]);
    expect(outcomeOf(await ask({ capability: '{' }, { key: fullKey }))).toEqual([400, 40000]);
    expect(outcomeOf(await ask({ capability: '{"a":["no-such"]}' }, { key: fullKey }))).toEqual([400, 40000]);
  });

  it('[HT9] another route under a key, or another method, is 40400', async () => {
    expect(outcomeOf(await http.send({ path }))).toEqual([404, 40400]);
    expect(outcomeOf(await http.send({ path: '/keys/app.full' }))).toEqual([404, 40400]);
    expect(outcomeOf(await http.send({ method: 'DELETE', path }))).toEqual([405, 40500]);
  });

  it('[attack 28] a signed request is good once, and only as it was signed', async () => {
    const body = await createTokenRequest({ key: fullKey, capability: { a: ['history'] } });
    expect((await ask(body)).status).toBe(201);
    expect(outcomeOf(await ask(body))).toEqual([401, 40105]);
    const fresh = () => createTokenRequest({ key: fullKey, capability: { a: ['history'] } });
    expect(outcomeOf(await ask({ ...(await fresh()), capability: '{"*":["*"]}' }))).toEqual([401, 40101]);
    expect(outcomeOf(await ask({ ...(await fresh()), ttl: 1 }))).toEqual([401, 40101]);
    expect(outcomeOf(await ask(await createTokenRequest({ key: otherKey })))).toEqual([401, 40101]);
    const late = await createTokenRequest({ key: fullKey, now: Date.now() - 900_000 });
    expect(outcomeOf(await ask(late))).toEqual([401, 40104]);
    expect(outcomeOf(await ask(await createTokenRequest({ key: fullKey, now: Date.now() + 900_000 })))).toEqual([
      401, 40104,
    ]);
  });
});
