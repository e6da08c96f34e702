import { parseSerial } from '@parvis/protocol';
import { createFakeClock } from '@parvis/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, addressOf, linksOf, otherKey, readKey, TestHttp } from './testHttp.ts';

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

describe('history', () => {
  const publishAll = async (count: number) => {
    for (let at = 0; at < count; at++) await http.publish('a', { name: `m${at}` });
  };

  it('[HT13] items are whole and newest first; history is another name of the route', async () => {
    http.connectionKeys.set('key', 'conn');
    await http.publish('a', {
      name: 'x',
      data: 'd',
      clientId: 'bob',
      connectionKey: 'key',
      extras: { headers: { h: 1 } },
    });
    await http.publish('a', { name: 'y' });
    const { body } = await read('a');
    expect(body[1]).toEqual({
      id: expect.stringMatching(/:0$/),
      name: 'x',
      data: 'd',
      clientId: 'bob',
      connectionId: 'conn',
      extras: { headers: { h: 1 } },
      timestamp: expect.any(Number),
      action: 0,
      serial: expect.any(String),
    });
    const alias = await http.send({ path: '/channels/a/history?limit=1' });
    expect(namesOf(alias)).toEqual(['y']);
    expect(linksOf(alias).get('next')).toMatch(/^\.\/history\?/);
  });

  it('[HT14] links are relative, percent-encoded and resolved; an empty page has first and current', async () => {
    await publishAll(2);
    const answer = await read('a', '?limit=1');
    const links = linksOf(answer);
    expect([...links.keys()]).toEqual(['first', 'current', 'next']);
    for (const address of links.values()) {
      expect(address).toMatch(/^\.\/messages\?[\w.~%=&-]+$/);
      const query = new URLSearchParams(address.slice(address.indexOf('?')));
      expect([query.get('start'), query.get('direction'), query.get('limit')]).toEqual(['0', 'backwards', '1']);
      expect(Math.abs(Number(query.get('end')) - Date.now())).toBeLessThan(5_000);
    }
    expect(links.get('next')).toContain('cursor=');
    expect([...linksOf(await read('empty')).keys()]).toEqual(['first', 'current']);
  });

  it('[HT14] current reads the same page again and first the first one', async () => {
    await publishAll(5);
    const pages = await http.pages('/channels/a/messages?limit=2');
    for (const page of pages) {
      const links = linksOf(page);
      const current = await http.send({ path: addressOf('/channels/a/messages', links.get('current')) });
      expect(current.body).toEqual(page.body);
      const first = await http.send({ path: addressOf('/channels/a/messages', links.get('first')) });
      expect(first.body).toEqual(pages[0]?.body);
    }
  });

  for (const direction of ['backwards', 'forwards']) {
    for (const limit of [1, 2, 3, 4, 6, 7]) {
      it(`[HT15] pages of ${limit} ${direction} give each message once, in order, and end exactly`, async () => {
        await http.publish('a', { name: 'm0' });
        await http.publish('a', [{ name: 'm1' }, { name: 'm2' }, { name: 'm3' }]);
        await http.publish('a', [{ name: 'm4' }, { name: 'm5' }]);
        const pages = await http.pages(`/channels/a/messages?limit=${limit}&direction=${direction}`);
        const names = ['m0', 'm1', 'm2', 'm3', 'm4', 'm5'];
        expect(pages.flatMap(namesOf)).toEqual(direction === 'forwards' ? names : names.reverse());
        expect(pages).toHaveLength(Math.ceil(6 / limit));
      });
    }
  }

  it('[HT15] what is published between two pages is on neither', async () => {
    await http.close();
    const clock = createFakeClock();
    http = await new TestHttp({ clock }).listen();
    await publishAll(4);
    for (const direction of ['backwards', 'forwards']) {
      const first = await read('a', `?limit=2&direction=${direction}&end=${clock.now()}`);
      const open = await read('a', `?limit=2&direction=${direction}`);
      clock.advance(1);
      await http.publish('a', { name: `late ${direction}` });
      for (const page of [first, open]) {
        const rest = await http.pages(addressOf('/channels/a/messages', linksOf(page).get('next')));
        const names = [page, ...rest].flatMap(namesOf);
        expect(names).not.toContain(`late ${direction}`);
        expect(names.slice(0, 4).every((name) => /^m\d$|^late backwards$/.test(name))).toBe(true);
      }
    }
  });

  it('[HT15] messages that the log stamped ahead of this clock are on the pages as well', async () => {
    await http.close();
    const clock = createFakeClock();
    http = await new TestHttp({ clock }).listen();
    await publishAll(3);
    clock.set(clock.now() - 60_000);
    for (const direction of ['backwards', 'forwards']) {
      const pages = await http.pages(`/channels/a/messages?limit=1&direction=${direction}`);
      expect(pages.flatMap(namesOf).sort()).toEqual(['m0', 'm1', 'm2']);
    }
  });

  it('[HT15] a published message is in history at once', async () => {
    for (let at = 0; at < 20; at++) {
      await http.publish('a', { name: `m${at}` });
      expect(namesOf(await read('a', '?limit=1'))).toEqual([`m${at}`]);
      const all = await read('a', '?direction=forwards&limit=1000');
      expect(namesOf(all)).toHaveLength(at + 1);
    }
  });

  it('[HT15] start and end are inclusive', async () => {
    await publishAll(1);
    const [{ timestamp }] = (await read('a')).body;
    expect(namesOf(await read('a', `?start=${timestamp}&end=${timestamp}`))).toEqual(['m0']);
    expect(namesOf(await read('a', `?start=${timestamp + 1}`))).toEqual([]);
    expect(namesOf(await read('a', `?end=${timestamp - 1}`))).toEqual([]);
  });

  it('[HT16] from_serial reads up to and including that position, backwards only', async () => {
    await publishAll(3);
    const serials: string[] = (await read('a')).body.map((item: { serial: string }) =>
      item.serial.replace(/:\d+$/, ''),
    );
    expect(parseSerial(serials[1] ?? '')).toBeDefined();
    const page = await read('a', `?limit=1&from_serial=${encodeURIComponent(serials[1] ?? '')}`);
    expect(namesOf(page)).toEqual(['m1']);
    const rest = await http.pages(addressOf('/channels/a/messages', linksOf(page).get('next')));
    expect(rest.flatMap(namesOf)).toEqual(['m0']);
    expect(linksOf(page).get('current')).toContain(`from_serial=${encodeURIComponent(serials[1] ?? '')}`);
    for (const query of [`from_serial=${serials[1]}&direction=forwards`, 'from_serial=garbage', 'from_serial=']) {
      expect(codeOf(await read('a', `?${query}`))).toBe(40003);
    }
  });

  it('[HT16] from_serial of another log, or of the future, is 40024', async () => {
    await publishAll(1);
    const [{ serial }] = (await read('a')).body;
    const [position] = String(serial).split(':');
    for (const other of [position?.replace(/@.*/, '@other'), position?.replace(/^\d/, '9')]) {
      expect(codeOf(await read('a', `?from_serial=${encodeURIComponent(other ?? '')}`))).toBe(40024);
    }
  });

  it('[attack 56] a limit, time or direction that is none is 40003', async () => {
    const queries = [
      ...['0', '-1', '1001', '1e9', '1e1', '1.5', 'x', '', '99999999999999999999', '%D9%A1'].map(
        (limit) => `limit=${limit}`,
      ),
      'start=-1',
      'start=x',
      'end=1e3',
      'end=9999999999999999',
      'start=2&end=1',
      'direction=sideways',
      'direction=',
    ];
    for (const query of queries) {
      for (const route of ['messages', 'history', 'presence/history']) {
        const answer = await http.send({ path: `/channels/a/${route}?${query}` });
        expect([query, answer.status, codeOf(answer)]).toEqual([query, 400, 40003]);
      }
    }
    expect((await read('a', '?limit=1000')).status).toBe(200);
  });

  it('[attack 56] a cursor that is forged, changed, or of another channel, list, direction, key or app is 40011', async () => {
    await publishAll(3);
    const cursorOf = (answer: Answer) =>
      new URLSearchParams(linksOf(answer).get('next')?.split('?')[1]).get('cursor') ?? '';
    const cursor = cursorOf(await read('a', '?limit=1'));
    expect((await read('a', `?limit=1&cursor=${cursor}`)).status).toBe(200);
    const serial = '01735689600000-000000@epoch~0';
    const forged = [
      '',
      'x',
      serial,
      base64(serial),
      `${'A'.repeat(16)}${Buffer.from(serial).toString('base64url')}`,
      cursor.slice(0, -1),
      `${cursor}A`,
      (cursor.startsWith('A') ? 'B' : 'A') + cursor.slice(1),
      'x'.repeat(4_000),
    ];
    for (const one of forged) expect([one, codeOf(await read('a', `?cursor=${one}`))]).toEqual([one, 40011]);
    expect(codeOf(await read('b', `?cursor=${cursor}`))).toBe(40011);
    expect(codeOf(await read('a', `?direction=forwards&cursor=${cursor}`))).toBe(40011);
    expect(codeOf(await http.send({ path: `/channels/a/presence/history?cursor=${cursor}` }))).toBe(40011);
    expect(codeOf(await http.send({ path: `/channels/a/presence?cursor=${cursor}` }))).toBe(40011);
    expect(codeOf(await read('a', `?cursor=${cursor}`, { key: otherKey }))).toBe(40011);
  });

  it('[attack 58] without the right, a channel that exists is like one that does not', async () => {
    await publishAll(1);
    const routes = ['messages', 'history', 'presence/history'];
    for (const route of routes) {
      const there = await http.send({ path: `/channels/a/${route}`, key: readKey });
      const absent = await http.send({ path: `/channels/b/${route}`, key: readKey });
      expect([there.status, codeOf(there)]).toEqual([401, 40160]);
      expect(there.bytes.toString().replaceAll('channel a', 'channel b')).toBe(absent.bytes.toString());
    }
    expect(codeOf(await http.publish('a', {}, { key: readKey }))).toBe(40160);
  });

  it('[attack 62] two apps with channels of the same name do not meet', async () => {
    await http.publish('a', { id: 'same', name: 'ours' });
    await http.publish('a', { id: 'same', name: 'theirs' }, { key: otherKey });
    expect(namesOf(await read('a'))).toEqual(['ours']);
    expect(namesOf(await read('a', '', { key: otherKey }))).toEqual(['theirs']);
  });

  it('[HT15] a page of large messages ends early and goes on with the next', async () => {
    const data = 'x'.repeat(65_000);
    for (let at = 0; at < 70; at++) await http.publish('a', { name: `m${at}`, data });
    const pages = await http.pages('/channels/a/messages?limit=1000&direction=forwards');
    expect(pages.flatMap(namesOf)).toEqual(Array.from({ length: 70 }, (_, at) => `m${at}`));
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) expect(page.bytes.length).toBeLessThan(5_000_000);
  });
});
