import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type Asking, fullKey, TestHttp, type TestHttpOptions } from './testHttp.ts';

let http: TestHttp;

async function started(options?: TestHttpOptions): Promise<TestHttp> {
  http = await new TestHttp(options).listen();
  return http;
}

afterEach(() => http.close());

/** Sends bytes as they are and resolves with all that comes back before the connection ends. */
function raw(text: string, { end = false } = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(http.port, '127.0.0.1', () => (end ? socket.end(text) : socket.write(text)));
    let got = '';
    socket.setEncoding('latin1').on('data', (chunk) => {
      got += chunk;
    });
    socket.on('close', () => resolve(got)).on('error', reject);
  });
}

const formats = [
  { format: 'json', type: 'application/json' },
  { format: 'msgpack', type: 'application/x-msgpack' },
];

describe('the form of a reply', () => {
  it('[HT2] Accept decides, then the format parameter, then it is JSON; the content type never has a parameter', async () => {
    const { send } = bound(await started());
    const typeOf = async (accept: string | undefined, query = '') =>
      (await send({ path: `/channels/a/messages${query}`, headers: accept === undefined ? {} : { accept } })).headers[
        'content-type'
      ];
    const [json, msgpack] = ['application/json', 'application/x-msgpack'];
    expect(await typeOf(undefined)).toBe(json);
    expect(await typeOf('*/*')).toBe(json);
    expect(await typeOf('*/*', '?format=msgpack')).toBe(msgpack);
    expect(await typeOf('text/html,application/xml;q=0.9,*/*;q=0.8', '?format=msgpack')).toBe(msgpack);
    expect(await typeOf(json, '?format=msgpack')).toBe(json);
    expect(await typeOf(msgpack)).toBe(msgpack);
    expect(await typeOf('application/json;q=0.5, application/x-msgpack')).toBe(msgpack);
    expect(await typeOf('application/json, application/x-msgpack;q=0.9')).toBe(json);
    expect(await typeOf('Application/X-MsgPack; q=1')).toBe(msgpack);
    expect(await typeOf('application/x-msgpack;q=0', '?format=json')).toBe(json);
  });

  it('[HT2] a format or envelope there is not is 40003 in JSON', async () => {
    const { send } = bound(await started());
    for (const query of ['format=xml', 'envelope=xml', 'format=__proto__']) {
      const answer = await send({ path: `/channels/a/messages?${query}` });
      expect([answer.status, answer.body.error.code]).toEqual([400, 40003]);
    }
  });

  for (const { format, type } of formats) {
    it(`[HT3] an error is { error } and two headers, in ${format} if that was asked for`, async () => {
      const { send } = bound(await started());
      const answer = await send({ path: '/nowhere', headers: { accept: type } });
      expect(answer.status).toBe(404);
      expect(answer.headers['content-type']).toBe(type);
      expect(answer.headers['x-ably-errorcode']).toBe('40400');
      expect(answer.headers['x-ably-errormessage']).toBe('route not found');
      expect(answer.body).toEqual({
        error: {
          message: 'route not found',
          code: 40400,
          statusCode: 404,
          href: 'https://help.ably.io/error/40400',
        },
      });
    });

    it(`[HT4] envelope=${format} puts status, headers and links of a reply into a 200`, async () => {
      const { send, publish } = bound(await started());
      await publish('a', [{ name: '1' }, { name: '2' }]);
      const page = await send({ path: `/channels/a/messages?limit=1&envelope=${format}` });
      expect([page.status, page.headers['content-type'], page.headers.link]).toEqual([200, type, undefined]);
      expect(page.body.statusCode).toBe(200);
      expect(page.body.response.map((message: { name: string }) => message.name)).toEqual(['2']);
      expect(page.body.headers.Link).toMatch(/rel="next"$/);
      expect(Object.keys(page.body.rel)).toEqual(['first', 'current', 'next']);
      const error = await send({ path: `/channels/a/messages?limit=0&envelope=${format}` });
      expect([error.status, error.headers['content-type']]).toEqual([200, type]);
      expect(error.body.statusCode).toBe(400);
      expect(error.body.response.error.code).toBe(40003);
      expect(error.body.headers['X-Ably-Errorcode']).toBe('40003');
    });
  }

  it('[HT3] the text of an error is header-safe whatever it quotes', async () => {
    const { publish } = bound(await started());
    const key = 'a\r\nSet-Cookie: x=1\u2028é🙂';
    http.limits.strictExtras = true;
    const answer = await publish('a', { extras: { [key]: 1 } });
    expect(answer.body.error.code).toBe(40032);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.headers['x-ably-errormessage']).toMatch(/^[\x20-\x7e]+$/);
  });

  it('[HT3] a bug is 50000 without its text, and is logged with it', async () => {
    const requestToken = () => Promise.reject(new Error('secret detail'));
    const { send } = bound(await started({ host: { requestToken } }));
    const answer = await send({ method: 'POST', path: '/keys/app.full/requestToken', body: {} });
    expect([answer.status, answer.body.error.code]).toEqual([500, 50000]);
    expect(answer.bytes.toString()).not.toContain('secret detail');
    expect(http.lines).toHaveLength(1);
    expect(http.lines[0]).toContain('"code":50000');
  });

  it('[HT1] HEAD gets the headers of GET and no body', async () => {
    const { send } = bound(await started());
    const answer = await send({ method: 'HEAD', path: '/time' });
    expect([answer.status, answer.headers['content-type'], answer.bytes.length]).toEqual([200, 'application/json', 0]);
    expect(Number(answer.headers['content-length'])).toBeGreaterThan(10);
  });

  it('[HT1] the absolute form of a request target is understood', async () => {
    await started();
    const text = await raw('GET http://any.example/time?x=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 200 /);
  });

  it('[HT20] the connectivity file says yes', async () => {
    const { send } = bound(await started());
    const answer = await send({ path: '/is-the-internet-up.txt', key: '' });
    expect([answer.status, answer.bytes.toString()]).toEqual([200, 'yes']);
  });

  it('[HT8] /time is a number in an array, whoever asks, in the format that is accepted', async () => {
    const { send } = bound(await started());
    const msgpack = { headers: { accept: 'application/x-msgpack' } };
    for (const asking of [{ key: '' }, { key: 'no.such:key' }, msgpack]) {
      const { status, body, headers } = await send({ path: '/time', ...asking });
      expect(status).toBe(200);
      expect(headers['content-type']).toBe(asking === msgpack ? 'application/x-msgpack' : 'application/json');
      expect(Math.abs(body[0] - Date.now())).toBeLessThan(2_000);
    }
  });
});

