import Ably from 'ably';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Annotation,
  type Codec,
  codecs,
  ErrorInfo,
  jsonCodec,
  type Message,
  msgpackCodec,
  type PresenceMessage,
  type ProtocolMessage,
} from './index.ts';

const both = Object.values(codecs).map((codec): [string, Codec] => [codec.format, codec]);

/** Well-formed text of any script. */
const character = fc
  .oneof(fc.nat({ max: 0x7f }), fc.nat({ max: 0xd7ff }), fc.integer({ min: 0xe000, max: 0x10ffff }))
  .map((point) => String.fromCodePoint(point));
const text = fc.string({ unit: character, maxLength: 40 });
const bytes = fc.uint8Array({ maxLength: 80 });
const count = fc.maxSafeNat();
const time = fc.integer({ min: 0, max: 99_999_999_999_999 });
const encoding = fc.constantFrom('json', 'utf-8', 'json/utf-8/cipher+aes-128-cbc', 'choahofhpxf', 'base64/json');
/** Values that JSON can tell apart: no -0. */
const jsonArbitrary = fc.jsonValue({ maxDepth: 4 }).map((value): unknown => JSON.parse(JSON.stringify(value)));
const extras = fc.dictionary(
  fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'hasOwnProperty')),
  jsonArbitrary,
);
const textMap = fc.dictionary(text, text, { maxKeys: 4 });

const shared = {
  id: text,
  clientId: text,
  connectionId: text,
  data: fc.oneof(text, bytes),
  encoding,
  extras,
  timestamp: time,
};

const version = fc.record(
  { serial: text, timestamp: time, clientId: text, description: text, metadata: textMap },
  { requiredKeys: [] },
);

const message: fc.Arbitrary<Message> = fc.record(
  {
    ...shared,
    name: text,
    connectionKey: text,
    action: fc.integer({ min: 0, max: 5 }),
    serial: text,
    version,
    annotations: fc.record({ summary: extras }, { requiredKeys: [] }),
  },
  { requiredKeys: [] },
);

const presenceMessage: fc.Arbitrary<PresenceMessage> = fc.record(
  { ...shared, action: fc.integer({ min: 0, max: 4 }) },
  { requiredKeys: ['action'] },
);

const annotation: fc.Arbitrary<Annotation> = fc.record(
  { ...shared, action: fc.nat({ max: 255 }), serial: text, messageSerial: text, type: text, name: text, count },
  { requiredKeys: ['action'] },
);

const error = fc.record(
  { message: text, code: count, statusCode: count, href: text, detail: textMap },
  { requiredKeys: ['message', 'code', 'statusCode'] },
);

const connectionDetails = fc.record(
  {
    connectionKey: text,
    clientId: text,
    maxMessageSize: count,
    maxFrameSize: count,
    maxInboundRate: count,
    connectionStateTtl: count,
    maxIdleInterval: count,
    serverId: text,
  },
  {
    requiredKeys: [
      'connectionKey',
      'maxMessageSize',
      'maxFrameSize',
      'maxInboundRate',
      'connectionStateTtl',
      'maxIdleInterval',
      'serverId',
    ],
  },
);

/** Any legal frame in canonical form, for property tests: every field may be there or not. */
const frameArbitrary: fc.Arbitrary<ProtocolMessage> = fc.record(
  {
    action: fc.integer({ min: 0, max: 255 }),
    flags: fc.nat(),
    id: text,
    timestamp: time,
    channel: text,
    channelSerial: text,
    msgSerial: count,
    count,
    res: fc.array(fc.record({ serials: fc.array(fc.option(text), { maxLength: 3 }) }), { maxLength: 3 }),
    error,
    connectionId: text,
    connectionDetails,
    messages: fc.array(message, { maxLength: 4 }),
    presence: fc.array(presenceMessage, { maxLength: 4 }),
    annotations: fc.array(annotation, { maxLength: 4 }),
    params: textMap,
    auth: fc.record({ accessToken: text }, { requiredKeys: [] }),
  },
  { requiredKeys: ['action'] },
);

