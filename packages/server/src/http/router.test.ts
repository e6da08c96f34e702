import { describe, expect, it } from 'vitest';
import { type Route, Router } from './router.ts';

const answer = () => ({ status: 200 });
const routes: Route[] = [
  { method: 'GET', pattern: '/time', answer },
  { method: 'GET', pattern: '/channels/{channel}/messages', answer },
  { method: 'POST', pattern: '/channels/{channel}/messages', answer },
  { method: 'GET', pattern: '/keys/{keyName}/requestToken', answer },
];
const router = new Router(routes);

function codeOf(run: () => unknown): unknown {
  try {
    return run();
  } catch (thrown) {
    return (thrown as { code: number }).code;
  }
}

describe('Router', () => {
  it('[HT1] a path is split before its segments are decoded, each once', () => {
    const channelOf = (segment: string) => router.find('GET', `/channels/${segment}/messages`).params.get('channel');
    expect(channelOf('a')).toBe('a');
    expect(channelOf('a%2Fb')).toBe('a/b');
    expect(channelOf('a%252Fb')).toBe('a%2Fb');
    expect(channelOf('%25')).toBe('%');
    expect(channelOf('%5Bmeta%5Dlog%3Ax')).toBe('[meta]log:x');
    expect(channelOf('caf%C3%A9')).toBe('café');
    expect(channelOf('cafe%CC%81')).toBe('cafe\u0301');
    expect(channelOf('a+b')).toBe('a+b');
    expect(channelOf('..')).toBe('..');
    expect(channelOf('__proto__')).toBe('__proto__');
  });

  it('[HT1] an unknown path is 40400, a known one with another method 40500, and HEAD goes where GET goes', () => {
    expect(router.find('HEAD', '/time').route.pattern).toBe('/time');
    expect(router.find('POST', '/channels/a/messages').route.method).toBe('POST');
    expect(codeOf(() => router.find('POST', '/time'))).toBe(40500);
    expect(codeOf(() => router.find('DELETE', '/channels/a/messages'))).toBe(40500);
    for (const path of ['', '/', '/times', '/time/', '//time', '/channels/a', '/channels/a/b/messages', '/%74ime']) {
      expect([path, codeOf(() => router.find('GET', path))]).toEqual([path, 40400]);
    }
  });

  it('[HT1] a segment that is not percent-encoded UTF-8 is 40000', () => {
    for (const segment of ['%', '%2', '%zz', '%ff', '%c3%28', '%ed%a0%80']) {
      expect([segment, codeOf(() => router.find('GET', `/channels/${segment}/messages`))]).toEqual([segment, 40000]);
    }
  });

  it('[attack 56] no dot segment and no encoded slash leads to another route', () => {
    expect(codeOf(() => router.find('GET', '/channels/../keys'))).toBe(40400);
    expect(codeOf(() => router.find('GET', '/channels/%2e%2e/keys'))).toBe(40400);
    expect(codeOf(() => router.find('GET', '/channels%2Fa%2Fmessages'))).toBe(40400);
    expect(router.find('GET', '/channels/x%2F..%2F..%2Fkeys/messages').params.get('channel')).toBe('x/../../keys');
    expect(codeOf(() => router.find('GET', '/channels/x/../../time'))).toBe(40400);
  });
});
