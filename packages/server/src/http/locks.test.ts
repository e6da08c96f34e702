import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { appFromKeys } from '../access/apps.ts';
import { otherKey, readKey, TestHttp } from './testHttp.ts';

const publishKey = 'app.write:write-secret-write-secret-write';

let http: TestHttp;

beforeEach(async () => {
  http = await new TestHttp().listen();
});

afterEach(() => http.close());

const pending = (id: string, more = {}) => ({ id, status: 'pending', timestamp: 5, ...more });

/** Members that enter over connections of their own, with what they say of locks. */
async function enter(space: string, members: Record<string, Record<string, unknown>>): Promise<void> {
  const app = http.apps.get('app');
  if (app === undefined) throw new Error('app is gone');
  const channel = await http.channels.open(app, `${space}::$space`);
  for (const [clientId, extras] of Object.entries(members)) {
    const connectionId = `c-${clientId}`;
    const origin = { connectionId, clientId, idBase: `${connectionId}:0`, owner: `app/${connectionId}` };
    await channel.submitPresence(origin, [{ action: 2, extras }]);
  }
}

describe('locks of a space', () => {
  it('[LK18] holders are told with their fences, and how many wait', async () => {
    const attributes = { why: 'typing' };
    await enter('my board', {
      ann: { locks: [pending('b'), pending('a/1', { attributes })] },
      bob: { parvis: { requests: [{ id: 'b', timestamp: 6, wait: true }] } },
    });
    const { status, body } = await http.send({ path: '/spaces/my%20board/locks', key: readKey });
    expect(status).toBe(200);
    const holder = { held: true, timestamp: 5, clientId: 'ann', connectionId: 'c-ann', fence: expect.any(Number) };
    expect(body).toEqual([
      { id: 'a/1', ...holder, waiting: 0, attributes },
      { id: 'b', ...holder, waiting: 1 },
    ]);
    expect((await http.send({ path: '/spaces/my%20board/locks/a%2F1' })).body).toEqual(body[0]);
    await http.engine.lease('app/c-ann', 0);
    await expect
      .poll(async () => (await http.send({ path: '/spaces/my%20board/locks/b' })).body)
      .toMatchObject({
        held: true,
        clientId: 'bob',
        waiting: 0,
      });
    const { body: after } = await http.send({ path: '/spaces/my%20board/locks/b' });
    expect(after.fence).toBeGreaterThan(body[1].fence);
    expect((await http.send({ path: '/spaces/my%20board/locks/a%2F1' })).body).toEqual({
      id: 'a/1',
      held: false,
      waiting: 0,
    });
  });

  it('[LK18] a space that nobody was ever in has no locks, another app sees none, and the right is asked for', async () => {
    await enter('board', { ann: { locks: [pending('a')] } });
    expect((await http.send({ path: '/spaces/other/locks' })).body).toEqual([]);
    expect((await http.send({ path: '/spaces/board/locks', key: otherKey })).body).toEqual([]);
    expect((await http.send({ path: '/spaces/board/locks/a', key: otherKey })).body).toMatchObject({ held: false });
    expect((await http.send({ path: '/spaces/board/locks', key: '' })).status).toBe(401);
    const { body, status } = await http.send({ path: '/spaces/%3Aboard/locks' });
    expect([status, body.error.code]).toEqual([400, 40010]);
  });

  it('[LK18] a client without the right to subscribe is refused with 40160', async () => {
    http.apps.add(appFromKeys([{ key: publishKey, capability: { '*': ['publish'] } }]));
    for (const path of ['/spaces/board/locks', '/spaces/board/locks/a']) {
      const { body, status } = await http.send({ path, key: publishKey });
      expect([status, body.error.code]).toEqual([401, 40160]);
    }
  });
});
