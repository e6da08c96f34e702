import { codecs } from '@parvis/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, otherKey, TestHttp } from './testHttp.ts';

let http: TestHttp;

beforeEach(async () => {
  http = await new TestHttp().listen();
});

afterEach(() => http.close());

const base64 = (text: string) => Buffer.from(text).toString('base64');
const read = (channel: string, query = '', more = {}) =>
  http.send({ path: `/channels/${encodeURIComponent(channel)}/messages${query}`, ...more });
const namesOf = ({ body }: Answer): string[] => body.map((message: { name: string }) => message.name);
const codeOf = ({ body }: Answer): number => body.error.code;

describe('publish', () => {
  it('[HT10] a publish is 201 with the channel, the base of its ids and a serial for each message', async () => {
    const { status, body } = await http.publish('a', [{ name: '1' }, { name: '2' }]);
    expect(status).toBe(201);
    expect(body.channel).toBe('a');
    expect(body.serials).toHaveLength(2);
    expect(new Set(body.serials).size).toBe(2);
    const items = (await read('a')).body;
    expect(items.map((item: { id: string }) => item.id)).toEqual([`${body.messageId}:1`, `${body.messageId}:0`]);
    expect(items.map((item: { serial: string }) => item.serial)).toEqual([...body.serials].reverse());
  });

  it('[HT10] the base of ids that clients give is what they begin with', async () => {
    expect((await http.publish('a', { id: 'mine', name: 'x' })).body.messageId).toBe('mine');
    expect((await http.publish('a', [{ id: 'base:0' }, { id: 'base:1' }])).body.messageId).toBe('base');
  });

  it('[HT10] a publish is understood and answered in msgpack', async () => {
    const content = codecs.msgpack.encodeValue([{ name: 'bin', data: Buffer.from([1, 2, 255]) }]);
    const type = 'application/x-msgpack';
    const answer = await http.publish('a', content, { headers: { 'content-type': type, accept: type } });
    expect([answer.status, answer.headers['content-type'], answer.body.channel]).toEqual([201, type, 'a']);
    const [asJson] = (await read('a')).body;
    expect([asJson.data, asJson.encoding]).toEqual(['AQL/', 'base64']);
    const [asMsgpack] = (await read('a', '', { headers: { accept: type } })).body;
    expect([...asMsgpack.data, asMsgpack.encoding]).toEqual([1, 2, 255, undefined]);
  });

  it('[HT10] objects and arrays as data become their JSON text; other values are 40013', async () => {
    await http.publish('a', [{ data: { x: 1 } }, { data: [1, 'é'] }]);
    const items = (await read('a', '?direction=forwards')).body;
    expect(items.map((item: { data: string; encoding: string }) => [item.data, item.encoding])).toEqual([
      ['{"x":1}', 'json'],
      ['[1,"é"]', 'json'],
    ]);
    for (const data of [1, true]) expect(codeOf(await http.publish('a', { data }))).toBe(40013);
  });

  it('[HT10] unknown parameters and a timestamp of the client say nothing', async () => {
    const answer = await http.send({
      method: 'POST',
      path: '/channels/a/messages?testParam=testParamValue&quickAck=true',
      body: { name: 'x', timestamp: 1 },
    });
    expect(answer.status).toBe(201);
    const [item] = (await read('a')).body;
    expect(Math.abs(item.timestamp - Date.now())).toBeLessThan(5_000);
  });

  it('[HT25] ephemeral=true leaves no trace in history', async () => {
    const path = '/channels/a/messages?ephemeral=true';
    const answer = await http.send({ method: 'POST', path, body: { name: 'x' } });
    expect([answer.status, typeof answer.body.serials[0]]).toEqual([201, 'string']);
    expect((await read('a')).body).toEqual([]);
  });

  it('[HT25] _forceNack is 40099 on a server with test hooks and says nothing on others', async () => {
    const path = '/channels/a/messages?_forceNack=true';
    expect(codeOf(await http.send({ method: 'POST', path, body: {} }))).toBe(40099);
    expect((await read('a')).body).toEqual([]);
    await http.close();
    http = await new TestHttp({ host: { testHooks: false } }).listen();
    expect((await http.send({ method: 'POST', path, body: {} })).status).toBe(201);
  });

  it('[HT11] X-Ably-ClientId names the publisher of a request with a key', async () => {
    const headers = { 'x-ably-clientid': base64('Zoë 🙂') };
    expect((await http.publish('a', { name: 'x' }, { headers })).status).toBe(201);
    expect((await http.publish('a', { clientId: 'Zoë 🙂' }, { headers })).status).toBe(201);
    expect(codeOf(await http.publish('a', { clientId: 'bob' }, { headers }))).toBe(40012);
    expect((await read('a')).body.map((item: { clientId: string }) => item.clientId)).toEqual(['Zoë 🙂', 'Zoë 🙂']);
  });

  it('[HT11] a key alone may publish as anybody or nobody', async () => {
    await http.publish('a', [{ clientId: 'bob' }, {}]);
    expect((await read('a')).body.map((item: { clientId: string }) => item.clientId)).toEqual([undefined, 'bob']);
    for (const clientId of ['*', '', 7, 'a\nb']) expect(codeOf(await http.publish('a', { clientId }))).toBe(40012);
  });

  it('[attack 36] a token publishes as its own clientId and no other, in body and header', async () => {
    const tokenOf = async (clientId?: string) => {
      const body = { keyName: 'app.full', ...(clientId === undefined ? {} : { clientId }) };
      const path = '/keys/app.full/requestToken';
      return (await http.send({ method: 'POST', path, body })).body.token as string;
    };
    const named = { authorization: `Bearer ${await tokenOf('alice')}` };
    const anonymous = { authorization: `Bearer ${await tokenOf()}` };
    expect((await http.publish('a', {}, { key: '', headers: named })).status).toBe(201);
    expect((await read('a')).body[0].clientId).toBe('alice');
    expect(codeOf(await http.publish('a', { clientId: 'bob' }, { key: '', headers: named }))).toBe(40012);
    expect(codeOf(await http.publish('a', { clientId: 'bob' }, { key: '', headers: anonymous }))).toBe(40012);
    const header = { 'x-ably-clientid': base64('bob') };
    expect(codeOf(await http.publish('a', {}, { key: '', headers: { ...named, ...header } }))).toBe(40012);
    expect(codeOf(await http.publish('a', {}, { key: '', headers: { ...anonymous, ...header } }))).toBe(40012);
    expect((await read('a')).body).toHaveLength(1);
  });

  it('[HT12] a connectionKey publishes on behalf of its connection and is not delivered', async () => {
    http.connectionKeys.set('conn!key', 'conn');
    expect((await http.publish('a', { name: 'x', connectionKey: 'conn!key' })).status).toBe(201);
    const [item] = (await read('a')).body;
    expect(item.connectionId).toBe('conn');
    expect(item).not.toHaveProperty('connectionKey');
    const [plain] = (await http.publish('b', {})).status === 201 ? (await read('b')).body : [];
    expect(plain).not.toHaveProperty('connectionId');
  });

  it('[attack 36] a connectionKey that is unknown, of another app or not that of the whole publish is 40006', async () => {
    http.connectionKeys.set('conn!key', 'conn').set('two!key', 'two');
    const mine = { connectionKey: 'conn!key' };
    expect(codeOf(await http.publish('a', { connectionKey: 'nope' }))).toBe(40006);
    expect(codeOf(await http.publish('a', mine, { key: otherKey }))).toBe(40006);
    expect(codeOf(await http.publish('a', [mine, { connectionKey: 'two!key' }]))).toBe(40006);
    expect(codeOf(await http.publish('a', [mine, {}]))).toBe(40006);
    expect((await read('a')).body).toEqual([]);
  });

  it('[attack 47] the same id again is one message and the first answer, whatever the body', async () => {
    const first = await http.publish('a', { id: 'some_msg_id', name: 'x' });
    const again = await http.publish('a', { id: 'some_msg_id', name: 'other' });
    const [one, two] = await Promise.all(['y', 'z'].map((name) => http.publish('a', { id: 'at once', name })));
    expect([again.status, again.body]).toEqual([201, first.body]);
    expect(two?.body).toEqual(one?.body);
    const items = (await read('a')).body;
    expect(items.map((item: { id: string }) => item.id)).toEqual(['at once', 'some_msg_id']);
    expect(items[1].name).toBe('x');
  });

  it('[attack 47] ids of one publish that are out of order, of several bases or too long are 40031, too many 40034', async () => {
    const sets = [
      [{ id: 'b:1' }, { id: 'b:0' }],
      [{ id: 'b:0' }, { id: 'c:1' }],
      [{ id: 'b:0' }, {}],
      [{ id: 'x' }, { id: 'x' }],
      [{ id: 'x'.repeat(513) }],
    ];
    for (const messages of sets) expect(codeOf(await http.publish('a', messages))).toBe(40031);
    const many = Array.from({ length: 1_001 }, () => ({}));
    expect(codeOf(await http.publish('a', many))).toBe(40034);
    expect((await read('a')).body).toEqual([]);
  });

  it('[attack 16] names of the prototype chain are data like any other', async () => {
    const text =
      '{"name":"constructor","extras":{"headers":{"__proto__":"x","hasOwnProperty":1}},"data":{"__proto__":{"x":1}}}';
    expect((await http.publish('__proto__', text)).status).toBe(201);
    const { bytes } = await read('__proto__');
    expect(bytes.toString()).toContain('"headers":{"__proto__":"x","hasOwnProperty":1}');
    expect(bytes.toString()).toContain(JSON.stringify('{"__proto__":{"x":1}}'));
    expect(({} as { x?: unknown }).x).toBeUndefined();
  });

  it('[attack 33] a channel name that is none is 40010 on every route, and the path is decoded once', async () => {
    const segments = [
      '',
      '.',
      '..',
      '%2E%2E',
      '%3Aa',
      '%2Ca',
      '%5Ba',
      '%20a',
      'a%0D%0Ab',
      'a%00',
      '%E2%80%A8',
      'x'.repeat(2_049),
    ];
    for (const segment of segments) {
      for (const route of ['messages', 'history', 'presence', 'presence/history']) {
        const answer = await http.send({ path: `/channels/${segment}/${route}` });
        expect([segment, route, answer.status, codeOf(answer)]).toEqual([segment, route, 400, 40010]);
      }
      const published = await http.send({ method: 'POST', path: `/channels/${segment}/messages`, body: {} });
      expect([segment, codeOf(published)]).toEqual([segment, 40010]);
    }
    await http.publish('a/b%2Fc', { name: 'x' });
    expect(namesOf(await http.send({ path: '/channels/a%2Fb%252Fc/messages' }))).toEqual(['x']);
    expect(namesOf(await http.send({ path: '/channels/a%2Fb%2Fc/messages' }))).toEqual([]);
  });
});
