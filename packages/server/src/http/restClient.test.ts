import { createHmac } from 'node:crypto';
import Ably from 'ably';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fullKey, readKey, TestHttp } from './testHttp.ts';

let http: TestHttp;

beforeEach(async () => {
  http = await new TestHttp({ sandbox: {} }).listen();
});

afterEach(() => http.close());

/** Follows `next` from the first page to the last. */
async function pagesOf<T>(first: Ably.PaginatedResult<T>): Promise<Ably.PaginatedResult<T>[]> {
  const pages = [first];
  for (let page = await first.next(); page !== null && pages.length < 50; page = await page.next()) pages.push(page);
  return pages;
}

/** The error that a call fails with. */
async function refusal(call: Promise<unknown>): Promise<{ code: number; statusCode: number }> {
  const { code, statusCode } = await call.then(
    () => ({ code: 0, statusCode: 0 }),
    (error) => error,
  );
  return { code, statusCode };
}

for (const useBinaryProtocol of [false, true]) {
  const restOf = (options: Ably.ClientOptions = {}) =>
    new Ably.Rest({
      ...(options.token === undefined && options.authCallback === undefined ? { key: fullKey } : {}),
      endpoint: '127.0.0.1',
      port: http.port,
      tls: false,
      useBinaryProtocol,
      logLevel: 0,
      ...options,
    });

  describe(`the official client over ${useBinaryProtocol ? 'msgpack' : 'JSON'}`, () => {
    it('[HT8] reads the time', async () => {
      expect(Math.abs((await restOf().time()) - Date.now())).toBeLessThan(2_000);
    });

    it('[HT10] publishes whatever data there is and gets it back', async () => {
      const channel = restOf().channels.get('a:b/c %[]é');
      const data = [undefined, 'text', '', { x: [1, 'é'] }, [1, 2], Buffer.from([0, 1, 255])];
      for (const [index, one] of data.entries()) await channel.publish(`m${index}`, one);
      const { items } = await channel.history({ direction: 'forwards' });
      expect(items.map((item) => item.name)).toEqual(data.map((_, index) => `m${index}`));
      expect(items.map((item) => item.data)).toEqual(data);
      for (const item of items) {
        expect(item).toMatchObject({ id: expect.any(String), timestamp: expect.any(Number), action: 'message.create' });
        expect(item).not.toHaveProperty('connectionKey');
      }
    });

    it('[HT10] gets distinct serials for a batch of messages', async () => {
      const { serials } = await restOf()
        .channels.get('a')
        .publish([{ name: '1' }, { name: '2' }, { name: '3' }]);
      expect(new Set(serials).size).toBe(3);
      expect(serials.every((serial) => typeof serial === 'string' && serial !== '')).toBe(true);
    });

    it('[HT10] encrypts and decrypts what the server cannot read', async () => {
      const cipher = { key: 'WUP6u0K7MXI5Zeo0VppPwg==' };
      const channel = restOf().channels.get('a', { cipher });
      await channel.publish('x', { secret: 1 });
      expect((await channel.history()).items[0]?.data).toEqual({ secret: 1 });
      const [raw] = (await restOf().channels.get('a').history()).items;
      expect(raw?.encoding).toBe('json/utf-8/cipher+aes-128-cbc');
    });

    it('[HT11] publishes under the clientId of its options', async () => {
      const channel = restOf({ clientId: 'ann é' }).channels.get('a');
      await channel.publish('x', 'd');
      await channel.publish({ name: 'y', clientId: 'ann é' });
      expect((await channel.history()).items.map((item) => item.clientId)).toEqual(['ann é', 'ann é']);
      expect((await refusal(channel.publish({ clientId: 'bob' }))).code).toBe(40012);
    });

    it('[HT10] publishes one message under one id, however often', async () => {
      const channel = restOf().channels.get('a');
      for (let time = 0; time < 3; time++) await channel.publish({ id: 'some_msg_id', name: 'x' });
      expect((await channel.history()).items).toHaveLength(1);
    });

    for (const direction of ['backwards', 'forwards'] as const) {
      it(`[HT15] pages through history ${direction}, to an exact last page`, async () => {
        const channel = restOf().channels.get('a');
        const names = Array.from({ length: 6 }, (_, index) => `m${index}`);
        for (const name of names) await channel.publish(name, name);
        for (const limit of [1, 2, 3, 4, 6, 7]) {
          const pages = await pagesOf(await channel.history({ direction, limit }));
          const seen = pages.flatMap((page) => page.items.map((item) => item.name));
          expect(seen).toEqual(direction === 'forwards' ? names : [...names].reverse());
          expect(pages).toHaveLength(Math.ceil(6 / limit));
          expect(pages.map((page) => page.isLast())).toEqual(pages.map((_, index) => index === pages.length - 1));
        }
      });
    }

    it('[HT14] goes to the current and the first page from any page, an empty one too', async () => {
      const channel = restOf().channels.get('a');
      for (const name of ['1', '2', '3']) await channel.publish(name, name);
      const second = await (await channel.history({ limit: 1 })).next();
      expect((await second?.current())?.items.map((item) => item.name)).toEqual(['2']);
      expect((await second?.first())?.items.map((item) => item.name)).toEqual(['3']);
      const empty = await restOf().channels.get('empty').history();
      expect([empty.items, empty.isLast(), (await empty.current()).items]).toEqual([[], true, []]);
    });

    it('[HT18] reads presence by page and filter', async () => {
      await http.enter('room', 'c1', [
        { clientId: 'ann', data: '{"x":1}', encoding: 'json' },
        { clientId: 'bob', data: new Uint8Array([1, 2]), extras: { locks: [] } },
        { clientId: 'cat' },
      ]);
      await http.enter('room', 'c2', [{ clientId: 'ann' }]);
      const { presence } = restOf().channels.get('room');
      const pages = await pagesOf(await presence.get({ limit: 2 }));
      expect(pages.map((page) => page.items.map((item) => item.clientId))).toEqual([
        ['ann', 'bob'],
        ['cat', 'ann'],
      ]);
      const [ann, bob] = pages[0]?.items ?? [];
      expect([ann?.action, ann?.data, bob?.data, bob?.extras]).toEqual([
        'present',
        { x: 1 },
        Buffer.from([1, 2]),
        { locks: [] },
      ]);
      expect((await presence.get({ clientId: 'ann' })).items).toHaveLength(2);
      expect((await presence.get({ clientId: 'ann', connectionId: 'c2' })).items).toHaveLength(1);
      const past = await pagesOf(await presence.history({ limit: 3, direction: 'forwards' }));
      expect(past.map((page) => page.items.map((item) => `${item.action} ${item.clientId}`))).toEqual([
        ['enter ann', 'enter bob', 'enter cat'],
        ['enter ann'],
      ]);
    });

    it('[HT9] gets tokens by key, by signed request and by callback, and works with them', async () => {
      const rest = restOf();
      const details = await rest.auth.requestToken({ clientId: 'ann', ttl: 60_000, capability: { 'a:*': ['*'] } });
      expect(details).toMatchObject({ clientId: 'ann', capability: '{"a:*":["*"]}' });
      expect(details.expires - details.issued).toBe(60_000);
      await restOf({ token: details.token }).channels.get('a:b').publish('x', 'by token');
      await restOf({ tokenDetails: details, token: details.token }).channels.get('a:b').publish('x', 'by details');
      const signed = await rest.auth.createTokenRequest({ clientId: 'ann' });
      const byCallback = restOf({ authCallback: (_, give) => give(null, signed) });
      await byCallback.channels.get('a:b').publish('x', 'by callback');
      await restOf({ authCallback: (_, give) => give(null, jwt('app.full')) })
        .channels.get('a:b')
        .publish('x', 'by jwt');
      await restOf({ useTokenAuth: true, queryTime: true }).channels.get('a:b').publish('x', 'by key');
      const { items } = await rest.channels.get('a:b').history();
      expect(items.map((item) => [item.data, item.clientId])).toEqual([
        ['by key', undefined],
        ['by jwt', 'ann'],
        ['by callback', 'ann'],
        ['by details', 'ann'],
        ['by token', 'ann'],
      ]);
    });

    it('[HT3] sees code and status of every error', async () => {
      const rest = restOf();
      const channel = rest.channels.get('a');
      expect(await refusal(restOf({ key: 'app.full:wrong' }).channels.get('a').history())).toEqual({
        code: 40101,
        statusCode: 401,
      });
      expect(await refusal(restOf({ key: 'app.nope:secret' }).channels.get('a').history())).toEqual({
        code: 40400,
        statusCode: 401,
      });
      expect(await refusal(restOf({ key: readKey }).channels.get('a').publish('x', 'y'))).toEqual({
        code: 40160,
        statusCode: 401,
      });
      expect(await refusal(channel.history({ limit: 1_001 }))).toEqual({ code: 40003, statusCode: 400 });
      expect(await refusal(rest.channels.get(':bad').history())).toEqual({ code: 40010, statusCode: 400 });
      expect(await refusal(channel.publish({ name: 'x' }, { _forceNack: 'true' }))).toEqual({
        code: 40099,
        statusCode: 400,
      });
      expect(await refusal(restOf({ token: 'app.garbage' }).channels.get('a').history())).toEqual({
        code: 40005,
        statusCode: 400,
      });
    });

    it('[HT3] sees an unknown route as an error page, and 404 by status', async () => {
      const answer = await restOf().request('get', '/no/such/route', 3);
      expect([answer.statusCode, answer.success, answer.errorCode, answer.items.length]).toEqual([
        404,
        false,
        40400,
        1,
      ]);
    });

    it('[HT14] pages through a request of its own', async () => {
      const channel = restOf().channels.get('a');
      for (const name of ['1', '2', '3']) await channel.publish(name, name);
      const first = await restOf().request('get', '/channels/a/messages', 3, { limit: '2', direction: 'forwards' });
      expect(first.items.map((item) => item.name)).toEqual(['1', '2']);
      expect((await first.next())?.items.map((item) => item.name)).toEqual(['3']);
      const sent = await restOf().request('post', '/channels/a/messages', 3, {}, { name: '4', data: 'd' });
      expect([sent.statusCode, sent.items[0].channel]).toEqual([201, 'a']);
    });

    it('[HT4] unwraps envelopes as a browser would ask for them', async () => {
      const format = useBinaryProtocol ? 'msgpack' : 'json';
      const channel = restOf().channels.get('a');
      for (const name of ['1', '2']) await channel.publish(name, name);
      const answer = await restOf().request('get', '/channels/a/messages', 3, { limit: '1', envelope: format });
      expect(answer.items[0]).toMatchObject({ statusCode: 200, response: [{ name: '2' }] });
      expect(answer.items[0].headers.Link).toMatch(/rel="next"/);
    });

    it('[HT3] a token that is bad for good ends in an error, not in a loop of new tokens', async () => {
      let asked = 0;
      const expired = jwt('app.full', -10);
      const rest = restOf({
        authCallback: (_, give) => {
          asked += 1;
          give(null, expired);
        },
      });
      expect(await refusal(rest.channels.get('a').history())).toEqual({ code: 40101, statusCode: 401 });
      expect(asked).toBeLessThan(20);
    });
  });
}

/** A JWT as any library makes it, for `ann`, good for an hour unless told. */
function jwt(keyName: string, seconds = 3_600): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Math.floor(Date.now() / 1_000);
  const head = part({ alg: 'HS256', typ: 'JWT', kid: keyName });
  const text = `${head}.${part({ iat: now - 60, exp: now + seconds, 'x-ably-clientId': 'ann' })}`;
  const secret = fullKey.slice(fullKey.indexOf(':') + 1);
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
}
