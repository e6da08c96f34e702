import { createFakeClock, type FakeClock } from '@parvis/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { systemClock } from '../clock.ts';
import { addressOf, linksOf, otherKey, readKey, TestHttp, type TestHttpOptions } from './testHttp.ts';

let http: TestHttp | undefined;

async function start(options: TestHttpOptions = {}): Promise<TestHttp> {
  http = await new TestHttp({ sandbox: {}, clock: clockAt('2025-05-06T07:08:09Z'), ...options }).listen();
  return http;
}

/** A clock that tells the time a test says, and whose timers run. */
function clockAt(time: string): FakeClock {
  const clock = createFakeClock(Date.parse(time));
  return { ...clock, now: clock.now, after: (ms, run) => systemClock.after(ms, run) };
}

afterEach(async () => {
  await http?.close();
  http = undefined;
});

const messages = (count: number, data: number) => ({ realtime: { messages: { count, data } } });
const fixtures = [
  { intervalId: '2024-02-03:15:03', inbound: messages(50, 5_000), outbound: messages(20, 2_000) },
  { intervalId: '2024-02-03:15:04', inbound: messages(60, 6_000), outbound: messages(10, 1_000) },
  { intervalId: '2024-02-03:16:05', inbound: messages(70, 7_000), channels: { peak: 50, opened: 30 } },
  { intervalId: '2024-03-04:10:00', inbound: messages(5, 50), channels: { peak: 20, opened: 2 } },
];

const post = (http: TestHttp, body: unknown, more = {}) => http.send({ method: 'POST', path: '/stats', body, ...more });
const inbound = ({ body }: { body: { intervalId: string; entries: Record<string, number> }[] }) =>
  body.map(({ intervalId, entries }) => [intervalId, entries['messages.inbound.all.messages.count']]);

