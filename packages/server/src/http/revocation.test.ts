import { issueJwt, type JwtOptions } from '@parvis/auth';
import { codecs } from '@parvis/protocol';
import { createFakeClock } from '@parvis/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, type Asking, fullKey, otherKey, revocableKey, TestHttp } from './testHttp.ts';

let http: TestHttp;
const clock = createFakeClock();

beforeEach(async () => {
  http = await new TestHttp({ clock }).listen();
});

afterEach(() => http.close());

const revoke = (body: unknown, more: Partial<Asking> = {}) =>
  http.send({ method: 'POST', path: '/keys/app.revocable/revokeTokens', key: revocableKey, body, ...more });
const bearer = async (options: Partial<JwtOptions> = {}) => {
  const token = await issueJwt({ key: revocableKey, now: clock.now() - 60_000, clientId: 'ann', ...options });
  return { headers: { authorization: `Bearer ${token}` } };
};
const read = (more: Partial<Asking>) => http.send({ path: '/channels/a/messages', ...more });
const codeOf = ({ status, body }: Answer): unknown[] => [status, body.error?.code];

describe('POST /keys/{keyName}/revokeTokens', () => {
  it('[RV8] each target is answered for itself, with the times that hold for it', async () => {
    const { status, body } = await revoke({ targets: ['clientId:ann', 'invalidType:abc', 'channel:board:*'] });
    expect(status).toBe(201);
    const times = { issuedBefore: clock.now(), appliesAt: clock.now() };
    expect(body).toEqual({
      successCount: 2,
      failureCount: 1,
      results: [
        { target: 'clientId:ann', ...times },
        { target: 'invalidType:abc', error: expect.objectContaining({ code: 40000, statusCode: 400 }) },
        { target: 'channel:board:*', ...times },
      ],
    });
  });

  it('[RV8] a client of version 2 gets a flat list, or 40020 with it where a target failed', async () => {
    const old = { headers: { 'x-ably-version': '2' } };
    const good = await revoke({ targets: ['clientId:ann'] }, old);
    expect([good.status, good.body]).toEqual([201, [expect.objectContaining({ target: 'clientId:ann' })]]);
    const failed = await revoke({ targets: ['clientId:ann', 'x'] }, old);
    expect(codeOf(failed)).toEqual([400, 40020]);
    expect(failed.body.batchResponse).toHaveLength(2);
  });

  it('[RV8] msgpack is understood and answered', async () => {
    const type = 'application/x-msgpack';
    const bytes = codecs.msgpack.encodeValue({ targets: ['clientId:ann'], issuedBefore: clock.now() - 1 });
    const { body } = await revoke(bytes, { headers: { 'content-type': type, accept: type } });
    expect(body).toMatchObject({ successCount: 1, results: [{ issuedBefore: clock.now() - 1 }] });
  });

  it('[attack 29] a revoked token is 40141 from then on; another client, and a token issued later, are served', async () => {
    const [ann, bob] = [await bearer(), await bearer({ clientId: 'bob' })];
    expect((await read(ann)).status).toBe(200);
    await revoke({ targets: ['clientId:ann'] });
    expect(codeOf(await read(ann))).toEqual([401, 40141]);
    expect(codeOf(await http.publish('a', {}, ann))).toEqual([401, 40141]);
    expect((await read(bob)).status).toBe(200);
    expect((await read(await bearer({ now: clock.now() + 1_000 }))).status).toBe(200);
  });

  it('[attack 29] a native token is revoked like any other, and gives no other', async () => {
    const body = { keyName: 'app.revocable', clientId: 'ann' };
    const made = await http.send({ method: 'POST', path: '/keys/app.revocable/requestToken', key: revocableKey, body });
    const ann = { headers: { authorization: `Bearer ${made.body.token}` } };
    expect((await read(ann)).status).toBe(200);
    clock.advance(1);
    await revoke({ targets: ['clientId:ann'] });
    expect(codeOf(await read(ann))).toEqual([401, 40141]);
    const asked = await http.send({ method: 'POST', path: '/keys/app.revocable/requestToken', body, ...ann });
    expect(codeOf(asked)).toEqual([401, 40141]);
  });

  it('[attack 29] a token inside a JWT of the application is revoked as itself', async () => {
    const inner = (await bearer()).headers.authorization.slice('Bearer '.length);
    const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const outer = `${part({ alg: 'RS256' })}.${part({ 'x-ably-token': inner })}.c2ln`;
    const ann = { headers: { authorization: `Bearer ${outer}` } };
    expect((await read(ann)).status).toBe(200);
    await revoke({ targets: ['clientId:ann'] });
    expect(codeOf(await read(ann))).toEqual([401, 40141]);
  });

  it('[attack 29] with a margin a token is good for half a minute more', async () => {
    const ann = await bearer();
    const { body } = await revoke({ targets: ['clientId:ann'], allowReauthMargin: true });
    expect(body.results[0].appliesAt).toBeGreaterThan(clock.now() + 30_000);
    expect((await read(ann)).status).toBe(200);
    clock.advance(30_001);
    expect(codeOf(await read(ann))).toEqual([401, 40141]);
  });

  it('[attack 29] with issuedBefore, tokens issued since are left alone', async () => {
    const [early, late] = [await bearer({ now: clock.now() - 600_000 }), await bearer()];
    await revoke({ targets: ['clientId:ann'], issuedBefore: clock.now() - 300_000 });
    expect(codeOf(await read(early))).toEqual([401, 40141]);
    expect((await read(late)).status).toBe(200);
  });

  it('[attack 29] by revocation key and by channel', async () => {
    const ofTeam = await bearer({ revocationKey: 'team' });
    const ofBoard = await bearer({ clientId: 'bob', capability: { a: ['*'], 'board:*': ['subscribe'] } });
    await revoke({ targets: ['revocationKey:team', 'channel:board:7'] });
    expect(codeOf(await read(ofTeam))).toEqual([401, 40141]);
    expect(codeOf(await read(ofBoard))).toEqual([401, 40141]);
    expect((await read(await bearer({ clientId: 'eve', capability: { a: ['*'] } }))).status).toBe(200);
  });

  it.each<[string, Partial<Asking>, unknown[]]>([
    ['another key of the app', { key: fullKey }, [401, 40133]],
    ['a key of another app', { key: otherKey }, [401, 40133]],
    ['no credentials', { key: '' }, [401, 40101]],
    ['a key whose tokens cannot be revoked', { key: fullKey, path: '/keys/app.full/revokeTokens' }, [401, 40163]],
  ])('[attack 29] revoking with %s is refused', async (_title, more, expected) => {
    const ann = await bearer();
    expect(codeOf(await revoke({ targets: ['clientId:ann'] }, more))).toEqual(expected);
    expect((await read(ann)).status).toBe(200);
  });

  it('[attack 29] a token cannot revoke', async () => {
    expect(codeOf(await revoke({ targets: ['clientId:ann'] }, await bearer()))).toEqual([401, 40162]);
  });

  it.each<[string, unknown, number]>([
    ['no body', undefined, 40001],
    ['a list', ['clientId:ann'], 40001],
    ['no targets', {}, 40001],
    ['targets that are text', { targets: 'clientId:ann' }, 40001],
    ['a target that is a number', { targets: ['clientId:ann', 1] }, 40001],
    ['an empty list of targets', { targets: [] }, 40000],
    ['a hundred and one targets', { targets: Array.from({ length: 101 }, (_, n) => `clientId:${n}`) }, 40000],
    ['issuedBefore as text', { targets: ['clientId:ann'], issuedBefore: 'now' }, 40000],
    ['issuedBefore in the future', { targets: ['clientId:ann'], issuedBefore: Number.MAX_SAFE_INTEGER }, 40000],
    ['issuedBefore of long ago', { targets: ['clientId:ann'], issuedBefore: 1 }, 40000],
    ['a margin that is text', { targets: ['clientId:ann'], allowReauthMargin: 'yes' }, 40000],
  ])('[RV3] %s is refused, and nothing is revoked', async (_title, body, code) => {
    const ann = await bearer();
    expect(codeOf(await revoke(body))).toEqual([400, code]);
    expect((await read(ann)).status).toBe(200);
  });

  it('[RV3] a hundred targets are taken at once', async () => {
    const { body } = await revoke({ targets: Array.from({ length: 100 }, (_, n) => `clientId:${n}`) });
    expect(body.successCount).toBe(100);
  });
});
