import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  canonicalPayload,
  decodeBase64,
  encodeBase64,
  jsonCodec,
  type Message,
  msgpackCodec,
  renderMessage,
  renderPresence,
  sizeOf,
  utf8Length,
} from './index.ts';

const bytes = new Uint8Array([0, 1, 254, 255]);
const payloadOf = (data: unknown, encoding?: string) => {
  const frame = { action: 15, messages: [{ data, encoding }] };
  return [jsonCodec, msgpackCodec].map((codec) => codec.decode(codec.encodeValue(frame)).messages?.[0]);
};

describe('payloads', () => {
  it('[WP20] bytes travel as base64 with that step last in JSON, and as bin without it in MessagePack', () => {
    for (const [encoding, inJson] of [
      [undefined, 'base64'],
      ['json/utf-8/cipher+aes-128-cbc', 'json/utf-8/cipher+aes-128-cbc/base64'],
    ]) {
      const message: Message = encoding === undefined ? { data: bytes } : { data: bytes, encoding };
      const frame = { action: 15, messages: [message] };
      expect(jsonCodec.decodeValue(jsonCodec.encode(frame))).toEqual({
        action: 15,
        messages: [{ data: 'AAH+/w==', encoding: inJson }],
      });
      expect(msgpackCodec.decodeValue(msgpackCodec.encode(frame))).toEqual(frame);
    }
    const presence = [{ action: 2, data: bytes }];
    expect(jsonCodec.decodeValue(jsonCodec.encode({ action: 14, presence }))).toEqual({
      action: 14,
      presence: [{ action: 2, data: 'AAH+/w==', encoding: 'base64' }],
    });
  });

  it('[WP20] a trailing base64 step is undone, whichever format it came in and whoever left it there', () => {
    for (const message of [
      ...payloadOf('AAH+/w==', 'base64'),
      ...payloadOf('AAH+/w', 'base64'),
      ...payloadOf(encodeBase64(new TextEncoder().encode('AAH+/w==')), 'base64/base64'),
    ]) {
      expect(message).toEqual({ data: bytes });
    }
    expect(payloadOf('AAH+/w==', 'utf-8/base64')[1]).toEqual({ data: bytes, encoding: 'utf-8' });
    const asciiBytes = { action: 15, messages: [{ data: new TextEncoder().encode('AAH+/w=='), encoding: 'base64' }] };
    expect(msgpackCodec.decode(msgpackCodec.encodeValue(asciiBytes)).messages).toEqual([{ data: bytes }]);
    expect(payloadOf(undefined, 'json/base64')[0]).toEqual({ encoding: 'json' });
    expect(payloadOf('', 'base64')[0]).toEqual({ data: new Uint8Array() });
  });

  it('[WP20] every other encoding is opaque, and an empty one is none', () => {
    for (const encoding of ['choahofhpxf', 'json/utf-8', 'base64/json', 'BASE64', 'xbase64', 'base64/']) {
      for (const message of payloadOf('AAH+/w==', encoding)) expect(message).toEqual({ data: 'AAH+/w==', encoding });
    }
    for (const message of payloadOf('text', '')) expect(message).toEqual({ data: 'text' });
  });

  it('[WP21] base64 that is none is refused with 40013', () => {
    for (const data of ['*', 'A', 'AAAAA', 'AA=A', '=', 'AA==AA==', 'AA\n=', 'AA-_', ' AAA', 'é', 'AĀAA', 'AA=']) {
      expect(() => payloadOf(data, 'base64')).toThrow(expect.objectContaining({ code: 40013 }));
    }
    const bom = new Uint8Array([0xef, 0xbb, 0xbf, 0x41, 0x41]);
    expect(() => canonicalPayload(bom, 'base64')).toThrow(expect.objectContaining({ code: 40013 }));
  });

  it('[WP21] base64 of any bytes is what Node makes of them, and reads back, padded or not', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (any) => {
        const text = encodeBase64(any);
        expect(text).toBe(Buffer.from(any).toString('base64'));
        expect(decodeBase64(text)).toEqual(any);
        expect(decodeBase64(text.replace(/=+$/, ''))).toEqual(any);
      }),
    );
  });

  it('[WP22] a message for an HTTP body is in the wire form of its format, and the original stays as it was', () => {
    const message: Message = { id: 'a', data: bytes, encoding: 'utf-8' };
    expect(renderMessage(message, 'json')).toEqual({ id: 'a', data: 'AAH+/w==', encoding: 'utf-8/base64' });
    expect(renderMessage(message, 'msgpack')).toEqual(message);
    expect(renderPresence({ action: 1, data: bytes }, 'json')).toEqual({
      action: 1,
      data: 'AAH+/w==',
      encoding: 'base64',
    });
    expect(renderPresence({ action: 1, data: 'text' }, 'json')).toEqual({ action: 1, data: 'text' });
    expect(message).toEqual({ id: 'a', data: bytes, encoding: 'utf-8' });
  });

  it('[WP23] the size of a message is that of name, clientId, extras as JSON and data, in UTF-8 bytes', () => {
    expect(sizeOf({})).toBe(0);
    expect(sizeOf({ name: 'né', clientId: '€', data: '😀', extras: { a: 'é' } })).toBe(3 + 3 + 4 + 10);
    expect(sizeOf({ data: bytes, id: 'not counted', encoding: 'json', connectionId: 'c', timestamp: 1 })).toBe(4);
    for (const message of payloadOf('AAH+/w==', 'base64')) expect(message && sizeOf(message)).toBe(4);
    expect(sizeOf({ action: 2, clientId: 'me', data: 'x', extras: {} })).toBe(2 + 1 + 2);
    fc.assert(
      fc.property(
        fc.string({ unit: fc.nat({ max: 0x10ffff }).map((point) => String.fromCodePoint(point)) }),
        fc.string({ unit: fc.nat({ max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
        (a, b) => {
          for (const text of [a, b]) expect(utf8Length(text)).toBe(Buffer.byteLength(text));
        },
      ),
    );
  });
});
