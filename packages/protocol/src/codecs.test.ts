import Ably from 'ably';
import { MsgPack as browserMsgPack } from 'ably/modular';
import { describe, expect, it } from 'vitest';
import { bodyDecodeLimits, type Codec, codecs, FrameError, msgpackCodec, type ProtocolMessage } from './index.ts';

interface ClientMsgPack {
  encode(value: unknown, sparse?: boolean): ArrayBuffer | Buffer;
  decode(bytes: ArrayBuffer | Buffer): unknown;
}

const nodeClient = (Ably.Rest as unknown as { _MsgPack: ClientMsgPack })._MsgPack;
const browserClient = browserMsgPack as ClientMsgPack;
const both = Object.values(codecs).map((codec): [string, Codec] => [codec.format, codec]);

const typical: ProtocolMessage = {
  action: 15,
  id: 'hB3xK9dQ2w:41:0',
  channel: 'board::$space',
  channelSerial: '01764012345678-000003@e1a2b3c4',
  connectionId: 'hB3xK9dQ2w',
  timestamp: 1_764_012_345_678,
  messages: [{ name: 'move', data: new Uint8Array([0, 127, 128, 255]), extras: { headers: { k: 'v' } } }],
};

describe.each(both)('%s', (_format, codec) => {
  const send = (value: unknown) => codec.decode(codec.encodeValue(value));
  const refusal = (value: unknown): FrameError => {
    try {
      send(value);
    } catch (thrown) {
      if (thrown instanceof FrameError) return thrown;
      throw thrown;
    }
    throw new Error('the frame was accepted');
  };

  it('[WP1] a frame survives encoding and decoding unchanged', () => {
    expect(codec.decode(codec.encode(typical))).toEqual(typical);
  });

  it('[WP3] absent fields are left out and never written as null', () => {
    const bytes = codec.encode({ action: 9, channel: undefined, messages: [{ name: undefined }] } as never);
    expect(codec.decodeValue(bytes)).toEqual({ action: 9, messages: [{}] });
    expect(Object.keys(codec.decodeValue(bytes) as object)).toEqual(['action', 'messages']);
  });

  it('[WP4] null in a known field counts as absent', () => {
    const absent = { name: null, data: null, encoding: null, clientId: null, extras: null, version: null, id: null };
    const frame = { action: 15, channel: null, channelSerial: null, msgSerial: null, params: { a: null }, auth: null };
    expect(send({ ...frame, presence: null, messages: [absent] })).toEqual({ action: 15, params: {}, messages: [{}] });
  });

  it('[WP5] a known field of the wrong type is refused with 40000 and its name', () => {
    const wrong: Record<string, unknown[]> = {
      action: [-1, 1.5, 256, 2 ** 31, '15', true, [], undefined],
      msgSerial: [-1, 0.5, 2 ** 53, '3', {}],
      flags: [-1, 1.5, 'all'],
      count: [-1, 'many'],
      channel: [7, true, {}, []],
      channelSerial: [7],
      id: [7],
      connectionId: [[]],
      timestamp: ['now', {}],
      messages: [{}, 'text', 1],
      presence: [{}, 'text'],
      params: ['a=b', [], { a: {} }, { a: [] }],
      auth: ['token', [], 1],
      error: ['broken', { message: 'no code', statusCode: 400 }, { code: 1, statusCode: 2 }],
      connectionDetails: [[], { connectionKey: 'k' }],
      res: [{}, [{}], [{ serials: [1] }], [1]],
    };
    for (const [field, values] of Object.entries(wrong)) {
      for (const value of values) {
        const error = refusal({ action: 15, [field]: value });
        expect([field, value, error.code, error.statusCode]).toEqual([field, value, 40000, 400]);
        expect(error.message).toContain(field);
      }
    }
    expect(refusal({ action: 10, auth: { accessToken: 1 } }).message).toContain('auth.accessToken');
  });

  it('[WP6] an unknown action decodes, so that it can be ignored', () => {
    expect(send({ action: 200 })).toEqual({ action: 200 });
  });

  it('[WP6] fields that are not of the protocol are dropped, on the frame and on its messages', () => {
    const extra = { reactions: { summary: {} }, toString: 1, constructor: { x: 1 } };
    const frame = { action: 15, connectionKey: 'k', ...extra, messages: [extra], presence: [{ action: 2, ...extra }] };
    expect(JSON.stringify(send(frame))).toBe('{"action":15,"messages":[{}],"presence":[{"action":2}]}');
  });

  it('[WP7] an error about one message carries what is needed to answer it with a NACK', () => {
    const envelope = { action: 15, channel: 'board', msgSerial: 7 };
    expect(refusal({ ...envelope, messages: [{}, { data: 5 }] })).toMatchObject({ ...envelope, code: 40013 });
    expect(refusal({ ...envelope, messages: [{}, { data: 5 }] }).message).toContain('messages[1]');
    expect(refusal({ ...envelope, messages: 'no list' })).toMatchObject({ ...envelope, code: 40000 });
    expect(refusal({ ...envelope, channel: 1, messages: [] })).toMatchObject({ action: 15, msgSerial: 7 });
    expect(refusal({ ...envelope, channel: 1, messages: [] }).channel).toBeUndefined();
    const unreadable = refusal({ ...envelope, action: 'x', msgSerial: -1 });
    expect([unreadable.action, unreadable.channel, unreadable.msgSerial]).toEqual([undefined, 'board', undefined]);
  });

  it('[WP8] what is no frame at all is refused with 40000', () => {
    for (const value of [null, [], [{ action: 15 }], 'text', 7, true]) {
      expect(() => send(value)).toThrow(expect.objectContaining({ code: 40000 }));
    }
    expect(() => codec.decode(new Uint8Array())).toThrow(expect.objectContaining({ code: 40000 }));
  });

  it('[WP9] values of params become text and are found under their own keys only', () => {
    const params = JSON.parse('{"rewind":5,"echo":false,"__proto__":"p","constructor":"c"}');
    const frame = send({ action: 10, params });
    expect(Object.entries(frame.params ?? {})).toEqual([
      ['rewind', '5'],
      ['echo', 'false'],
      ['__proto__', 'p'],
      ['constructor', 'c'],
    ]);
    expect(send({ action: 10, params: {} }).params?.toString).toBeUndefined();
  });

  it('[WP10] keys such as __proto__ are data, and no object of ours changes', () => {
    const extras = JSON.parse(
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"hasOwnProperty":1}',
    );
    const frame = send({ action: 15, messages: [{ extras }] });
    expect(JSON.stringify(frame.messages?.[0]?.extras)).toBe(JSON.stringify(extras));
    expect(JSON.stringify(codec.decode(codec.encode(frame)))).toBe(JSON.stringify(frame));
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    expect(frame.messages?.[0]?.extras?.polluted).toBeUndefined();
    expect(send(JSON.parse('{"action":15,"__proto__":{"channel":"forged"}}')).channel).toBeUndefined();
  });

  it('[WP11] nesting at the limit is accepted and beyond it refused with 40013, before anything is built', () => {
    const nested = (depth: number) => {
      let value: unknown = {};
      for (let level = 1; level < depth; level++) value = level % 2 ? [value] : { a: value };
      return value;
    };
    const limits = { maxDepth: 64, maxElements: 1000 };
    expect(codec.decodeValue(codec.encodeValue(nested(64)), limits)).toEqual(nested(64));
    const siblings = Array.from({ length: 200 }, () => ({ a: [{}] }));
    expect(codec.decodeValue(codec.encodeValue(siblings), limits)).toEqual(siblings);
    for (const depth of [65, 66, 1000]) {
      expect(() => codec.decodeValue(codec.encodeValue(nested(depth)), limits)).toThrow(
        expect.objectContaining({ code: 40013 }),
      );
    }
  });

  it('[WP11] what was accepted at the limit can be sent on, in either format, from a frame as from an HTTP body', () => {
    const nested = (depth: number): Record<string, unknown> => (depth === 1 ? {} : { a: nested(depth - 1) });
    const extras = nested(61);
    const frame = send({ action: 15, channel: 'c', messages: [{ extras }] });
    for (const other of Object.values(codecs)) expect(other.decode(other.encode(frame))).toEqual(frame);
    const body = (value: unknown) => codec.decodeValue(codec.encodeValue(value), bodyDecodeLimits);
    expect(body({ extras })).toEqual({ extras });
    expect(() => body({ extras: nested(62) })).toThrow(expect.objectContaining({ code: 40013 }));
  });

  it('[WP14] decoded payloads and encoded frames are nobody else’s memory', () => {
    const bytes = codec.encode(typical);
    const copy = Uint8Array.from(bytes);
    const frame = codec.decode(copy);
    copy.fill(0xff);
    expect(frame).toEqual(typical);
    for (let i = 0; i < 200; i++) codec.encode({ action: 0, id: 'x'.repeat(i * 10) });
    expect(codec.decode(bytes)).toEqual(typical);
  });

  it('[WP14] a frame of any size is encoded whole', () => {
    for (const size of [0, 31, 32, 255, 256, 2730, 2731, 65_535, 65_536, 700_000]) {
      const data = `é${'x'.repeat(size)}`;
      const frame = { action: 15, messages: [{ data }, { data: new Uint8Array(size).fill(7) }] };
      const { messages } = codec.decode(codec.encode(frame));
      expect(messages?.[0]?.data === data).toBe(true);
      expect(Buffer.compare(messages?.[1]?.data as Uint8Array, frame.messages[1]?.data as Uint8Array)).toBe(0);
    }
  });
});