describe('statistics', () => {
  it('[SA4] what is asked for by the ids of its first and last interval comes in order, newest first unless told', async () => {
    const http = await start();
    expect((await post(http, fixtures)).status).toBe(201);
    const range = 'start=2024-02-03:15:03&end=2024-02-03:15:04';
    expect(inbound(await http.send({ path: `/stats?${range}` }))).toEqual([
      ['2024-02-03:15:04', 60],
      ['2024-02-03:15:03', 50],
    ]);
    const forwards = await http.send({ path: `/stats?${range}&direction=forwards` });
    expect(forwards.body).toEqual([
      {
        intervalId: '2024-02-03:15:03',
        unit: 'minute',
        schema: expect.stringMatching(/^https:/),
        appId: 'app',
        entries: expect.objectContaining({ 'messages.outbound.all.messages.data': 2_000 }),
      },
      expect.objectContaining({ intervalId: '2024-02-03:15:04' }),
    ]);
  });

  it('[SA4] bounds are times too, rounded down to the interval they are in', async () => {
    const http = await start();
    await post(http, fixtures);
    const at = (hours: number, minutes: number) => Date.UTC(2024, 1, 3, hours, minutes, 30);
    expect(inbound(await http.send({ path: `/stats?start=${at(15, 4)}&end=${at(16, 5)}` }))).toEqual([
      ['2024-02-03:16:05', 70],
      ['2024-02-03:15:04', 60],
    ]);
    expect(inbound(await http.send({ path: `/stats?start=0&end=${at(15, 3)}` }))).toEqual([['2024-02-03:15:03', 50]]);
    expect(inbound(await http.send({ path: '/stats?end=99999999999999' })).slice(1)).toHaveLength(4);
  });

  it.each([
    [
      'hour',
      'start=2024-02-03:15&end=2024-02-03:18',
      [
        ['2024-02-03:15', 110],
        ['2024-02-03:16', 70],
      ],
    ],
    ['day', 'end=2024-02-03', [['2024-02-03', 180]]],
    [
      'day',
      '',
      [
        ['2024-02-03', 180],
        ['2024-03-04', 5],
      ],
    ],
    ['month', 'end=2024-02', [['2024-02', 180]]],
    ['minute', 'start=2024-02-03:16&end=2024-02-03:16', [['2024-02-03:16:05', 70]]],
  ])('[SA5] by %s, with %j, minutes are summed', async (unit, range, expected) => {
    const http = await start();
    await post(http, fixtures);
    for (const name of ['unit', 'by']) {
      const { body } = await http.send({ path: `/stats?${name}=${unit}&direction=forwards&${range}` });
      const counted = body.filter((item: { inProgress?: string }) => item.inProgress === undefined);
      expect(inbound({ body: counted })).toEqual(expected);
      for (const item of body) expect(item.unit).toBe(unit);
    }
  });

  it('[SA5] of peaks the highest counts, of openings the sum', async () => {
    const http = await start();
    await post(http, [...fixtures, { intervalId: '2024-02-03:16:06', channels: { peak: 40, opened: 3 } }]);
    const { body } = await http.send({ path: '/stats?unit=hour&start=2024-02-03:16&end=2024-02-03:16' });
    expect(body[0].entries).toMatchObject({ 'channels.peak': 50, 'channels.opened': 33 });
  });

  it.each(['backwards', 'forwards'])(
    '[SA6] pages go %s, and their links lead on, back to the first and to themselves',
    async (direction) => {
      const http = await start();
      await post(http, fixtures);
      const path = `/stats?start=2024-02-03:15:03&end=2024-02-03:16:05&direction=${direction}&limit=1`;
      const pages = await http.pages(path);
      const counts = pages.flatMap((page) => inbound(page)).map(([, count]) => count);
      expect(counts).toEqual(direction === 'backwards' ? [70, 60, 50] : [50, 60, 70]);
      const last = pages.at(-1);
      if (last === undefined) throw new Error('no page');
      const [first, current] = ['first', 'current'].map((rel) => addressOf('/stats', linksOf(last).get(rel)));
      expect(inbound(await http.send({ path: first ?? '' }))[0]?.[1]).toBe(counts[0]);
      expect(inbound(await http.send({ path: current ?? '' }))[0]?.[1]).toBe(counts[2]);
    },
  );

  it.each([
    'unit=year',
    'by=second',
    'direction=up',
    'limit=0',
    'limit=1001',
    'start=yesterday',
    'end=2024-02-30',
    'start=2024-02-03:15&end=2024-02-03:14',
    'start=-1',
  ])('[SA7] %s is refused with 40003', async (query) => {
    const http = await start();
    const { status, body } = await http.send({ path: `/stats?${query}` });
    expect([status, body.error.code]).toEqual([400, 40003]);
  });

  it('[attack 58] who may not read statistics learns nothing, and nobody reads those of another app', async () => {
    const http = await start();
    await post(http, fixtures);
    const denied = await http.send({ path: '/stats', key: readKey });
    expect([denied.status, denied.body.error.code]).toEqual([401, 40160]);
    const other = await http.send({ path: '/stats?end=2024-12', key: otherKey });
    expect(other.body).toEqual([]);
    const token = await http.send({
      method: 'POST',
      path: '/keys/app.full/requestToken',
      body: { capability: '{"a":["stats"]}' },
    });
    const bearer = { authorization: `Bearer ${token.body.token}` };
    expect((await http.send({ path: '/stats', key: '', headers: bearer })).body.error.code).toBe(40160);
  });

  it('[SA8] versions before 2 get a tree instead of flat entries', async () => {
    const http = await start();
    await post(http, fixtures);
    const path = '/stats?start=2024-02-03:15:03&end=2024-02-03:15:03';
    const [item] = (await http.send({ path, headers: { 'x-ably-version': '1.2' } })).body;
    expect(item).toMatchObject({
      intervalId: '2024-02-03:15:03',
      inbound: { all: { messages: { count: 50, data: 5_000 } }, realtime: { messages: { count: 50 } } },
      outbound: { all: { all: { count: 20 } } },
    });
    expect(item.entries).toBeUndefined();
    expect((await http.send({ path: `${path}&v=2` })).body[0].entries['messages.all.all.count']).toBe(70);
  });

  it('[SA9] publishing, reading and failing over HTTP is counted, and is there when it is read', async () => {
    const http = await start();
    await http.publish('room', [{ data: 'four' }, { name: 'n', data: 'more' }]);
    await http.publish('room', { data: 'x' }, { key: readKey });
    await http.send({ path: '/channels/room/messages' });
    await http.send({ method: 'POST', path: '/keys/app.full/requestToken', body: {} });
    await http.send({ method: 'POST', path: '/keys/app.full/requestToken', body: { ttl: -1 } });
    await http.send({
      method: 'POST',
      path: '/keys/none.full/requestToken',
      body: { keyName: 'none.full', mac: 'x' },
      key: '',
    });
    const { body } = await http.send({ path: '/stats?unit=hour' });
    expect(body).toHaveLength(1);
    expect(body[0]).toMatchObject({ intervalId: '2025-05-06:07', inProgress: '2025-05-06:07:08', unit: 'hour' });
    expect(body[0].entries).toMatchObject({
      'messages.inbound.rest.messages.count': 2,
      'messages.inbound.rest.messages.data': 8,
      'messages.inbound.all.messages.count': 2,
      'messages.outbound.rest.messages.count': 2,
      'messages.outbound.rest.messages.data': 8,
      'apiRequests.other.succeeded': 2,
      'apiRequests.other.failed': 1,
      'apiRequests.tokenRequests.succeeded': 1,
      'apiRequests.tokenRequests.failed': 1,
    });
  });

  it('[SA10] a minute is written once it is over, stays for its time, and goes then', async () => {
    const clock = clockAt('2025-05-06T07:08:09Z');
    const http = await start({ clock, limits: { statsRetentionMs: 600_000 } });
    await http.publish('room', { data: 'x' });
    clock.advance(60_000);
    http.stats.tick();
    const rows = async () => {
      const page = await http.engine.rows({ app: 'app', name: '[parvis]stats', retentionMs: 0 }, 'minutes');
      return page.rows.map(({ key }) => key);
    };
    expect(await rows()).toEqual(['2025-05-06:07:08 test']);
    await http.publish('room', { data: 'x' });
    expect(inbound(await http.send({ path: '/stats' }))).toEqual([
      ['2025-05-06:07:09', 1],
      ['2025-05-06:07:08', 1],
    ]);
    clock.advance(600_000);
    expect(inbound(await http.send({ path: '/stats?end=2025-05-06:07:18' }))).toEqual([['2025-05-06:07:09', 1]]);
    clock.advance(60_000);
    http.stats.tick();
    await http.send({ path: '/stats' });
    expect(await rows()).not.toContain('2025-05-06:07:08 test');
  });
});

