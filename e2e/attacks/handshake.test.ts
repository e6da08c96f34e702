import { Action } from '@parvis/protocol';
import { clientFrame, createFakeClock } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import { ProtocolClient } from '../faults/protocolClient.ts';
import { RawSocket, upgradeRequest } from './rawSocket.ts';
import { crowds, offend, startScene } from './scene.ts';

const HEADERS_TIMEOUT_MS = 500;
const scene = await startScene({ headersTimeoutMs: HEADERS_TIMEOUT_MS, requestTimeoutMs: 1_000 });
const clock = createFakeClock();
const idle = await startScene({ clock });

/** Sends it all and resolves with what the server had to say before it ended the socket. */
async function answerTo(bytes: string): Promise<string> {
  const raw = await RawSocket.open(scene.port);
  raw.write(bytes);
  return raw.ended('a socket with a bad request');
}

describe('before there is a WebSocket', () => {
  it.each(crowds)('[attack 1] %i upgrades with 2,000 headers are answered 431 and closed', async (count) => {
    const headers = Array.from({ length: 2_000 }, (_, i) => `X-${i}: 1`);
    const answers = await scene.served(() => offend(count, () => answerTo(upgradeRequest(scene.path, headers))));
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 431 /);
  });

  it.each(crowds)('[attack 1] %i upgrades with a header block of 64 KB are answered 431 and closed', async (count) => {
    const headers = [`X-Big: ${'x'.repeat(65_536)}`];
    const answers = await scene.served(() => offend(count, () => answerTo(upgradeRequest(scene.path, headers))));
    // The server may end the socket while we still send: the answer is then lost on the way.
    for (const answer of answers) expect(answer).toMatch(/^(HTTP\/1\.1 431 |$)/);
  });

  it('[attack 2] 500 sockets that send their headers byte by byte are closed, and new clients connect meanwhile', async () => {
    const request = upgradeRequest(scene.path);
    const started = performance.now();
    await scene.served(async () => {
      const slow = offend(500, async (index) => {
        const raw = await RawSocket.open(scene.port);
        // Half of them are slow in the request line, half in the headers.
        let at = index % 2 === 0 ? 0 : request.indexOf('Host');
        raw.write(request.slice(0, at));
        const drip = setInterval(() => raw.write(request.charAt(at++)), 100);
        await raw.ended('a slow socket').finally(() => clearInterval(drip));
        expect(at).toBeLessThan(request.length);
      });
      const newcomer = await ProtocolClient.connected(scene.port, { key: scene.key });
      await newcomer.close();
      await slow;
    });
    expect(performance.now() - started).toBeGreaterThanOrEqual(HEADERS_TIMEOUT_MS);
  });

  it.each(crowds)('[attack 3] %i sockets that are opened and send nothing are closed', async (count) => {
    await scene.served(() => offend(count, async () => (await RawSocket.open(scene.port)).ended('a silent socket')));
  });

  it.each(crowds)('[attack 3] %i WebSockets without credentials are told 40101 and closed', async (count) => {
    await scene.served(() =>
      offend(count, async () => {
        const [raw] = await RawSocket.upgraded(scene.port, '/?v=6');
        await raw.until('a close frame', () => raw.closeCode !== undefined);
        expect(raw.errorCodes).toEqual([40101]);
        raw.write(clientFrame(8, Buffer.from([0x03, 0xe8])));
        await raw.ended('a socket without credentials');
      }),
    );
  });

  it.each([
    ['Content-Length of 1e12', ['Content-Length: 1e12']],
    ['negative Content-Length', ['Content-Length: -1']],
    ['two Content-Lengths', ['Content-Length: 2', 'Content-Length: 3']],
    ['Content-Length and Transfer-Encoding', ['Content-Length: 4', 'Transfer-Encoding: chunked']],
    ['a header that hides another', ['X-A: 1\nTransfer-Encoding: chunked', 'Content-Length: 4']],
  ])('[attack 5] an upgrade with %s is 400 and closed, by one and by 200', async (_title, headers) => {
    for (const count of crowds) {
      const request = `${upgradeRequest(scene.path, headers)}{}{}GET /time HTTP/1.1\r\nHost: a\r\n\r\n`;
      const answers = await scene.served(() => offend(count, () => answerTo(request)));
      for (const answer of answers) {
        expect(answer).toMatch(/^HTTP\/1\.1 400 /);
        expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
      }
    }
  });
});

describe('a client that falls silent', () => {
  it('[attack 3] one that attaches to nothing and answers no ping is closed within the idle limits, others stay', async () => {
    const silent = await offend(20, async () => (await RawSocket.upgraded(idle.port, idle.path))[0]);
    const good = await ProtocolClient.connected(idle.port, { key: idle.key });
    for (const raw of silent) await raw.until('CONNECTED', () => raw.frames.length > 0);
    for (let second = 0; second < 42; second++) {
      clock.advance(1_000);
      await good.ping(`after ${second}`);
    }
    for (const raw of silent) {
      await raw.until('a close frame', () => raw.closeCode !== undefined);
      expect(raw.errorCodes).toEqual([80003]);
    }
    expect(good.all(Action.DISCONNECTED)).toEqual([]);
    await idle.served(() => good.ping('at last'));
    await good.close();
    for (const raw of silent) raw.destroy();
  });
});