describe('the MessagePack of the official client', () => {
  it('[WP15] reads what we write, in browsers', () => {
    const frame = { action: 15, list: [1, -1, 128, 300, 70_000, 2 ** 40, -(2 ** 40), -200, -40_000, 1.5, true, null] };
    const bytes = msgpackCodec.encodeValue({ ...frame, name: 'é'.repeat(300) });
    expect(browserClient.decode(Uint8Array.from(bytes).buffer)).toEqual({ ...frame, name: 'é'.repeat(300) });
  });

  it('[WP15] is read by us, with undefined in arrays as null, dates as text and all its numbers', () => {
    const numbers = [0, 127, 128, 255, 256, 65_536, 2 ** 32, 2 ** 53, 2 ** 63, 0.1, -1.5, 1e-300];
    const value = { numbers: [...numbers, ...numbers.map((n) => -n)], when: new Date(0), gone: undefined, none: null };
    const expected = { numbers: value.numbers.map((n) => (n === 0 ? 0 : n)), when: '1970-01-01T00:00:00.000Z' };
    expect(msgpackCodec.decodeValue(nodeClient.encode(value, true) as Buffer)).toEqual(expected);
    const odd = { list: [undefined, Number.NaN, 'x'], bytes: Buffer.from([1, 2]), call: () => 1 };
    expect(msgpackCodec.decodeValue(nodeClient.encode(odd, true) as Buffer)).toEqual({
      list: [null, Number.NaN, 'x'],
      bytes: new Uint8Array([1, 2]),
    });
    const some = { a: [1, -5, 2 ** 40, -(2 ** 40), 1.5, 'é'], b: new Uint8Array([1, 2]), c: undefined };
    const bytes = new Uint8Array(browserClient.encode(some, true));
    expect(msgpackCodec.decodeValue(bytes)).toEqual({ a: some.a, b: some.b });
  });
});
