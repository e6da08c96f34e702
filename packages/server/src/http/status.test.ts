import { Capability } from '@parvis/auth';
import { afterEach, describe, expect, it } from 'vitest';
import { Attachment } from '../channel/attachment.ts';
import { attachRequestOf } from '../channel/attachRequest.ts';
import { addressOf, linksOf, otherKey, readKey, TestHttp, type TestHttpOptions } from './testHttp.ts';

let http: TestHttp | undefined;

async function start(options?: TestHttpOptions): Promise<TestHttp> {
  http = await new TestHttp(options).listen();
  return http;
}

afterEach(async () => {
  await http?.close();
  http = undefined;
});

/** Attaches a connection to a channel, without there being one. */
async function attach(http: TestHttp, name: string, modes = 'publish,subscribe', connectionId = 'c1', appId = 'app') {
  const app = http.apps.get(appId);
  if (app === undefined) throw new Error('app is gone');
  const channel = await http.channels.open(app, name);
  const request = attachRequestOf({ action: 10, channel: name, params: { modes } }, 100);
  const attachment = new Attachment(
    channel,
    { connectionId, echo: true, calmed: () => undefined, send: () => {} },
    request,
    request.modes,
  );
  channel.hold(attachment);
  channel.release(attachment);
  return { channel, attachment };
}

const nobody = {
  connections: 0,
  publishers: 0,
  subscribers: 0,
  presenceConnections: 0,
  presenceMembers: 0,
  presenceSubscribers: 0,
  objectPublishers: 0,
  objectSubscribers: 0,
};

