import { issueJwt, type JwtOptions } from '@parvis/auth';
import { createFakeClock } from '@parvis/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { type Answer, type Asking, fullKey, otherKey, TestHttp } from './testHttp.ts';

let http: TestHttp;
const clock = createFakeClock();

afterEach(() => http.close());

const started = async (maxInboundRate: number) => {
  http = await new TestHttp({ limits: { maxInboundRate }, clock }).listen();
};
const bearer = async (options: Partial<JwtOptions> = {}): Promise<Partial<Asking>> => {
  const token = await issueJwt({ key: fullKey, now: clock.now(), ...options });
  return { headers: { authorization: `Bearer ${token}` } };
};
const codeOf = ({ status, body }: Answer): unknown[] => [status, body.error?.code];
const fine = [201, undefined];
const tooMuch = [429, 42911];
const slow = { 'ably.limits.publish.perAttachment.maxRate.slow': 2 };

describe('rates of publishers over HTTP', () => {
  it('[CL3] a key publishes so many messages a second on all channels together, another key as many for itself', async () => {
    await started(5);
    const three = [{}, {}, {}];
    expect(codeOf(await http.publish('a', three))).toEqual(fine);
    expect(codeOf(await http.publish('b', three))).toEqual(tooMuch);
    expect(codeOf(await http.publish('b', three, { key: otherKey }))).toEqual(fine);
    clock.advance(1_000);
    expect(codeOf(await http.publish('b', three))).toEqual(fine);
    const { body } = await http.send({ path: '/channels/b/messages' });
    expect(body).toHaveLength(3);
  });

  it('[QN7] what a token says about a channel holds for its name with params', async () => {
    await started(0);
    const token = await bearer({ claims: slow });
    expect(codeOf(await http.publish('slow', [{}], token))).toEqual(fine);
    expect(codeOf(await http.publish('[?a=b]slow', [{}], token))).toEqual(fine);
    expect(codeOf(await http.publish('[?c=d]slow', [{}], token))).toEqual(tooMuch);
  });

  it('[CL3] each channel of a batch counts, and what is too much fails there alone', async () => {
    await started(5);
    const body = { channels: ['a', 'b', 'c'], messages: [{}, {}] };
    const answer = await http.send({ method: 'POST', path: '/messages', body });
    const codes = answer.body.results.map(({ error }: { error?: { code: number } }) => error?.code);
    expect([answer.status, codes]).toEqual([201, [undefined, undefined, 42911]]);
  });

  it('[CL3] a token has a rate of its own, whoever else uses its key, and it does not begin anew with each request', async () => {
    await started(2);
    const [ann, bob] = [await bearer({ clientId: 'ann' }), await bearer({ clientId: 'bob' })];
    expect(codeOf(await http.publish('a', [{}, {}], ann))).toEqual(fine);
    expect(codeOf(await http.publish('a', {}, ann))).toEqual(tooMuch);
    expect(codeOf(await http.publish('a', {}, bob))).toEqual(fine);
    expect(codeOf(await http.publish('a', {}))).toEqual(fine);
  });

  it('[CL4] what a token says of the rate of an attachment holds for each channel it publishes on over HTTP', async () => {
    await started(0);
    const ann = await bearer({ clientId: 'ann', claims: slow });
    expect(codeOf(await http.publish('slow', [{}, {}], ann))).toEqual(fine);
    expect(codeOf(await http.publish('slow', {}, ann))).toEqual(tooMuch);
    expect(codeOf(await http.publish('other', [{}, {}, {}], ann))).toEqual(fine);
    clock.advance(1_000);
    expect(codeOf(await http.publish('slow', {}, ann))).toEqual(fine);
  });

  it('[CL5] what the issuer vouches for stands in the extras of what a token publishes over HTTP, and cannot be forged', async () => {
    await started(0);
    const ann = await bearer({ clientId: 'ann', claims: { 'ably.channel.chat:*': 'moderator' } });
    const extras = { userClaim: 'forged', headers: { h: 1 } };
    await http.publish('chat:1', { extras }, ann);
    await http.publish('other', { extras }, ann);
    await http.send({ method: 'POST', path: '/messages', body: { channels: 'chat:2', messages: { extras } }, ...ann });
    const extrasOn = async (name: string) => (await http.send({ path: `/channels/${name}/messages` })).body[0].extras;
    expect(await extrasOn('chat:1')).toEqual({ userClaim: 'moderator', headers: { h: 1 } });
    expect(await extrasOn('chat:2')).toEqual({ userClaim: 'moderator', headers: { h: 1 } });
    expect(await extrasOn('other')).toEqual({ headers: { h: 1 } });
  });
});