/** Bytes after damage: some replaced, cut out, doubled or put in. What a hostile or broken sender makes of a legal frame. */
function damagedArbitrary(original: Uint8Array): fc.Arbitrary<Uint8Array> {
  const place = fc.nat({ max: Math.max(original.length - 1, 0) });
  const change = fc.record({
    kind: fc.constantFrom('set', 'cut', 'insert', 'double'),
    place,
    byte: fc.nat({ max: 255 }),
  });
  return fc.array(change, { minLength: 1, maxLength: 6 }).map((changes) => {
    let damaged = [...original];
    for (const { kind, place, byte } of changes) {
      if (kind === 'set') damaged[place] = byte;
      else if (kind === 'cut') damaged.splice(place, 1 + (byte & 7));
      else if (kind === 'insert') damaged.splice(place, 0, byte);
      else damaged = [...damaged.slice(0, place), ...damaged.slice(Math.max(0, place - (byte & 31)))];
    }
    return Uint8Array.from(damaged, (byte) => byte ?? 0);
  });
}

describe.each(both)('any frame in %s', (format, codec) => {
  it('[WP1] survives encoding and decoding unchanged', () => {
    fc.assert(
      fc.property(frameArbitrary, (frame) => {
        expect(codec.decode(codec.encode(frame))).toEqual(frame);
      }),
    );
  });

  it('[WP2] a frame that came in one format goes out in the other with the same payloads', () => {
    const other = format === 'json' ? msgpackCodec : jsonCodec;
    fc.assert(
      fc.property(frameArbitrary, (frame) => {
        expect(other.decode(other.encode(codec.decode(codec.encode(frame))))).toEqual(frame);
      }),
    );
  });

  it('[WP12] keys and values are counted alike in both formats, and too many are refused with 40013', () => {
    fc.assert(
      fc.property(fc.array(jsonArbitrary, { minLength: 1, maxLength: 3 }), (value) => {
        const elements = elementsOf(value);
        const bytes = codec.encodeValue(value);
        expect(codec.decodeValue(bytes, { maxDepth: 64, maxElements: elements })).toEqual(value);
        expect(() => codec.decodeValue(bytes, { maxDepth: 64, maxElements: elements - 1 })).toThrow(
          expect.objectContaining({ code: 40013 }),
        );
      }),
    );
  });

  it('[WP13] whatever the bytes are, decoding gives a frame or one ErrorInfo of the 40000 family', () => {
    const total = (bytes: Uint8Array) => {
      try {
        expect(codec.decode(bytes).action).toBeTypeOf('number');
      } catch (thrown) {
        if (!(thrown instanceof ErrorInfo)) throw thrown;
        expect([40000, 40012, 40013, 40032]).toContain(thrown.code);
      }
    };
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), total), { numRuns: 400 });
    const damaged = frameArbitrary.chain((frame) => damagedArbitrary(codec.encode(frame)));
    fc.assert(fc.property(damaged, total), { numRuns: 400 });
  });
});

describe('the MessagePack reader of the official client', () => {
  const { decode } = (Ably.Rest as unknown as { _MsgPack: { decode(bytes: Buffer): unknown } })._MsgPack;

  it('[WP15] reads what we write, in Node', () => {
    fc.assert(
      fc.property(frameArbitrary, (frame) => {
        fc.pre(!JSON.stringify(frame).includes('__proto__'));
        expect(decode(Buffer.from(msgpackCodec.encode(frame)))).toEqual(asBuffers(frame));
      }),
    );
  });
});

function elementsOf(value: unknown): number {
  if (Array.isArray(value)) return 1 + value.reduce((sum: number, item) => sum + elementsOf(item), 0);
  if (typeof value !== 'object' || value === null) return 1;
  return 1 + Object.values(value).reduce((sum: number, item) => sum + 1 + elementsOf(item), 0);
}

function asBuffers(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(asBuffers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, asBuffers(item)]));
}
