import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, otherKey, readKey, TestHttp } from './testHttp.ts';

let http: TestHttp;
const messages = '/channels/mutable:a/messages';
let serial: string;

beforeEach(async () => {
  http = await new TestHttp().listen();
  serial = (await http.publish('mutable:a', { data: 'a' })).body.serials[0];
});

afterEach(() => http.close());

const item = (of = serial) => `${messages}/${encodeURIComponent(of)}`;
const annotate = (body: unknown, more = {}) =>
  http.send({ method: 'POST', path: `${item()}/annotations`, body, ...more });
const list = (query = '') => http.send({ path: `${item()}/annotations${query}` });
const errorOf = ({ status, body }: Answer) => [status, body.error.code];
const like = 'reaction:distinct.v1';

describe('annotations over HTTP', () => {
  it('[AN17] annotations are made as a list or one by itself, and answered with their serials', async () => {
    const answer = await annotate([
      { type: like, name: '👍', clientId: 'ada', data: { a: 1 } },
      { type: like, name: '👎', clientId: 'ada' },
    ]);
    expect(answer.status).toBe(201);
    expect(answer.body).toEqual({
      channel: 'mutable:a',
      messageId: expect.any(String),
      serials: [expect.any(String), expect.any(String)],
    });
    const single = await annotate({ type: like, name: '👍', clientId: 'bob' });
    const { body } = await list();
    expect(body.map((one: { serial: string }) => one.serial)).toEqual([...answer.body.serials, ...single.body.serials]);
    expect(body[0]).toEqual({
      id: `${answer.body.messageId}:0`,
      action: 0,
      serial: answer.body.serials[0],
      messageSerial: serial,
      type: like,
      name: '👍',
      clientId: 'ada',
      data: '{"a":1}',
      encoding: 'json',
      timestamp: expect.any(Number),
    });
  });

  it('[AN17] a message, and history with it, carries the summary of what was made and taken back', async () => {
    for (const clientId of ['ada', 'bob']) await annotate({ type: like, name: 'x', clientId });
    await annotate({ type: 'seen:flag.v1', clientId: 'ada' });
    await annotate({ action: 1, type: like, name: 'x', clientId: 'ada' });
    const annotations = {
      summary: {
        [like]: { x: { total: 1, clientIds: ['bob'], clipped: false } },
        'seen:flag.v1': { total: 1, clientIds: ['ada'], clipped: false },
      },
    };
    expect((await http.send({ path: item() })).body.annotations).toEqual(annotations);
    expect((await http.send({ path: messages })).body[0].annotations).toEqual(annotations);
    await http.send({ method: 'PATCH', path: item(), body: { data: 'b' } });
    expect((await http.send({ path: messages })).body[0]).toMatchObject({ data: 'b', annotations });
  });

  it('[AN18] annotations are listed earliest first, of this message alone, page by page', async () => {
    const others = (await http.publish('mutable:a', [{ data: 'b' }, { data: 'c' }])).body.serials;
    for (let n = 0; n < 7; n++) {
      await annotate([
        { type: like, name: `${n}a`, clientId: 'ada' },
        { type: like, name: `${n}b`, clientId: 'ada' },
      ]);
      const path = `${item(others[n % 2])}/annotations`;
      await http.send({ method: 'POST', path, body: { type: like, name: 'other', clientId: 'ada' } });
    }
    const whole = (await list()).body;
    expect(whole.map(({ name }: { name: string }) => name)).toEqual(
      Array.from({ length: 14 }, (_, n) => `${Math.floor(n / 2)}${'ab'[n % 2]}`),
    );
    const pages = await http.pages(`${item()}/annotations?limit=5`);
    expect(pages.map(({ body }) => body.length)).toEqual([5, 5, 4]);
    expect(pages.flatMap(({ body }) => body)).toEqual(whole);
    expect((await http.pages(`${item()}/annotations?limit=7`)).map(({ body }) => body.length)).toEqual([7, 7]);
  });

  it('[AN19] a client may be asked for by itself, also where the list of clients is clipped', async () => {
    await http.close();
    http = await new TestHttp({ limits: { maxMessageSize: 1_000 } }).listen();
    serial = (await http.publish('mutable:a', { data: 'a' })).body.serials[0];
    for (let n = 0; n < 40; n++) await annotate({ type: like, name: 'x', clientId: `client number ${n}` });
    await annotate({ type: 'a:multiple.v1', name: 'y', count: 3, clientId: 'client number 39' });
    const { summary } = (await http.send({ path: item() })).body.annotations;
    expect(summary[like].x).toMatchObject({ total: 40, clipped: true });
    expect(summary[like].x.clientIds).not.toContain('client number 39');
    const path = `${item()}/client-summary`;
    const own = {
      [like]: { x: { total: 1, clientIds: ['client number 39'], clipped: false } },
      'a:multiple.v1': {
        y: { total: 3, clientIds: { 'client number 39': 3 }, totalUnidentified: 0, totalClientIds: 1, clipped: false },
      },
    };
    expect((await http.send({ path: `${path}?forClientId=client%20number%2039` })).body).toEqual(own);
    const headers = { 'x-ably-clientid': Buffer.from('client number 39').toString('base64') };
    expect((await http.send({ path, headers })).body).toEqual(own);
    expect((await http.send({ path: `${path}?forClientId=nobody` })).body).toEqual({});
    expect(errorOf(await http.send({ path }))).toEqual([400, 40003]);
  });

  it('[AN20] what is refused has its code, and nothing of it is stored', async () => {
    const good = { type: like, name: 'x', clientId: 'ada' };
    const refused: [Promise<Answer>, number, number][] = [
      [annotate(undefined), 400, 40001],
      [annotate([]), 400, 40000],
      [annotate('text'), 400, 40000],
      [annotate([good, { ...good, name: '' }]), 400, 40003],
      [annotate({ ...good, type: 'x:y' }), 400, 40000],
      [annotate({ ...good, name: 5 }), 400, 40000],
      [annotate({ ...good, count: 'x' }), 400, 40000],
      [annotate({ type: like, name: 'x' }), 401, 40161],
      [annotate(good, { key: readKey }), 401, 40160],
      [annotate(good, { path: `${item('nothing')}/annotations` }), 404, 40400],
      [annotate(good, { key: otherKey }), 400, 93002],
      [http.send({ path: `${item()}/annotations`, key: readKey }), 401, 40160],
      [http.send({ path: `${item('nothing')}/annotations` }), 404, 40400],
      [http.send({ path: `${item()}/annotations?limit=1001` }), 400, 40003],
      [http.send({ path: `${item()}/annotations?cursor=x` }), 400, 40011],
      [http.send({ path: `${item('nothing')}/client-summary?forClientId=a` }), 404, 40400],
      [http.send({ path: `${item()}/client-summary?forClientId=a`, key: readKey }), 401, 40160],
    ];
    for (const [answer, status, code] of refused) expect(errorOf(await answer)).toEqual([status, code]);
    expect((await list()).body).toEqual([]);
  });
});
