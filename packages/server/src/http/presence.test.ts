import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appFromKeys } from '../access/apps.ts';
import { type Answer, linksOf, otherKey, readKey, TestHttp } from './testHttp.ts';

let http: TestHttp;

beforeEach(async () => {
  http = await new TestHttp().listen();
  await http.enter('room', 'c1', [
    { clientId: 'ann', data: 'A', extras: { locks: [{ id: 'l' }] } },
    { clientId: 'bob', data: new Uint8Array([1, 2]) },
    { clientId: 'a b+c&d,é', data: '{"x":1}', encoding: 'json' },
  ]);
  await http.enter('room', 'c2', [{ clientId: 'ann' }, { clientId: 'cat' }]);
});

afterEach(() => http.close());

const get = (query = '', more = {}) => http.send({ path: `/channels/room/presence${query}`, ...more });
const keysOf = ({ body }: Answer): string[] =>
  body.map((item: { connectionId: string; clientId: string }) => `${item.connectionId}:${item.clientId}`);
const everybody = ['c1:a b+c&d,é', 'c1:ann', 'c1:bob', 'c2:ann', 'c2:cat'];

describe('presence', () => {
  it('[HT18] members are shown as present, whole, in either format', async () => {
    const { body } = await get();
    expect(body.find((item: { clientId: string; connectionId: string }) => item.clientId === 'ann')).toEqual({
      id: 'c1:0:0',
      action: 1,
      clientId: 'ann',
      connectionId: 'c1',
      data: 'A',
      extras: { locks: [{ id: 'l' }] },
      timestamp: expect.any(Number),
    });
    const bob = (items: { clientId: string; data: unknown; encoding?: string }[]) =>
      items.find((item) => item.clientId === 'bob');
    expect(bob(body)).toMatchObject({ data: 'AQI=', encoding: 'base64' });
    const packed = await get('', { headers: { accept: 'application/x-msgpack' } });
    expect(bob(packed.body)?.data).toEqual(new Uint8Array([1, 2]));
    expect(bob(packed.body)?.encoding).toBeUndefined();
  });

  for (const limit of [1, 2, 3, 4, 5, 6]) {
    it(`[HT18] pages of ${limit} give each member once and end exactly`, async () => {
      const pages = await http.pages(`/channels/room/presence?limit=${limit}`);
      expect(pages.flatMap(keysOf)).toEqual(everybody);
      expect(pages).toHaveLength(Math.ceil(5 / limit));
    });
  }

  it('[HT18] clientId and connectionId filter, together and over pages', async () => {
    expect(keysOf(await get('?clientId=ann'))).toEqual(['c1:ann', 'c2:ann']);
    expect(keysOf(await get('?connectionId=c2'))).toEqual(['c2:ann', 'c2:cat']);
    expect(keysOf(await get('?connectionId=c2&clientId=ann'))).toEqual(['c2:ann']);
    expect(keysOf(await get('?clientId=nobody'))).toEqual([]);
    expect(keysOf(await get(`?clientId=${encodeURIComponent('a b+c&d,é')}`))).toEqual(['c1:a b+c&d,é']);
    const pages = await http.pages('/channels/room/presence?clientId=ann&limit=1');
    expect(pages.map(keysOf)).toEqual([['c1:ann'], ['c2:ann']]);
  });

  it('[HT18] links repeat the filters in a way that clients decode, and are there for an empty channel', async () => {
    const { headers } = await get(`?limit=1&clientId=${encodeURIComponent('a b+c&d,é')}`);
    const first = /<\.\/presence\?([^>]*)>; rel="first"/.exec(String(headers.link))?.[1] ?? '';
    const pairs = first.split('&').map((pair) => pair.split('=').map(decodeURIComponent));
    expect(pairs).toEqual([
      ['limit', '1'],
      ['clientId', 'a b+c&d,é'],
    ]);
    const empty = await http.send({ path: '/channels/empty/presence' });
    expect([empty.body, String(empty.headers.link).match(/rel="\w+"/g)]).toEqual([
      [],
      ['rel="first"', 'rel="current"'],
    ]);
  });

  it('[HT18] a limit that is none is 40003, a cursor of another channel 40011', async () => {
    for (const limit of ['0', '1001', 'x']) expect((await get(`?limit=${limit}`)).body.error.code).toBe(40003);
    const cursor = /cursor=([\w-]+)/.exec(linksOf(await get('?limit=1')).get('next') ?? '')?.[1];
    expect((await get(`?cursor=${cursor}`)).status).toBe(200);
    const other = await http.send({ path: `/channels/other/presence?cursor=${cursor}` });
    expect(other.body.error.code).toBe(40011);
  });

  it('[HT19] presence history shows what happened, paged in both directions', async () => {
    const clients = ['ann', 'bob', 'a b+c&d,é', 'ann', 'cat'];
    for (const direction of ['forwards', 'backwards']) {
      for (const limit of [1, 2, 5, 6]) {
        const pages = await http.pages(`/channels/room/presence/history?direction=${direction}&limit=${limit}`);
        const items = pages.flatMap(({ body }) => body);
        const names = items.map((item: { clientId: string }) => item.clientId);
        expect(names).toEqual(direction === 'forwards' ? clients : [...clients].reverse());
        expect(items.every((item: { action: number }) => item.action === 2)).toBe(true);
        expect(pages).toHaveLength(Math.ceil(5 / limit));
      }
    }
  });

  it('[attack 58] the presence set needs subscribe: without it a channel that exists is like one that does not', async () => {
    const key = 'app.publisher:publisher-secret-publisher';
    http.apps.add(appFromKeys([{ key, capability: { '*': ['publish', 'history', 'presence'] } }]));
    const [there, absent] = [await get('', { key }), await http.send({ path: '/channels/none/presence', key })];
    expect([there.status, there.body.error.code]).toEqual([401, 40160]);
    expect(there.bytes.toString().replace('room', 'none')).toBe(absent.bytes.toString());
  });

  it('[HT18] the right to subscribe is enough', async () => {
    expect(keysOf(await get('', { key: readKey }))).toEqual(everybody);
  });

  it('[attack 62] members and their history are those of the own app', async () => {
    expect((await get('', { key: otherKey })).body).toEqual([]);
    expect((await http.send({ path: '/channels/room/presence/history', key: otherKey })).body).toEqual([]);
  });
});
