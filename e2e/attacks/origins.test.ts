import { Action } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { ProtocolClient } from '../faults/protocolClient.ts';
import { RawSocket } from './rawSocket.ts';
import { crowds, offend, startScene } from './scene.ts';

const scene = await startScene({ allowedOrigins: ['https://app.example', 'http://localhost:5173'] });
const open = await startScene();

async function upgradeFrom(origin: string): Promise<string> {
  const [raw, head] = await RawSocket.upgraded(scene.port, scene.path, [`Origin: ${origin}`]);
  raw.destroy();
  return head;
}

describe('pages of other sites', () => {
  it.each([
    'https://evil.example',
    'null',
    'https://app.example.evil',
    'https://app.exampleevil',
    'https://evil.example/https://app.example',
    'HTTPS://APP.EXAMPLE',
    'https://App.Example',
    'https://app.example:443',
    'https://app.example:8443',
    'http://app.example',
    'https://app.example/',
    'https://x.app.example',
    'http://localhost:5174',
    '',
  ])(
    '[attack 48] a WebSocket from %j is refused with 403 and 40300 before it opens, to one and to 200',
    async (origin) => {
      for (const count of crowds) {
        const heads = await scene.served(() => offend(count, () => upgradeFrom(origin)));
        for (const head of heads) {
          expect(head).toMatch(/^HTTP\/1\.1 403 /);
          expect(head).toMatch(/X-Ably-Errorcode: 40300/);
        }
      }
    },
  );

  it('[attack 48] two origins in one request are none of ours', async () => {
    const [raw, head] = await RawSocket.upgraded(scene.port, scene.path, [
      'Origin: https://app.example',
      'Origin: https://evil.example',
    ]);
    raw.destroy();
    expect(head).toMatch(/^HTTP\/1\.1 (400|403) /);
  });

  it('[attack 48] those on the list connect, and so does what is no browser', async () => {
    for (const headers of [['Origin: https://app.example'], ['Origin: http://localhost:5173'], []]) {
      const [raw, head] = await RawSocket.upgraded(scene.port, scene.path, headers);
      raw.destroy();
      expect(head).toMatch(/^HTTP\/1\.1 101 /);
    }
  });

  it('[attack 50] cookies and what browsers send by themselves open no connection, whatever they hold', async () => {
    const token = Buffer.from(open.key).toString('base64');
    const held = [
      `Cookie: key=${open.key}; access_token=${open.key}; session=${token}`,
      `Cookie: ${open.key}`,
      `Sec-WebSocket-Protocol: ${token.replaceAll('=', '')}`,
    ];
    for (const header of held) {
      for (const count of crowds) {
        await open.served(() =>
          offend(count, async () => {
            const [raw, head] = await RawSocket.upgraded(open.port, '/?v=6', [header, 'Origin: https://evil.example']);
            if (head.startsWith('HTTP/1.1 101 ')) await raw.until('a refusal', () => raw.errorCodes.length > 0);
            const codes = head.startsWith('HTTP/1.1 101 ') ? raw.errorCodes : [40101];
            expect(codes).toEqual([40101]);
            raw.destroy();
          }),
        );
      }
    }
  });

  it('[attack 50] a cookie does not add to what the token allows, over WebSocket or REST', async () => {
    const client = new ProtocolClient(
      open.port,
      { key: 'app.other:wrong-secret-wrong-secret' },
      { Cookie: `key=${open.key}` },
    );
    await client.closed;
    expect(client.errors(Action.ERROR).map(({ code }) => code)).toEqual([40101]);
    const { status } = await fetch(`http://127.0.0.1:${open.port}/channels/a/messages`, {
      headers: { cookie: `key=${open.key}; access_token=${open.key}` },
    });
    expect(status).toBe(401);
  });
});
