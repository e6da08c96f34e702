import { codecs } from '@parvis/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appFromKeys } from '../access/apps.ts';
import { type Answer, type Asking, TestHttp } from './testHttp.ts';

/** May publish on `open…`, and read on `open…` and `read`. */
const partKey = 'part.key:part-secret-part-secret-part-secret';

let http: TestHttp;

beforeEach(async () => {
  http = await new TestHttp().listen();
  http.apps.add(
    appFromKeys([{ key: partKey, capability: { open: ['*'], 'open:*': ['*'], read: ['subscribe', 'history'] } }]),
  );
});

afterEach(() => http.close());

const publish = (body: unknown, more: Partial<Asking> = {}) =>
  http.send({ method: 'POST', path: '/messages', key: partKey, body, ...more });
const presence = (query: string, more: Partial<Asking> = {}) =>
  http.send({ path: `/presence?${query}`, key: partKey, ...more });
const dataOn = async (channel: string): Promise<string[]> => {
  const { body } = await http.send({ path: `/channels/${channel}/messages?direction=forwards`, key: partKey });
  return body.map(({ data }: { data: string }) => data);
};
const old = { headers: { 'x-ably-version': '2' } };
const codeOf = ({ body, status }: Answer) => [status, body.error.code];

describe('batch publish', () => {
  it('[BA1] each channel of each spec gets the messages of the spec as one entry, and a result of its own', async () => {
    const { status, body } = await publish([
      { channels: ['open:1', 'open:2'], messages: [{ data: 'a' }, { data: 'b' }] },
      { channels: 'open:3', messages: { data: 'c' } },
    ]);
    expect(status).toBe(201);
    expect(body).toEqual([
      {
        successCount: 2,
        failureCount: 0,
        results: ['open:1', 'open:2'].map((channel) => ({
          channel,
          messageId: expect.any(String),
          serials: [expect.any(String), expect.any(String)],
        })),
      },
      {
        successCount: 1,
        failureCount: 0,
        results: [{ channel: 'open:3', messageId: expect.any(String), serials: [expect.any(String)] }],
      },
    ]);
    expect(await dataOn('open:1')).toEqual(['a', 'b']);
    expect(await dataOn('open:2')).toEqual(['a', 'b']);
    expect(await dataOn('open:3')).toEqual(['c']);
    expect(body[0].results[0].messageId).not.toBe(body[0].results[1].messageId);
  });

  it('[BA1] one spec that is no array is answered with one result that is none', async () => {
    const { body } = await publish({ channels: ['open'], messages: { data: 'a' } });
    expect(body).toMatchObject({ successCount: 1, failureCount: 0, results: [{ channel: 'open' }] });
  });

  it('[BA1] a batch is understood and answered in msgpack', async () => {
    const type = 'application/x-msgpack';
    const bytes = codecs.msgpack.encodeValue([{ channels: ['open'], messages: [{ data: Buffer.from([1, 255]) }] }]);
    const { status, body } = await publish(bytes, { headers: { 'content-type': type, accept: type } });
    expect([status, body[0].successCount]).toEqual([201, 1]);
    expect(await dataOn('open')).toEqual(['Af8=']);
  });

  it('[BA1] objects and arrays as data become their JSON text in msgpack, too, unless they hold bytes', async () => {
    const headers = { 'content-type': 'application/x-msgpack' };
    const batch = (data: unknown) => codecs.msgpack.encodeValue({ channels: 'open', messages: [{ data }] });
    expect((await publish(batch({ x: [1, 'é'] }), { headers })).status).toBe(201);
    expect(await dataOn('open')).toEqual(['{"x":[1,"é"]}']);
    expect(codeOf(await publish(batch({ x: Buffer.from([1]) }), { headers }))).toEqual([400, 40013]);
  });

  it('[BA2] what fails on one channel fails there alone, and the whole is a success for new clients', async () => {
    const { status, body } = await publish([
      { channels: ['open', 'read', '', '[bad', 'open:2'], messages: { data: 'a' } },
      { channels: ['none'], messages: { data: 'b' } },
    ]);
    expect(status).toBe(201);
    expect(body.map(({ successCount, failureCount }: Record<string, number>) => [successCount, failureCount])).toEqual([
      [2, 3],
      [0, 1],
    ]);
    const codes = body[0].results.map(({ error }: { error?: { code: number } }) => error?.code);
    expect(codes).toEqual([undefined, 40160, 40010, 40010, undefined]);
    expect(body[1].results[0].error).toMatchObject({ code: 40160, statusCode: 401, message: expect.any(String) });
    expect(await dataOn('open:2')).toEqual(['a']);
  });

  it.each([
    ['a spec', { channels: ['open', 'read'], messages: { data: 'a' } }],
    [
      'an array',
      [
        { channels: ['open'], messages: { data: 'a' } },
        { channels: 'read', messages: { data: 'a' } },
      ],
    ],
  ])(
    '[BA3] a client of version 2 that sent %s gets a flat list, or 40020 with it if a part failed',
    async (_t, body) => {
      const failed = await publish(body, old);
      expect(codeOf(failed)).toEqual([400, 40020]);
      expect(failed.headers['x-ably-errorcode']).toBe('40020');
      expect(failed.body.batchResponse).toEqual([
        { channel: 'open', messageId: expect.any(String), serials: [expect.any(String)] },
        { channel: 'read', error: expect.objectContaining({ code: 40160 }) },
      ]);
      const good = await publish({ channels: ['open', 'open:2'], messages: { data: 'a' } }, old);
      expect(good.status).toBe(201);
      expect(good.body.map(({ channel }: { channel: string }) => channel)).toEqual(['open', 'open:2']);
    },
  );

  it.each([
    ['1.2', true],
    ['2', true],
    ['3', false],
    ['150', false],
    ['newest', false],
  ])('[BA3] version %s is told the old way: %s', async (version, isOld) => {
    const { body } = await publish({ channels: 'open', messages: {} }, { headers: { 'x-ably-version': version } });
    expect(Array.isArray(body)).toBe(isOld);
    const asked = await publish({ channels: 'open', messages: {} }, { path: `/messages?v=${version}` });
    expect(Array.isArray(asked.body)).toBe(isOld);
  });

  it('[attack 57] a channel that a spec names twice gets its messages once, and both its results say so', async () => {
    const { body } = await publish({ channels: ['open', 'open'], messages: { data: 'a' } });
    expect(body.successCount).toBe(2);
    expect(body.results[0]).toEqual(body.results[1]);
    expect(await dataOn('open')).toEqual(['a']);
  });

  const named = (count: number) => Array.from({ length: count }, (_, index) => `open:${index}`);
  it('[attack 57] a hundred channels and a thousand messages are taken, in one spec or in many', async () => {
    const messages = Array.from({ length: 1_000 }, () => ({}));
    const { body } = await publish([{ channels: named(100), messages: messages.slice(0, 9) }]);
    expect(body[0].successCount).toBe(100);
    const many = named(100).map((channels) => ({ channels, messages: messages.slice(0, 10) }));
    expect((await publish(many)).body.every((result: { successCount: number }) => result.successCount === 1)).toBe(
      true,
    );
    expect((await publish({ channels: 'open', messages })).body.successCount).toBe(1);
  });

  it.each<[string, unknown, number]>([
    ['a hundred thousand channels', { channels: named(100_000), messages: {} }, 40013],
    ['a hundred and one channels', { channels: named(101), messages: { data: 'a' } }, 40000],
    ['them in many specs', named(101).map((channels) => ({ channels, messages: {} })), 40001],
    ['them in two specs', [named(50), named(51)].map((channels) => ({ channels, messages: {} })), 40000],
    ['1001 messages', { channels: 'open', messages: Array.from({ length: 1_001 }, () => ({})) }, 40000],
    ['no specs', [], 40001],
    ['no channels', { channels: [], messages: {} }, 40001],
    ['no messages', { channels: 'open', messages: [] }, 40001],
    ['channels that are no names', { channels: ['open', 1], messages: {} }, 40001],
    ['messages that are none', { channels: 'open', messages: ['x'] }, 40001],
    ['a message with a number for a name', { channels: 'open', messages: [{}, { name: 1 }] }, 40000],
    ['text', 'null', 40001],
  ])(
    '[attack 57] a batch with %s is refused as a whole, and nothing of it is published',
    async (_title, body, code) => {
      expect((await publish(body, { headers: { 'content-type': 'application/json' } })).body.error.code).toBe(code);
      expect(await dataOn('open')).toEqual([]);
      expect(await dataOn('open:0')).toEqual([]);
    },
  );

  it('[attack 57] a body of more than 2 MiB is 40009, and one of less is read', async () => {
    const data = 'x'.repeat(60_000);
    const spec = (count: number) => ({ channels: 'open', messages: Array.from({ length: count }, () => ({ data })) });
    expect(codeOf(await publish(spec(36)))).toEqual([413, 40009]);
    const { status, body } = await publish(spec(30));
    expect([status, body.results[0].error.code]).toEqual([201, 40009]);
    expect(await dataOn('open')).toEqual([]);
  });

  it('[BA4] a batch without credentials, or with a bad key, is refused as a whole', async () => {
    expect(codeOf(await publish({ channels: 'open', messages: {} }, { key: '' }))).toEqual([401, 40101]);
    expect(codeOf(await publish({ channels: 'open', messages: {} }, { key: `${partKey}x` }))).toEqual([401, 40101]);
  });
});