describe('credentials', () => {
  const cases: [title: string, asking: Partial<Asking>][] = [
    ['Basic', { key: fullKey }],
    ['basic in lower case', { key: '', headers: { authorization: `basic ${btoa(fullKey)}` } }],
    ['?key=', { key: '', path: `/channels/a/messages?key=${encodeURIComponent(fullKey)}` }],
  ];
  for (const [title, asking] of cases) {
    it(`[HT6] a key is taken as ${title}`, async () => {
      const { send } = bound(await started());
      expect((await send({ path: '/channels/a/messages', ...asking })).status).toBe(200);
    });
  }

  it('[HT6] a token is taken as Bearer, as it is or in base64, and in the query under both names', async () => {
    const { send } = bound(await started());
    const { body } = await send({ method: 'POST', path: '/keys/app.full/requestToken', body: {} });
    const token: string = body.token;
    const path = '/channels/a/messages';
    const askings: Asking[] = [
      { path, headers: { authorization: `Bearer ${token}` } },
      { path, headers: { authorization: `bearer ${btoa(token)}` } },
      { path: `${path}?access_token=${token}` },
      { path: `${path}?accessToken=${token}` },
    ];
    for (const asking of askings) expect((await send({ key: '', ...asking })).status).toBe(200);
  });

  it('[HT6] what is no credential says so: none 40101, both kinds or another scheme 40005, a bad clientId header 40012', async () => {
    const { send } = bound(await started());
    const codeOf = async (asking: Partial<Asking>) =>
      (await send({ path: '/channels/a/messages', key: '', ...asking })).body.error.code;
    expect(await codeOf({})).toBe(40101);
    expect(await codeOf({ key: 'app.full:wrong' })).toBe(40101);
    expect(await codeOf({ key: 'nope.full:wrong' })).toBe(40101);
    expect(await codeOf({ key: 'app.nope:wrong' })).toBe(40400);
    expect(await codeOf({ path: `/channels/a/messages?key=${fullKey}&access_token=x.y` })).toBe(40005);
    expect(await codeOf({ headers: { authorization: 'Digest x' } })).toBe(40005);
    expect(await codeOf({ headers: { authorization: 'Basic ***' } })).toBe(40005);
    expect(await codeOf({ key: fullKey, headers: { 'x-ably-clientid': '***' } })).toBe(40012);
    expect(await codeOf({ key: fullKey, headers: { 'x-ably-clientid': btoa('*') } })).toBe(40012);
  });

  it('[HT6] versions of any kind are taken, in header and query', async () => {
    const { send } = bound(await started());
    for (const version of ['6', '2', '1.2', 'x']) {
      const asking = { path: `/channels/a/messages?v=${version}`, headers: { 'x-ably-version': version } };
      expect((await send(asking)).status).toBe(200);
    }
  });

  it('[attack 51] a key or token in an address never reaches the log', async () => {
    const { send } = bound(await started());
    const secret = 'app.full:wrong-secret-wrong-secret';
    await send({ path: `/channels/a/messages?key=${secret}`, key: '' });
    await send({ path: `/no/route?access_token=${secret}`, key: '' });
    await send({ path: '/channels/a/messages', key: secret });
    expect(http.lines).toHaveLength(3);
    expect(http.lines.join()).not.toContain('wrong-secret');
  });
});

