import { describe, expect, it } from 'vitest';
import { createFenceCheck, judgeFence } from './fence.ts';

const key = 'app.key:secret-secret-secret';

describe('the fence of a writer', () => {
  it('[LK20] the fence of the present holder alone is the newest', () => {
    expect(judgeFence({ held: true, fence: 7 }, 7)).toBe('newest');
    expect(judgeFence({ held: true, fence: 7 }, 6)).toBe('late');
    expect(judgeFence({ held: true, fence: 7 }, 8)).toBe('forged');
    expect(judgeFence({ held: true, fence: 7 }, Number.NaN)).toBe('forged');
    expect(judgeFence({ held: false }, 7)).toBe('released');
  });

  it('[LK20] a check asks the server with the key, names escaped', async () => {
    const asked: [string, unknown][] = [];
    const check = createFenceCheck({
      url: 'https://parvis.example.com/',
      key,
      fetch: async (url, init) => {
        asked.push([String(url), new Headers(init?.headers).get('authorization')]);
        return Response.json({ id: 'a/b', held: true, fence: 3 });
      },
    });
    expect(await check('my space', 'a/b', 3)).toBe('newest');
    expect(asked).toEqual([['https://parvis.example.com/spaces/my%20space/locks/a%2Fb', `Basic ${btoa(key)}`]]);
  });

  it('[LK20] a check that gets no answer says nothing of the writer, and rejects', async () => {
    const answers = (response: () => Promise<Response>) =>
      createFenceCheck({ url: 'https://parvis.example.com', key, fetch: response })('space', 'lock', 1);
    await expect(answers(() => Promise.reject(new Error('no route')))).rejects.toMatchObject({ code: 50004 });
    await expect(answers(async () => new Response('', { status: 502 }))).rejects.toMatchObject({ code: 50004 });
    await expect(
      answers(async () => Response.json({ error: { code: 40160, message: 'no right' } }, { status: 401 })),
    ).rejects.toMatchObject({ code: 40160, statusCode: 401 });
    await expect(answers(async () => Response.json({ nothing: true }))).rejects.toMatchObject({ code: 50004 });
  });
});