describe('statistics that are made up', () => {
  it('[SA11] they replace those of the same minute, and an id of a longer interval is its first minute', async () => {
    const http = await start();
    await post(http, fixtures);
    await post(http, { intervalId: '2024-02-03:15:03', inbound: messages(1, 1) });
    await post(http, [
      { intervalId: '2023-01', inbound: messages(2, 1) },
      { intervalId: '2023-01-02', inbound: messages(3, 1) },
      { intervalId: '2023-01-02:03', inbound: messages(4, 1) },
    ]);
    expect(inbound(await http.send({ path: '/stats?end=2024-02-03:15:03' }))).toEqual([
      ['2024-02-03:15:03', 1],
      ['2023-01-02:03:00', 4],
      ['2023-01-02:00:00', 3],
      ['2023-01-01:00:00', 2],
    ]);
  });

  it.each([
    ['text', 'x'],
    ['no id', {}],
    ['a bad id', { intervalId: '2024-02-30' }],
    ['a text for a number', { intervalId: '2024-02-03:15:03', channels: { peak: '5' } }],
    ['a negative number', { intervalId: '2024-02-03:15:03', channels: { peak: -5 } }],
    ['null', [null]],
  ])('[SA11] %s is refused with 40001, and nothing is kept', async (_title, body) => {
    const http = await start();
    const { status, body: answer } = await post(http, JSON.stringify(body), {
      headers: { 'content-type': 'application/json' },
    });
    expect([status, answer.error.code]).toEqual([400, 40001]);
    expect((await http.send({ path: '/stats?end=2024-12' })).body).toEqual([]);
  });

  it('[SA11] unknown names are left out, those of objects too', async () => {
    const http = await start();
    await post(
      http,
      JSON.stringify({ intervalId: '2024-02-03:15:03', inbound: { x: 1 }, channels: { peak: 2 } }).replace(
        '"x"',
        '"__proto__"',
      ),
      {
        headers: { 'content-type': 'application/json' },
      },
    );
    const { body } = await http.send({ path: '/stats?end=2024-12' });
    expect(body[0].entries).toEqual({ 'channels.peak': 2 });
  });

  it('[SA12] a year of hours fits, and one that posts without end is refused with 40000', async () => {
    const http = await start();
    const hours = Array.from({ length: 10_000 }, (_, hour) => {
      const id = new Date(Date.UTC(2023, 0, 1, hour)).toISOString().slice(0, 13).replace('T', ':');
      return { intervalId: id, channels: { opened: 1 } };
    });
    for (let start = 0; start < hours.length; start += 500) {
      expect((await post(http, hours.slice(start, start + 500))).status).toBe(201);
    }
    const { body } = await http.send({ path: '/stats?unit=month&direction=forwards&end=2023-12' });
    expect(body).toHaveLength(12);
    expect(body[0].entries).toEqual({ 'channels.opened': 744 });
    const more = await post(http, { intervalId: '2022-01', channels: { opened: 1 } });
    expect([more.status, more.body.error.code]).toEqual([400, 40000]);
    expect((await post(http, hours.slice(0, 5))).status).toBe(201);
  });

  it('[SA12] statistics of an app go with it', async () => {
    const http = await start();
    const made = (await http.send({ method: 'POST', path: '/apps', body: { keys: [{}] }, key: '' })).body;
    const key = made.keys[0].keyStr;
    await post(http, fixtures, { key });
    expect(inbound(await http.send({ path: '/stats?end=2024-12', key }))).toHaveLength(4);
    await http.send({ method: 'DELETE', path: `/apps/${made.appId}`, key });
    await http.stats.forget(made.appId);
    const page = await http.engine.rows({ app: made.appId, name: '[parvis]stats', retentionMs: 0 }, 'fixtures');
    expect(page.rows).toEqual([]);
    expect(http.stats.find(made.appId)).toBeUndefined();
  });
});
