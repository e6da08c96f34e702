import { connect } from 'node:net';
import { turn } from '@parvis/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fullKey, TestHttp } from './testHttp.ts';

let http: TestHttp;

beforeEach(async () => {
  http = await new TestHttp({ host: { writeTimeoutMs: 200 } }).listen();
});

afterEach(() => http.close());

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Publishes a body that is nothing but data, and returns the answer and the message as history shows it. */
async function publishBare(body: string | Uint8Array, headers: Record<string, string>, query = '') {
  const path = `/channels/a/messages?enveloped=false${query}`;
  const answer = await http.send({ method: 'POST', path, body, headers });
  const [message] = (await http.send({ path: '/channels/a/messages' })).body;
  return { answer, message };
}

describe('a publish without an envelope', () => {
  it.each([
    ['text/plain', 'héllo', { data: 'héllo' }],
    ['text/plain; charset=utf-8', '{"no":"json"}', { data: '{"no":"json"}' }],
    ['application/json', '{"x":[1,2]}', { data: '{"x":[1,2]}', encoding: 'json' }],
    ['application/json', '"text"', { data: '"text"', encoding: 'json' }],
    ['application/octet-stream', new Uint8Array([0, 255]), { data: 'AP8=', encoding: 'base64' }],
    ['application/x-msgpack', new Uint8Array([0xc0]), { data: 'wA==', encoding: 'base64' }],
    ['image/png', '', { data: '', encoding: 'base64' }],
  ])('[BA7] a body of type %s is the data of a message', async (type, body, expected) => {
    const { answer, message } = await publishBare(body, { 'content-type': type });
    expect(answer).toMatchObject({ status: 201, body: { channel: 'a', serials: [expect.any(String)] } });
    const { data, encoding } = message;
    expect({ data, ...(encoding === undefined ? {} : { encoding }) }).toEqual(expected);
  });

  it('[BA7] the other fields come from headers', async () => {
    http.connectionKeys.set('the-key', 'connection1');
    const { answer, message } = await publishBare('x', {
      'content-type': 'text/plain',
      'x-ably-name': 'greeting',
      'x-ably-messageid': 'my-id',
      'x-ably-clientid': base64('ann'),
      'x-ably-connectionkey': 'the-key',
      'x-ably-encoding': 'utf-8',
    });
    expect(answer.body.messageId).toBe('my-id');
    expect(message).toMatchObject({
      name: 'greeting',
      id: 'my-id',
      clientId: 'ann',
      connectionId: 'connection1',
      encoding: 'utf-8',
    });
  });

  it('[BA7] the other fields come from the query as well, and there the clientId is plain text', async () => {
    const query = '&name=greeting&messageId=my-id&clientId=ann&encoding=custom';
    const { message } = await publishBare('[1]', { 'content-type': 'application/json' }, query);
    expect(message).toMatchObject({
      name: 'greeting',
      id: 'my-id',
      clientId: 'ann',
      data: '[1]',
      encoding: 'custom/json',
    });
  });

  it.each([
    ['that is no JSON, though it says so', '{', { 'content-type': 'application/json' }, 400, 40000],
    ['that is compressed', 'x', { 'content-type': 'text/plain', 'content-encoding': 'gzip' }, 400, 40000],
    ['that is too large', 'x'.repeat(70_000), { 'content-type': 'text/plain' }, 413, 40009],
    ['with the key of no connection', 'x', { 'content-type': 'text/plain', 'x-ably-connectionkey': 'no' }, 400, 40006],
  ])('[BA7] a body %s is refused', async (_title, body, headers: Record<string, string>, status, code) => {
    const { answer, message } = await publishBare(body, headers);
    expect([answer.status, answer.body.error.code]).toEqual([status, code]);
    expect(message).toBeUndefined();
  });

  it('[BA7] a form is a message of its fields', async () => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    await http.publish('a', 'name=greeting&data=h%C3%A9+llo', { headers });
    const [message] = (await http.send({ path: '/channels/a/messages' })).body;
    expect(message).toMatchObject({ name: 'greeting', data: 'hé llo' });
  });
});

describe('replies', () => {
  it('[BA8] an error in an envelope has its status and its headers in the body of a 200', async () => {
    const { status, body } = await http.send({ path: '/nowhere?envelope=json' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      statusCode: 404,
      response: { error: { code: 40400, statusCode: 404 } },
      headers: { 'X-Ably-Errorcode': '40400' },
    });
  });

  it.each(['PUT', 'PATCH', 'DELETE', 'GET'])('[BA8] %s of an unknown path is 40400', async (method) => {
    const { status, body } = await http.send({ method, path: '/nowhere/at/all' });
    expect([status, body.error.code]).toEqual([404, 40400]);
  });

  it('[BA9] a client that takes nothing of a long reply is let go', async () => {
    const data = 'x'.repeat(60_000);
    for (let count = 0; count < 10; count++) await http.publish('long', { data });
    const page = await http.send({ path: '/channels/long/messages?limit=1000' });
    expect(page.body).toHaveLength(10);
    const socket = connect(http.port, '127.0.0.1');
    socket.pause();
    const request = `GET /channels/long/messages?limit=1000 HTTP/1.1\r\nhost: x\r\nauthorization: Basic ${base64(fullKey)}\r\n\r\n`;
    // Many replies to one request after the other: more than the network between the two takes.
    socket.write(request.repeat(40));
    for (let open = 0; open === 0; open = await http.connections()) await turn();
    for (let open = 1; open > 0; open = await http.connections()) await turn();
    socket.destroy();
  });
});
