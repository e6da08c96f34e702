import { deflateRawSync } from 'node:zlib';
import { Action, codecs } from '@parvis/protocol';
import { clientFrame } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import { memoryUsed, settledAt } from './memory.ts';
import { RawSocket } from './rawSocket.ts';
import { crowds, offend, startScene } from './scene.ts';

const scene = await startScene();
const limited = await startScene({ limits: { maxProtocolRate: 200 } });
const MB = 1024 * 1024;
const TEXT = 1;
const BINARY = 2;

/** A WebSocket of a client that is connected and may now misbehave. */
async function connected(query = ''): Promise<RawSocket> {
  const [raw] = await RawSocket.upgraded(scene.port, scene.path + query);
  await raw.until('CONNECTED', () => raw.frames.length > 0);
  return raw;
}

/** Sends bytes as a connected client, takes part in the closing, and resolves with the code the server closed with. */
async function closeCodeAfter(bytes: Uint8Array, query = ''): Promise<number | undefined> {
  const raw = await connected(query);
  raw.write(bytes);
  await raw.until('a close frame', () => raw.closeCode !== undefined);
  raw.write(clientFrame(8, Buffer.from([0x03, 0xe8])));
  await raw.ended('a misbehaving WebSocket');
  return raw.closeCode;
}

describe('frames that are no WebSocket', () => {
  const malformed: [title: string, bytes: Buffer, code: number][] = [
    ['reserved bit 1', clientFrame(TEXT, '{}', { rsv: 4 }), 1002],
    ['reserved bit 2', clientFrame(TEXT, '{}', { rsv: 2 }), 1002],
    ['reserved bit 3', clientFrame(TEXT, '{}', { rsv: 1 }), 1002],
    ['opcode 3', clientFrame(3, '{}'), 1002],
    ['opcode 11', clientFrame(11, ''), 1002],
    ['no mask', clientFrame(TEXT, '{}', { masked: false }), 1002],
    ['a ping of 126 bytes', clientFrame(9, Buffer.alloc(126)), 1002],
    ['a ping in parts', clientFrame(9, 'x', { fin: false }), 1002],
    ['a continuation of nothing', clientFrame(0, '{}'), 1002],
    [
      'a new message inside another',
      Buffer.concat([clientFrame(TEXT, '{', { fin: false }), clientFrame(TEXT, '}')]),
      1002,
    ],
    ['text that is no UTF-8', clientFrame(TEXT, Buffer.from([0x22, 0xc0, 0xaf, 0x22])), 1007],
    ['a surrogate in UTF-8', clientFrame(TEXT, Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])), 1007],
    ['a close frame of one byte', clientFrame(8, Buffer.from([3])), 1002],
    ['the reserved close code 1005', clientFrame(8, Buffer.from([0x03, 0xed])), 1002],
    ['the close code 999', clientFrame(8, Buffer.from([0x03, 0xe7])), 1002],
    ['a close reason that is no UTF-8', clientFrame(8, Buffer.from([0x03, 0xe8, 0xff])), 1007],
    ['a length of 2^63', Buffer.concat([Buffer.from([0x81, 0xff, 0x80]), Buffer.alloc(11)]), 1009],
  ];
  it.each(malformed)('[attack 6] %s ends its own socket', async (_title, bytes, code) => {
    expect(await scene.served(() => closeCodeAfter(bytes))).toBe(code);
  });

  it('[attack 6] 200 clients that send malformed frames of all kinds at once end their own sockets alone', async () => {
    const kind = (index: number) => malformed[index % malformed.length];
    const codes = await scene.served(() => offend(200, (index) => closeCodeAfter(kind(index)?.[1] ?? Buffer.alloc(0))));
    expect(codes).toEqual(codes.map((_, index) => kind(index)?.[2]));
  });

  it.each(crowds)(
    '[attack 7] %i frames that tell of 2 MB are refused with 1009 by their length alone',
    async (count) => {
      const header = clientFrame(TEXT, '', { toldLength: 2 * MB });
      const codes = await scene.served(() => offend(count, () => closeCodeAfter(header)));
      expect(new Set(codes)).toEqual(new Set([1009]));
    },
  );

  it('[attack 7] messages of 10 MB in parts are refused with 1009 at the frame limit', async () => {
    const part = Buffer.alloc(64 * 1024, 'x');
    await scene.served(() =>
      offend(20, async () => {
        const raw = await connected();
        let sent = 0;
        for (let i = 0; sent < 10 * MB && !raw.isClosed && raw.closeCode === undefined; i++) {
          raw.write(clientFrame(i === 0 ? TEXT : 0, part, { fin: false }));
          sent += part.length;
          await raw.drained();
          await new Promise((resolve) => setImmediate(resolve));
        }
        await raw.until('a close frame', () => raw.closeCode !== undefined);
        expect(raw.closeCode).toBe(1009);
        expect(sent).toBeLessThan(5 * MB);
        raw.destroy();
      }),
    );
  });

  it.each([
    ['one-byte', 'x'],
    ['empty', ''],
  ])('[attack 8] 200,000 %s fragments end their socket, in bounded memory', async (_title, content) => {
    const first = clientFrame(TEXT, content, { fin: false });
    const more = Buffer.concat(Array.from({ length: 20_000 }, () => clientFrame(0, content, { fin: false })));
    const before = memoryUsed();
    await scene.served(() =>
      offend(20, async () => {
        const raw = await connected();
        raw.write(first);
        for (let i = 0; i < 10; i++) {
          raw.write(more);
          await raw.drained();
        }
        await raw.until('a close frame', () => raw.closeCode !== undefined);
        expect([1002, 1008, 1009]).toContain(raw.closeCode);
        raw.destroy();
        await raw.closed;
      }),
    );
    await settledAt(before + 5 * MB);
  });

  it.each(crowds)('[attack 9] %i deflate bombs meet a server that does not inflate', async (count) => {
    const offer = 'Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits';
    const bomb = clientFrame(TEXT, deflateRawSync(Buffer.alloc(64 * MB)), { rsv: 4 });
    await scene.served(() =>
      offend(count, async () => {
        const [raw, head] = await RawSocket.upgraded(scene.port, scene.path, [offer]);
        expect(head).toMatch(/^HTTP\/1\.1 101 /);
        expect(head).not.toMatch(/sec-websocket-extensions/i);
        raw.write(bomb);
        await raw.until('a close frame', () => raw.closeCode !== undefined);
        expect(raw.closeCode).toBe(1002);
        raw.destroy();
      }),
    );
  });
});

