import { connect } from 'node:net';
import { createFakeClock } from '@parvis/testing';
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

  it('[HT8] /time is a number in an array, in JSON, whoever asks', async () => {
    const { send } = bound(await started());
    for (const asking of [{ key: '' }, { key: 'no.such:key' }, { headers: { accept: 'application/x-msgpack' } }]) {
      const { status, body, headers } = await send({ path: '/time', ...asking });
      expect([status, headers['content-type']]).toEqual([200, 'application/json']);
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

describe('bodies', () => {
  it('[HT7] JSON, msgpack and a form are understood by their content type; JSON where none is named', async () => {
    const { publish, send } = bound(await started());
    const msgpack = Buffer.from([
      0x82, 0xa4, 0x6e, 0x61, 0x6d, 0x65, 0xa1, 0x6d, 0xa4, 0x64, 0x61, 0x74, 0x61, 0xa1, 0x31,
    ]);
    const ways: [type: string | undefined, body: string | Buffer][] = [
      ['application/json', '{"name":"m","data":"1"}'],
      ['application/json; charset=utf-8', '{"name":"m","data":"1"}'],
      [undefined, '{"name":"m","data":"1"}'],
      ['application/x-msgpack', msgpack],
      ['application/x-www-form-urlencoded', 'name=m&data=1'],
    ];
    for (const [type, body] of ways) {
      const answer = await publish('a', body, { headers: type === undefined ? {} : { 'content-type': type } });
      expect([type, answer.status]).toEqual([type, 201]);
    }
    const { body } = await send({ path: '/channels/a/messages' });
    expect(body).toHaveLength(5);
    for (const message of body) expect([message.name, message.data]).toEqual(['m', '1']);
  });

  it('[HT7] malformed is 40000, no message at all 40001, nesting without end 40013', async () => {
    const { publish } = bound(await started());
    const codeOf = async (body: string | Buffer | undefined, type = 'application/json', more = {}) =>
      (await publish('a', body, { headers: { 'content-type': type, ...more } })).body.error.code;
    expect(await codeOf('{"name":')).toBe(40000);
    expect(await codeOf(Buffer.from([0x22, 0xff, 0x22]))).toBe(40000);
    expect(await codeOf('{}', 'text/plain')).toBe(40000);
    expect(await codeOf('{}', 'application/json', { 'content-encoding': 'gzip' })).toBe(40000);
    expect(await codeOf(Buffer.from([0xc1]), 'application/x-msgpack')).toBe(40000);
    expect(await codeOf('[{}', 'application/json')).toBe(40000);
    for (const body of [undefined, '', '7', '"text"', 'null', 'true']) expect(await codeOf(body)).toBe(40001);
    expect(await codeOf('[]')).toBe(40030);
    expect(await codeOf('[7]')).toBe(40000);
    expect(await codeOf(`{"data":${'['.repeat(1_000)}${']'.repeat(1_000)}}`)).toBe(40013);
    expect(await codeOf(`[${'{},'.repeat(1_000)}{}]`)).toBe(40034);
    expect(await codeOf(`[${'{},'.repeat(150_000)}{}]`)).toBe(40013);
  });

  it('[HT7] a body over the limit is 40009 with 413, whether its length was told or not', async () => {
    const { publish } = bound(await started());
    const body = `{"data":"${'x'.repeat(1_000_000)}"}`;
    const told = await publish('a', body);
    const chunked = await publish('a', body, { headers: { 'transfer-encoding': 'chunked' } });
    for (const { status, headers, body } of [told, chunked]) {
      expect([status, body.error.code, headers.connection]).toEqual([413, 40009, 'close']);
    }
    expect((await publish('a', { data: 'x'.repeat(65_537) })).body.error.code).toBe(40009);
    expect((await publish('a', { data: 'x'.repeat(65_536) })).status).toBe(201);
  });

  it('[HT7] a request that is refused before its body was read is answered, and the connection goes on', async () => {
    await started();
    const head = 'POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n';
    const next = 'GET /time HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
    const text = await raw(`${head}${'x'.repeat(20_000)}${next}`);
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 404', 'HTTP/1.1 200']);
  });

  it('[attack 4] a body that stops coming is 408 and the end of the connection', async () => {
    const clock = createFakeClock(Date.now());
    await started({ clock });
    const auth = `Authorization: Basic ${btoa(fullKey)}\r\n`;
    const slow = raw(`POST /channels/a/messages HTTP/1.1\r\nHost: a\r\n${auth}Content-Length: 500\r\n\r\n{"na`);
    const endless = raw(
      `POST /channels/a/messages HTTP/1.1\r\nHost: a\r\n${auth}Transfer-Encoding: chunked\r\n\r\n4\r\n{"na\r\n`,
    );
    await turnsUntil(() => clock.timers === 2);
    clock.advance(10_000);
    for (const text of await Promise.all([slow, endless])) {
      expect(text).toMatch(/^HTTP\/1\.1 408 /);
      expect(text).toMatch(/X-Ably-Errorcode: 40000\r\n/);
    }
  });

  it('[attack 4] what comes behind the told length is no part of the body', async () => {
    await started();
    const auth = `Authorization: Basic ${btoa(fullKey)}\r\n`;
    const text = await raw(
      `POST /channels/a/messages HTTP/1.1\r\nHost: a\r\n${auth}Content-Length: 2\r\n\r\n{}{"name":"smuggled"}`,
    );
    expect(text).toMatch(/HTTP\/1\.1 400 /);
    const { body } = await http.send({ path: '/channels/a/messages' });
    expect(body.length).toBeLessThanOrEqual(1);
    expect(JSON.stringify(body)).not.toContain('smuggled');
  });

  it('[attack 4] a client that goes away in the middle of a body leaves the server well', async () => {
    await started();
    const auth = `Authorization: Basic ${btoa(fullKey)}\r\n`;
    await raw(`POST /channels/a/messages HTTP/1.1\r\nHost: a\r\n${auth}Content-Length: 500\r\n\r\n{`, { end: true });
    expect((await http.send({ path: '/time' })).status).toBe(200);
  });

  const framings: [title: string, headers: string][] = [
    ['1e12', 'Content-Length: 1e12'],
    ['negative', 'Content-Length: -1'],
    ['duplicated', 'Content-Length: 2\r\nContent-Length: 3'],
    ['smuggled', 'Content-Length: 2\r\nTransfer-Encoding: chunked'],
    ['odd transfer encoding', 'Transfer-Encoding: chunked, identity'],
  ];
  for (const [title, headers] of framings) {
    it(`[attack 5] a body whose length is ${title} is 400 and the end of the connection`, async () => {
      await started();
      const text = await raw(`POST /time HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n{}`);
      expect(text).toMatch(/^HTTP\/1\.1 400 /);
      expect((await http.send({ path: '/time' })).status).toBe(200);
    });
  }

  it('[attack 5] a body of a terabyte is 413 at once and the end of the connection', async () => {
    await started();
    const auth = `Authorization: Basic ${btoa(fullKey)}\r\n`;
    const head = `POST /channels/a/messages HTTP/1.1\r\nHost: a\r\n${auth}Content-Length: 1000000000000\r\n\r\n`;
    expect(await raw(`${head}{}`)).toMatch(/^HTTP\/1\.1 413 /);
  });
});

async function turnsUntil(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (holds()) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('did not come');
}

function bound(server: TestHttp) {
  return { send: server.send.bind(server), publish: server.publish.bind(server) };
}
