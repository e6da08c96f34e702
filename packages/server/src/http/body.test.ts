import { connect } from 'node:net';
import { createFakeClock, until } from '@parvis/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { fullKey, TestHttp, type TestHttpOptions } from './testHttp.ts';

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
    await until('both wait', () => clock.timers === 2);
    clock.advance(10_000);
    for (const text of await Promise.all([slow, endless])) {
      expect(text).toMatch(/^HTTP\/1\.1 408 /);
      expect(text).toMatch(/X-Ably-Errorcode: 40000\r\n/);
    }
  });

  it('[attack 4] two hundred bodies that stop coming hold up nobody else', async () => {
    const clock = createFakeClock(Date.now());
    await started({ clock });
    const auth = `Authorization: Basic ${btoa(fullKey)}\r\n`;
    const head = `POST /channels/a/messages HTTP/1.1\r\nHost: a\r\n${auth}Content-Length: 500\r\n\r\n{"na`;
    await http.publish('a', { name: 'x' });
    const timersOfEngine = clock.timers;
    const slow = Array.from({ length: 200 }, () => raw(head));
    await until('all wait', () => clock.timers === timersOfEngine + 200);
    expect((await http.publish('a', { name: 'x' })).status).toBe(201);
    clock.advance(10_000);
    for (const text of await Promise.all(slow)) expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(clock.timers).toBe(timersOfEngine);
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

  it('[attack 4] a body that is refused and does not come holds nobody up for long', async () => {
    const clock = createFakeClock(Date.now());
    await started({ clock });
    const text = raw('POST /channels/a/messages HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n{"na');
    await until('it is skipped', () => clock.timers === 1);
    clock.advance(2_000);
    expect(await text).toMatch(/^HTTP\/1\.1 401 /);
  });
});

function bound(server: TestHttp) {
  return { send: server.send.bind(server), publish: server.publish.bind(server) };
}
