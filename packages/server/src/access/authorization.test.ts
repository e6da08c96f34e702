import { expect, test } from 'vitest';
import { readAuthorization, readClientIdHeader } from './authorization.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

test('[AU115] an Authorization header holds a key, a token in base64 or a token as it is', () => {
  expect(readAuthorization(`Basic ${base64('app.key:secret')}`)).toEqual({ key: 'app.key:secret' });
  expect(readAuthorization(`Bearer ${base64('app.token')}`)).toEqual({ token: 'app.token' });
  expect(readAuthorization('bearer app.token')).toEqual({ token: 'app.token' });
  expect(readAuthorization('Bearer aaa.bbb.ccc')).toEqual({ token: 'aaa.bbb.ccc' });
});

test.each(['', 'Basic', 'Basic ', 'Digest abc', 'Bearer', 'Basic a.b', 'Basic %%%', 'Bearer a b', 'Basic YQ== YQ=='])(
  '[AU115] %j is refused with 40005',
  (header) => {
    expect(() => readAuthorization(header)).toThrow(expect.objectContaining({ code: 40005, statusCode: 400 }));
  },
);

test('[AU116] a clientId header is base64 of UTF-8', () => {
  expect(readClientIdHeader(base64('zoë'))).toBe('zoë');
  expect(() => readClientIdHeader('zoë')).toThrow(expect.objectContaining({ code: 40012 }));
});

test('[AU115] a header of 100 kB is read in linear time', () => {
  const start = performance.now();
  for (const header of [' '.repeat(100_000), `Basic ${'a'.repeat(100_000)}!`, `Bearer${' '.repeat(100_000)}x y`]) {
    expect(() => readAuthorization(header)).toThrow(expect.objectContaining({ code: 40005 }));
  }
  expect(performance.now() - start).toBeLessThan(2_000);
});