describe('origins', () => {
  it('[HT5] a page of an allowed origin may read everything, errors too', async () => {
    const { send } = bound(await started());
    for (const path of [
      '/time',
      '/nowhere',
      '/channels/a/messages?limit=0',
      '/channels/a/messages?limit=1&envelope=json',
    ]) {
      const { headers } = await send({ path, headers: { origin: 'https://app.example' } });
      expect(headers['access-control-allow-origin']).toBe('https://app.example');
      expect(headers['access-control-allow-credentials']).toBe('true');
      expect(headers['access-control-expose-headers']).toMatch(/X-Ably-ErrorCode, X-Ably-ErrorMessage/);
      expect(headers['access-control-expose-headers']).toMatch(/Link/);
      expect(headers.vary).toBe('Origin');
      expect(headers['x-ably-serverid']).toBe('test');
    }
  });

  it('[HT5] a preflight is answered with 204 without credentials', async () => {
    const { send } = bound(await started());
    const { status, headers, bytes } = await send({
      method: 'OPTIONS',
      path: '/channels/a/messages',
      key: '',
      headers: {
        origin: 'http://localhost:5173',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,x-ably-version',
      },
    });
    expect([status, bytes.length]).toEqual([204, 0]);
    expect(headers['access-control-allow-origin']).toBe('http://localhost:5173');
    expect(headers['access-control-allow-methods']).toBe('GET,POST,PUT,PATCH,DELETE,OPTIONS');
    expect(headers['access-control-allow-headers']).toBe('authorization,content-type,x-ably-version');
    expect(Number(headers['access-control-max-age'])).toBeGreaterThan(0);
  });

  it('[attack 48] a page of any other origin is refused before it acts; no Origin is no page', async () => {
    const { send, publish } = bound(await started());
    const others = [
      'https://evil.example',
      'null',
      'https://app.example.evil',
      'https://APP.example',
      'https://app.example:8443',
      'http://app.example',
      'https://xapp.example',
    ];
    for (const origin of others) {
      const { status, headers, body } = await publish('a', { name: 'x' }, { headers: { origin } });
      expect([origin, status, body.error.code]).toEqual([origin, 403, 40300]);
      expect(headers['access-control-allow-origin']).toBeUndefined();
      expect(headers['access-control-allow-credentials']).toBeUndefined();
    }
    expect((await send({ path: '/channels/a/messages' })).body).toEqual([]);
    expect((await publish('a', { name: 'x' })).status).toBe(201);
  });

  it('[attack 49] a wildcard never goes with credentials, and a preflight of another origin gets nothing', async () => {
    const { send } = bound(await started());
    for (const origin of ['https://evil.example', 'https://app.example', '*']) {
      for (const method of ['OPTIONS', 'GET']) {
        const { headers } = await send({ method, path: '/time', headers: { origin } });
        const allowed = headers['access-control-allow-origin'];
        expect(allowed).toBe(origin === 'https://app.example' ? origin : undefined);
      }
    }
  });
});

function bound(server: TestHttp) {
  return { send: server.send.bind(server), publish: server.publish.bind(server) };
}
