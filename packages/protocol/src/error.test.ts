import { describe, expect, it } from 'vitest';
import { ErrorInfo, errors, FrameError, isTokenError, jsonCodec, msgpackCodec, toErrorInfo } from './index.ts';

const all = Object.entries(errors).map(([name, make]): [string, ErrorInfo] => [
  name,
  (make as (...args: unknown[]) => ErrorInfo)(...new Array(make.length).fill('x')),
]);

describe('errors', () => {
  it('[WP35] every error of the table has all that the client needs to decode it, in both formats', () => {
    expect(all.length).toBeGreaterThan(50);
    for (const [name, error] of all) {
      const shape = { message: error.message, code: error.code, statusCode: error.statusCode };
      expect([name, error.message]).not.toContain('');
      for (const codec of [jsonCodec, msgpackCodec]) {
        const frame = codec.decode(codec.encode({ action: 9, error: error.toJSON() }));
        expect([name, frame.error]).toEqual([name, { ...shape, href: `https://help.ably.io/error/${error.code}` }]);
        expect(codec.decodeValue(codec.encodeValue({ error }))).toEqual({ error: frame.error });
      }
    }
  });

  it('[WP35] token errors have status 401, or no client would fetch a new token', () => {
    for (const [, error] of all) if (isTokenError(error.code)) expect(error.statusCode).toBe(401);
    expect([40139, 40140, 40149, 40150].map(isTokenError)).toEqual([false, true, true, false]);
  });

  it('[WP36] what is no ErrorInfo becomes 50000 without its text, and no cause of that kind is sent', () => {
    const secret = new TypeError('password is hunter2');
    expect(JSON.stringify(toErrorInfo(secret))).not.toContain('hunter2');
    expect(toErrorInfo(secret).code).toBe(50000);
    expect(JSON.stringify(errors.badRequest('broken', secret))).not.toContain('hunter2');
    expect(errors.badRequest('broken', errors.notFound('it')).toJSON().cause).toMatchObject({ code: 40400 });
    const info = errors.badData('x');
    expect(toErrorInfo(info)).toBe(info);
  });

  it('[WP36] a FrameError is an ErrorInfo and does not send the envelope it carries', () => {
    const error = new FrameError(errors.badData('x'), { action: 15, msgSerial: 1, channel: 'secret' });
    expect(error).toBeInstanceOf(ErrorInfo);
    expect(Object.keys(error.toJSON())).toEqual(['message', 'code', 'statusCode', 'href']);
  });
});