describe('status of a channel', () => {
  it('[OY11] it says whether the channel is active and who is on it', async () => {
    const http = await start();
    await attach(http, 'a:b', 'publish,subscribe');
    await attach(http, 'a:b', 'subscribe,presence_subscribe', 'c2');
    await http.enter('a:b', 'c3', [{ clientId: 'ada' }]);
    const { status, body } = await http.send({ path: '/channels/a%3Ab' });
    expect(status).toBe(200);
    expect(body).toEqual({
      channelId: 'a:b',
      status: {
        isActive: true,
        occupancy: {
          metrics: {
            ...nobody,
            connections: 2,
            publishers: 1,
            subscribers: 2,
            presenceMembers: 1,
            presenceSubscribers: 1,
          },
        },
      },
    });
  });

  it('[OY11] a channel that nobody has touched is answered like one that was left, and none is made by asking', async () => {
    const http = await start();
    const { body } = await http.send({ path: '/channels/nowhere' });
    expect(body).toEqual({ channelId: 'nowhere', status: { isActive: false, occupancy: { metrics: nobody } } });
    expect(http.channels.size).toBe(0);
  });

  it('[OY11] members that nobody is attached beside count', async () => {
    const http = await start();
    const members = Array.from({ length: 1_500 }, (_, n) => ({ clientId: `c${n}` }));
    await http.enter('room', 'c1', members);
    const { body } = await http.send({ path: '/channels/room' });
    expect(body.status).toMatchObject({ isActive: true, occupancy: { metrics: { presenceMembers: 1_500 } } });
  });

  it('[OY12] it needs the right channel-metadata, and what is refused does not tell whether there is such a channel', async () => {
    const http = await start();
    await attach(http, 'there');
    const answers = await Promise.all(
      ['there', 'absent'].map((name) => http.send({ path: `/channels/${name}`, key: readKey })),
    );
    for (const { status, body } of answers) {
      expect(status).toBe(401);
      expect(body.error.code).toBe(40160);
    }
    expect(answers[0]?.body.error.message.replace('there', 'absent')).toBe(answers[1]?.body.error.message);
    const other = await http.send({ path: '/channels/there', key: otherKey });
    expect(other.body.status.isActive).toBe(false);
  });

  it('[OY12] a name that is none is refused with 40010', async () => {
    const http = await start();
    expect((await http.send({ path: '/channels/%3Aa' })).body.error.code).toBe(40010);
    expect((await http.send({ path: '/channels/' })).body.error.code).toBe(40010);
  });

  it('[OY13] with an envelope the status stands in it, as the official client asks', async () => {
    const http = await start();
    const { status, body } = await http.send({
      path: '/channels/room?envelope=json',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({ statusCode: 200, response: { channelId: 'room' } });
  });
});

describe('enumeration of channels', () => {
  it('[OY14] names are given in order and in pages, and none of another app', async () => {
    const http = await start();
    for (const name of ['b', 'a:2', 'a:1', 'c']) await attach(http, name);
    await attach(http, 'a:other', 'publish', 'c1', 'other');
    const pages = await http.pages('/channels?limit=2');
    expect(pages.map(({ body }) => body)).toEqual([
      ['a:1', 'a:2'],
      ['b', 'c'],
    ]);
    const prefixed = await http.pages('/channels?limit=1&prefix=a%3A');
    expect(prefixed.map(({ body }) => body)).toEqual([['a:1'], ['a:2']]);
    const current = linksOf(prefixed[1] as never).get('current');
    expect((await http.send({ path: addressOf('/channels', current) })).body).toEqual(['a:2']);
  });

  it('[OY14] a page of nothing has its links and no next', async () => {
    const http = await start();
    const answer = await http.send({ path: '/channels' });
    expect(answer.body).toEqual([]);
    expect([...linksOf(answer).keys()]).toEqual(['first', 'current']);
  });

  it('[OY15] by=value gives details, which are what versions up to 2 get unless they say by=id', async () => {
    const http = await start();
    await attach(http, 'room', 'publish');
    const details = [
      {
        channelId: 'room',
        status: { isActive: true, occupancy: { metrics: { ...nobody, connections: 1, publishers: 1 } } },
      },
    ];
    const ask = async (path: string, version?: string) => {
      const headers = version === undefined ? {} : { 'x-ably-version': version };
      return (await http.send({ path, headers })).body;
    };
    expect(await ask('/channels?by=value')).toEqual(details);
    expect(await ask('/channels')).toEqual(['room']);
    expect(await ask('/channels', '6')).toEqual(['room']);
    expect(await ask('/channels', '3')).toEqual(['room']);
    expect(await ask('/channels', '2')).toEqual(details);
    expect(await ask('/channels', '1.2')).toEqual(details);
    expect(await ask('/channels?v=2')).toEqual(details);
    expect(await ask('/channels?by=id', '2')).toEqual(['room']);
  });

  it.each(['by=name', 'limit=0', 'limit=1001', 'limit=x'])('[OY15] %s is refused with 40003', async (query) => {
    const http = await start();
    const { status, body } = await http.send({ path: `/channels?${query}` });
    expect([status, body.error.code]).toEqual([400, 40003]);
  });

  it('[OY15] a cursor of another list is refused with 40011', async () => {
    const http = await start();
    for (const name of ['a', 'b', 'c']) await attach(http, name);
    const next = linksOf(await http.send({ path: '/channels?limit=1' })).get('next') ?? '';
    const forged = await http.send({ path: `${addressOf('/channels', next)}&prefix=a` });
    expect(forged.body.error.code).toBe(40011);
  });

  it('[OY16] it needs the right channel-metadata on all channels', async () => {
    const http = await start();
    await attach(http, 'room');
    const { status, body } = await http.send({ path: '/channels', key: readKey });
    expect([status, body.error.code]).toEqual([401, 40160]);
  });

  it('[OY17] while one call goes through the channels of an app another is refused with 42912, and later ones are not', async () => {
    const http = await start();
    await attach(http, 'room');
    const app = http.apps.get('app');
    const key = app?.keys.get('app.full');
    if (app === undefined || key === undefined) throw new Error('app is gone');
    const principal = { app, key, clientId: undefined, capability: Capability.all, method: 'key' as const };
    const calls = [http.channels.active(principal, { limit: 10 }), http.channels.active(principal, { limit: 10 })];
    const [first, second] = await Promise.allSettled(calls);
    expect(first).toMatchObject({ status: 'fulfilled', value: { items: [{ channelId: 'room' }] } });
    expect(second).toMatchObject({ status: 'rejected', reason: { code: 42912, statusCode: 429 } });
    expect((await http.send({ path: '/channels' })).body).toEqual(['room']);
  });
});
