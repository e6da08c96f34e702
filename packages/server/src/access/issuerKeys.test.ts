import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { createFakeClock } from '@parvis/testing';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { TestIssuer } from '../../test/testIssuer.ts';
import { IssuerKeys } from './issuerKeys.ts';

const issuer = new TestIssuer();
let server: Server;
let asked: string[];
let answer: (response: ServerResponse, path: string) => void;

beforeAll(() => issuer.addKey('k1').then(() => {}));

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    answer(response, request.url ?? '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const urlOf = (path: string) => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
const find = (clock = createFakeClock()) => new IssuerKeys({ url: urlOf('/jwks'), clock }).find('k1', 'RS256');
const unreachable = expect.objectContaining({ code: 50004, statusCode: 503 });

describe('keys over the network', () => {
  test('[JI6] are read from the address of the issuer', async () => {
    answer = (response) => response.end(issuer.jwks);
    expect((await find()).jwk.kid).toBe('k1');
    expect(asked).toEqual(['/jwks']);
  });

  test.each([301, 302, 303, 307, 308])('[attack 24] a redirect (%d) is not followed', async (status) => {
    answer = (response, path) => {
      if (path === '/jwks') response.writeHead(status, { location: urlOf('/secret') }).end();
      else response.end(issuer.jwks);
    };
    await expect(find()).rejects.toEqual(unreachable);
    expect(asked).toEqual(['/jwks']);
  });

  test.each([204, 201, 404, 500])('[attack 24] no keys are read from an answer of status %d', async (status) => {
    answer = (response) => response.writeHead(status).end(status === 204 ? undefined : issuer.jwks);
    await expect(find()).rejects.toEqual(unreachable);
  });

  test('[attack 24] a set of keys without an end is read no further than its bound', async () => {
    let sent = 0;
    const closed = new Promise<void>((resolve) => {
      answer = (response) => {
        const more = () => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, ' '))) sent += 65_536;
        };
        response.on('drain', more).on('close', resolve);
        more();
      };
    });
    await expect(find()).rejects.toEqual(unreachable);
    await closed;
    expect(sent).toBeLessThan(100 * 1024 * 1024);
  });

  test('[attack 24] a small answer that unpacks to a large one is read no further, either', async () => {
    const packed = gzipSync(Buffer.concat([Buffer.alloc(50 * 1024 * 1024, ' '), Buffer.from(issuer.jwks)]));
    answer = (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(packed);
    await expect(find()).rejects.toEqual(unreachable);
  });

  test('[attack 24] more than a hundred keys are not taken', async () => {
    const keys = Array.from({ length: 101 }, () => issuer.jwk('k1'));
    answer = (response) => response.end(JSON.stringify({ keys }));
    await expect(find()).rejects.toEqual(unreachable);
  });

  test('[attack 24] keys that trickle in are given up after five seconds', async () => {
    const clock = createFakeClock();
    let begun = () => {};
    const started = new Promise<void>((resolve) => {
      begun = resolve;
    });
    answer = (response) => {
      response.write('{"keys":[');
      begun();
    };
    const refused = expect(find(clock)).rejects.toEqual(unreachable);
    await started;
    clock.advance(5_000);
    await refused;
    expect(clock.timers).toBe(0);
  });
});
