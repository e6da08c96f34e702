import { createFakeClock, type FakeClock } from '@parvis/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, linksOf, readKey, TestHttp } from './testHttp.ts';

let http: TestHttp;
let clock: FakeClock;
const channel = 'mutable:a/b';
const messages = `/channels/${encodeURIComponent(channel)}/messages`;

beforeEach(async () => {
  clock = createFakeClock();
  http = await new TestHttp({ clock, limits: { maxMessageSize: 2_000 } }).listen();
});

afterEach(() => http.close());

const item = (serial: string) => `${messages}/${encodeURIComponent(serial)}`;
const patch = (serial: string, body: unknown, more = {}) =>
  http.send({ method: 'PATCH', path: item(serial), body, ...more });
const errorOf = ({ status, body }: Answer) => [status, body.error.code];

async function publish(body: unknown): Promise<string> {
  const answer = await http.publish(channel, body);
  return answer.body.serials[0];
}

describe('one message', () => {
  it('[MU23] a message is read by its serial, whole and in its latest version', async () => {
    const serial = await publish({ name: 'note', data: { a: 1 } });
    const original = (await http.send({ path: item(serial) })).body;
    expect(original).toMatchObject({ serial, name: 'note', data: '{"a":1}', encoding: 'json', action: 0 });
    expect((await http.send({ path: messages })).body).toEqual([original]);
    clock.advance(10);
    const version = { clientId: 'eve', description: 'why', metadata: { m: '1' } };
    const changed = await patch(serial, { action: 1, serial, data: { b: 2 }, version });
    expect([changed.status, Object.keys(changed.body)]).toEqual([200, ['versionSerial']]);
    const latest = (await http.send({ path: item(serial) })).body;
    expect(latest).toEqual({
      ...original,
      id: expect.not.stringMatching(original.id),
      data: '{"b":2}',
      action: 1,
      version: { ...version, serial: changed.body.versionSerial, timestamp: clock.now() },
    });
    expect(changed.body.versionSerial > serial).toBe(true);
    expect((await http.send({ path: messages })).body).toEqual([latest]);
  });

  it('[MU23] bytes are base64 in JSON and bytes in msgpack, and can be appended to', async () => {
    const serial = await publish({ data: 'AQI=', encoding: 'base64' });
    await patch(serial, { action: 5, data: 'Aw==', encoding: 'base64' });
    expect((await http.send({ path: item(serial) })).body).toMatchObject({ data: 'AQID', encoding: 'base64' });
    const { body } = await http.send({ path: `${item(serial)}?format=msgpack` });
    expect([body.data, body.encoding]).toEqual([Uint8Array.of(1, 2, 3), undefined]);
  });

  it('[MU24] a PATCH updates, deletes or appends, by its action; without one it updates; older clients send a list', async () => {
    const serial = await publish({ name: 'n', data: 'a' });
    const results: [unknown, object][] = [
      [{ data: 'b' }, { action: 1, data: 'b' }],
      [[{ action: 1, data: 'c' }], { action: 1, data: 'c' }],
      [
        { action: 5, data: 'd' },
        { action: 1, data: 'cd' },
      ],
      [{ action: 2 }, { action: 2, data: 'cd', name: 'n' }],
    ];
    for (const [body, result] of results) {
      expect((await patch(serial, body)).status).toBe(200);
      expect((await http.send({ path: item(serial) })).body).toMatchObject(result);
    }
  });

  it('[MU24] who asks is who has changed it: the clientId of the request, unless it may name any', async () => {
    const serial = await publish({ data: 'a' });
    const headers = { 'x-ably-clientid': Buffer.from('ada').toString('base64') };
    await patch(serial, { data: 'b' }, { headers });
    expect((await http.send({ path: item(serial) })).body.version.clientId).toBe('ada');
    const forged = await patch(serial, { data: 'c', version: { clientId: 'bob' } }, { headers });
    expect(errorOf(forged)).toEqual([400, 40012]);
  });

  it('[MU24] what is refused has its code, and changes nothing', async () => {
    const serial = await publish({ data: 'a' });
    const refused: [Promise<Answer>, number, number][] = [
      [patch(serial, undefined), 400, 40001],
      [patch(serial, []), 400, 40001],
      [patch(serial, [{ data: 'b' }, { data: 'c' }]), 400, 40001],
      [patch(serial, 'text'), 400, 40000],
      [patch(serial, { action: 0, data: 'b' }), 400, 40000],
      [patch(serial, { serial: `${serial}0`, data: 'b' }), 400, 40003],
      [patch(serial, { action: 5 }), 400, 40013],
      [patch(serial, { data: 5 }), 400, 40013],
      [patch(serial, { extras: 5 }), 400, 40032],
      [patch(serial, { data: 'x'.repeat(2_000) }), 413, 40009],
      [patch(serial, { data: 'b' }, { key: readKey }), 401, 40160],
      [patch(`${serial}0`, { data: 'b' }), 404, 40400],
      [patch('nothing', { data: 'b' }), 404, 40400],
      [http.send({ path: item('nothing') }), 404, 40400],
      [http.send({ path: `${item('nothing')}/versions` }), 404, 40400],
      [http.send({ path: item(serial), key: readKey }), 401, 40160],
      [http.send({ path: `${item(serial)}/versions`, key: readKey }), 401, 40160],
      [http.send({ path: `${item(serial)}/versions?limit=0` }), 400, 40003],
      [http.send({ method: 'DELETE', path: item(serial) }), 405, 40500],
    ];
    for (const [answer, status, code] of refused) expect(errorOf(await answer)).toEqual([status, code]);
    expect((await http.send({ path: item(serial) })).body).toMatchObject({ action: 0, data: 'a' });
  });

  it('[MU17] where messages are not mutable, each of these routes is refused with 93002', async () => {
    const { serials } = (await http.publish('plain', { data: 'a' })).body;
    const path = `/channels/plain/messages/${encodeURIComponent(serials[0])}`;
    const asked = [
      { path },
      { path, method: 'PATCH', body: { data: 'b' } },
      { path: `${path}/versions` },
      { path: `${path}/annotations` },
      { path: `${path}/annotations`, method: 'POST', body: [{ type: 'a:flag.v1', clientId: 'x' }] },
      { path: `${path}/client-summary?forClientId=x` },
    ];
    for (const one of asked) expect(errorOf(await http.send(one))).toEqual([400, 93002]);
  });

  it('[MU14] history shows each message once, in its latest version and at its place, on pages as on one', async () => {
    const serials: string[] = [];
    for (let n = 0; n < 6; n++) serials.push(await publish([{ data: `${n}a` }, { data: `${n}b` }]));
    for (let n = 0; n < 40; n++) await patch(serials[n % 3] ?? '', { action: 5, data: '+' });
    await patch(serials[4] ?? '', { action: 2 });
    for (const direction of ['forwards', 'backwards']) {
      const whole = (await http.send({ path: `${messages}?direction=${direction}` })).body;
      expect(whole).toHaveLength(12);
      const pages = await http.pages(`${messages}?direction=${direction}&limit=5`);
      expect(pages.map(({ body }) => body.length)).toEqual([5, 5, 2]);
      expect(pages.flatMap(({ body }) => body)).toEqual(whole);
      const oldest = direction === 'forwards' ? whole : whole.toReversed();
      expect(oldest.map(({ data }: { data: string }) => data.length)).toEqual([16, 2, 15, 2, 15, 2, 2, 2, 2, 2, 2, 2]);
      expect(oldest.map(({ action }: { action: number }) => action)).toEqual([1, 0, 1, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
    }
  });
});

describe('versions', () => {
  it('[MU25] all versions of a message, oldest first unless told, each whole', async () => {
    const serial = await publish({ name: 'n', data: 'a' });
    const other = await publish({ data: 'other' });
    const made: string[] = [serial];
    for (const change of [
      { data: 'b' },
      { action: 5, data: 'c' },
      { action: 5, data: 'd' },
      { action: 2, data: 'e' },
    ]) {
      clock.advance(10);
      made.push((await patch(serial, change)).body.versionSerial);
      await patch(other, change);
    }
    const { body } = await http.send({ path: `${item(serial)}/versions` });
    const brief = body.map(({ action, data, version, name }: Record<string, unknown>) => [name, action, data, version]);
    expect(brief).toEqual(
      [
        ['n', 0, 'a'],
        ['n', 1, 'b'],
        ['n', 1, 'bc'],
        ['n', 1, 'bcd'],
        ['n', 2, 'e'],
      ].map((part, index) => [...part, { serial: made[index], timestamp: clock.now() - 40 + index * 10 }]),
    );
    const backwards = await http.send({ path: `${item(serial)}/versions?direction=backwards` });
    expect(backwards.body).toEqual(body.toReversed());
    const start = clock.now() - 30;
    const some = await http.send({ path: `${item(serial)}/versions?start=${start}&end=${start + 10}` });
    expect(some.body).toEqual(body.slice(1, 3));
  });

  it('[MU25] versions come on pages that fit together', async () => {
    const serial = await publish({ data: '' });
    for (let n = 0; n < 10; n++) await patch(serial, { action: 5, data: `${n}` });
    for (const direction of ['forwards', 'backwards']) {
      const path = `${item(serial)}/versions?direction=${direction}&limit=4`;
      const pages = await http.pages(path);
      expect(pages.map(({ body }) => body.length)).toEqual([4, 4, 3]);
      const data = pages.flatMap(({ body }) => body.map((message: { data: string }) => message.data));
      const expected = Array.from({ length: 11 }, (_, n) => '0123456789'.slice(0, n));
      expect(data).toEqual(direction === 'forwards' ? expected : expected.toReversed());
      expect([...linksOf(pages[0] as Answer).keys()]).toEqual(['first', 'current', 'next']);
    }
    const forged = await http.send({ path: `${item(serial)}/versions?cursor=abc` });
    expect(errorOf(forged)).toEqual([400, 40011]);
  });

  it('[MU25] a page of large versions ends early, and the next goes on', async () => {
    await http.close();
    http = await new TestHttp({ limits: { maxMessageSize: 1_500_000 } }).listen();
    const serial = await publish({ data: 'a' });
    for (let n = 0; n < 6; n++) await patch(serial, { data: `${n}`.repeat(1_400_000) });
    const pages = await http.pages(`${item(serial)}/versions?limit=100`);
    expect(pages.length).toBe(2);
    const firsts = pages.flatMap(({ body }) => body.map((message: { data: string }) => message.data[0]));
    expect(firsts).toEqual(['a', '0', '1', '2', '3', '4', '5']);
  });
});