describe('floods of frames', () => {
  it.each([
    ['pings', clientFrame(9, 'x')],
    ['pongs', clientFrame(10, 'x')],
    ['heartbeats', clientFrame(TEXT, '{"action":0}')],
    ['unknown actions', clientFrame(TEXT, '{"action":99}')],
  ])('[attack 10] a flood of %s is ended with 42924', async (_title, frame) => {
    const flood = Buffer.concat(Array.from({ length: 1_000 }, () => frame));
    for (const count of [1, 50]) {
      await limited.served(() =>
        offend(count, async () => {
          const [raw] = await RawSocket.upgraded(limited.port, limited.path);
          raw.write(flood);
          await raw.until('a close frame', () => raw.closeCode !== undefined);
          expect(raw.errorCodes).toEqual([42924]);
          raw.destroy();
        }),
      );
    }
  });

  it.each(crowds)('[attack 10] %i floods of empty frames end with the first frame', async (count) => {
    const flood = Buffer.concat(Array.from({ length: 2_000 }, () => clientFrame(TEXT, '')));
    await scene.served(() =>
      offend(count, async () => {
        const raw = await connected();
        raw.write(flood);
        await raw.until('a close frame', () => raw.closeCode !== undefined);
        expect(raw.errorCodes).toEqual([40000]);
        raw.destroy();
      }),
    );
  });
});

describe('frames of the other format', () => {
  const heartbeat = { action: Action.HEARTBEAT, id: 'x' };
  it.each([
    ['text on a msgpack connection', clientFrame(TEXT, codecs.json.encode(heartbeat)), '&format=msgpack'],
    ['binary on a JSON connection', clientFrame(BINARY, codecs.msgpack.encode(heartbeat)), '&format=json'],
  ])('[attack 11] %s is closed with 1003, by one and by 200', async (_title, bytes, query) => {
    for (const count of crowds) {
      const codes = await scene.served(() => offend(count, () => closeCodeAfter(bytes, query)));
      expect(new Set(codes)).toEqual(new Set([1003]));
    }
  });

  it.each(['xml', 'JSON', '', '__proto__', 'msgpack,json'])(
    '[attack 11] the format %j is an ERROR with 40000',
    async (format) => {
      const [raw] = await RawSocket.upgraded(scene.port, `${scene.path}&format=${format}`);
      await raw.until('a close frame', () => raw.closeCode !== undefined);
      expect(raw.errorCodes).toEqual([40000]);
      raw.destroy();
    },
  );
});