describe('batch presence', () => {
  beforeEach(() => http.enter('room', 'c1', [{ clientId: 'ann', data: 'A' }, { clientId: 'bob' }]));
  const asFull = (query: string, more: Partial<Asking> = {}) => http.send({ path: `/presence?${query}`, ...more });

  it('[BA5] the presence sets of channels are told, also empty ones, each under its channel', async () => {
    const { status, body } = await asFull('channels=room,empty');
    expect(status).toBe(200);
    expect(body).toMatchObject({ successCount: 2, failureCount: 0 });
    expect(body.results[0].presence.map((member: { clientId: string; action: number }) => member.clientId)).toEqual([
      'ann',
      'bob',
    ]);
    expect(body.results[0].presence[0]).toMatchObject({ action: 1, data: 'A', connectionId: 'c1' });
    expect(body.results[1]).toEqual({ channel: 'empty', presence: [] });
  });

  it('[BA5] names may hold commas where another separator is named', async () => {
    const { body } = await asFull(`channels=${encodeURIComponent('a,b;room')}&separator=${encodeURIComponent(';')}`);
    expect(body.results.map(({ channel }: { channel: string }) => channel)).toEqual(['a,b', 'room']);
  });

  it('[BA5] sets of more than a page are whole', async () => {
    const members = Array.from({ length: 2_100 }, (_, index) => ({ clientId: `c${index}` }));
    await http.enter('crowd', 'c1', members);
    expect((await asFull('channels=crowd')).body.results[0].presence).toHaveLength(2_100);
  });

  it('[BA6] a channel that may not be read, or has no valid name, fails alone; old clients are told 40020', async () => {
    const { status, body } = await presence('channels=read,none,');
    expect([status, body.successCount, body.failureCount]).toEqual([200, 1, 2]);
    expect(body.results[1]).toEqual({
      channel: 'none',
      error: expect.objectContaining({ code: 40160, statusCode: 401 }),
    });
    expect(body.results[2].error.code).toBe(40010);
    const failed = await presence('channels=read,none', old);
    expect(codeOf(failed)).toEqual([400, 40020]);
    expect(failed.body.batchResponse.map(({ channel }: { channel: string }) => channel)).toEqual(['read', 'none']);
    expect((await presence('channels=read', old)).body).toEqual([{ channel: 'read', presence: [] }]);
  });

  it.each(['', 'x=1', `channels=${Array.from({ length: 101 }, (_, index) => index).join()}`])(
    '[BA6] channels that are not named, or too many, are 40003',
    async (query) => expect(codeOf(await presence(query))).toEqual([400, 40003]),
  );

  it('[attack 57] a reply has a bound: what no longer fits says so in its place', async () => {
    const data = 'x'.repeat(1024 * 1024);
    for (let room = 0; room < 5; room++) {
      const members = ['a', 'b', 'c', 'd'].map((clientId) => ({ clientId, data }));
      await http.enter(`big${room}`, 'c1', members);
    }
    const { body } = await asFull('channels=big0,big1,big2,big3,big4,room');
    const codes = body.results.map(({ error }: { error?: { code: number } }) => error?.code);
    expect(codes).toEqual([undefined, undefined, undefined, 40009, 40009, 40009]);
  });
});
