import { Action, codecs, type Extras, type Message, MessageAction } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { codeOf, formats, nested, Stage } from './stage.ts';

const MB = 1024 * 1024;
/** What one refused frame may cost: memory and time, for machines that do other things as well. */
const FRAME_MB = 5;
const FRAME_MS = 5;

/** Sends one frame from each of some new clients and resolves with the code that each is told; the good one is served. */
async function refused(
  format: 'json' | 'msgpack',
  frame: string | Uint8Array,
  count = 1,
): Promise<(number | undefined)[]> {
  const stage = await Stage.set();
  const clients = Array.from({ length: count }, () => stage.connect(format));
  await stage.settle();
  for (const client of clients) client.clear();
  for (const client of clients) client.sendRaw(frame);
  await stage.settle();
  await stage.isServed();
  return clients.map(codeOf);
}

/** Milliseconds that the quickest of some decodings takes, each of which must throw. */
function quickest(bytes: Uint8Array): number {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 10; i++) {
    const before = performance.now();
    expect(() => codecs.msgpack.decode(bytes)).toThrow();
    least = Math.min(least, performance.now() - before);
  }
  return least;
}

/** A map of one entry: `action` 15, then the key `messages`, whose value follows. */
const messagesHead = [0x82, 0xa6, ...Buffer.from('action'), 15, 0xa8, ...Buffer.from('messages')];

describe('msgpack that is not what it says', () => {
  it.each([
    ['array32', 0xdd],
    ['map32', 0xdf],
    ['str32', 0xdb],
    ['bin32', 0xc6],
  ])('[attack 12] %s of 2^32-1 is refused at once, on the outside and in a field', async (_title, type) => {
    for (const head of [[], messagesHead]) {
      const frame = Uint8Array.from([...head, type, 255, 255, 255, 255]);
      const heap = process.memoryUsage().heapUsed;
      expect(quickest(frame)).toBeLessThan(FRAME_MS);
      expect(process.memoryUsage().heapUsed - heap).toBeLessThan(FRAME_MB * MB);
      for (const count of [1, 200]) expect(new Set(await refused('msgpack', frame, count))).toEqual(new Set([40000]));
    }
  });

  it('[attack 13] a chain of arrays of 72 KB is refused by its depth, by one and by 200', async () => {
    const chain = new Uint8Array(72_000);
    for (let at = 0; at < chain.length; at += 3) chain.set([0xdc, 0, 1], at);
    expect(quickest(chain)).toBeLessThan(FRAME_MS);
    for (const count of [1, 200]) expect(new Set(await refused('msgpack', chain, count))).toEqual(new Set([40013]));
  });

  it.each([
    ['an extension', [0xd6, 5, 0, 0, 0, 0], 40000],
    ['a timestamp of 4 bytes', [0xd6, 0xff, 0, 0, 0, 0], 40000],
    ['a timestamp of 12 bytes', [0xc7, 12, 0xff, ...new Array(12).fill(0)], 40000],
    ['a map with the key NaN', [0x81, 0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0, 1], 40000],
    ['a map with a number as key', [0x81, 1, 1], 40000],
    ['a map with bytes as key', [0x81, 0xc4, 1, 0x61, 1], 40000],
    ['a map with a map as key', [0x81, 0x80, 1], 40000],
    ['the byte that is no type', [0xc1], 40000],
  ])('[attack 17] %s is refused wherever it stands, by one and by 200', async (_title, value, code) => {
    for (const head of [[], messagesHead]) {
      const frame = Uint8Array.from([...head, ...value]);
      for (const count of [1, 200]) expect(new Set(await refused('msgpack', frame, count))).toEqual(new Set([code]));
    }
  });

  it('[attack 17] of duplicate keys the last counts, to every subscriber alike', async () => {
    const stage = await Stage.set();
    const subscribers = await Promise.all(formats.map((format) => stage.attached(format, 'room')));
    const publisher = stage.connect('msgpack');
    const twice = [0x82, 0xa4, ...Buffer.from('data'), 0xa1, 0x61, 0xa4, ...Buffer.from('data'), 0xa1, 0x62];
    const head = [
      0x84,
      0xa6,
      ...Buffer.from('action'),
      15,
      0xa7,
      ...Buffer.from('channel'),
      0xa4,
      ...Buffer.from('room'),
    ];
    const rest = [0xa9, ...Buffer.from('msgSerial'), 0, 0xa8, ...Buffer.from('messages'), 0x91, ...twice];
    publisher.sendRaw(Uint8Array.from([...head, ...rest]));
    await stage.settle();
    publisher.one(Action.ACK);
    for (const subscriber of subscribers) expect(subscriber.one(Action.MESSAGE).messages?.[0]?.data).toBe('b');
  });
});

describe.each(formats)('payloads that go too far, %s', (format) => {
  const encode = (value: unknown) => codecs[format].encodeValue(value);
  const publishing = (message: unknown) => ({ action: 15, channel: 'room', msgSerial: 0, messages: [message] });

  /** Nesting without building it: `levels` lists around nothing. */
  function bomb(levels: number): Uint8Array {
    if (format === 'json') return Buffer.from(`{"action":15,"messages":${'['.repeat(levels)}${']'.repeat(levels)}}`);
    return Uint8Array.from([...messagesHead, ...new Array(levels - 1).fill(0x91), 0x90]);
  }

  it.each([64, 1_000, 60_000])('[attack 14] %i levels are refused with 40013, by one and by 200', async (levels) => {
    for (const count of [1, 200]) expect(new Set(await refused(format, bomb(levels), count))).toEqual(new Set([40013]));
  });

  it('[attack 14] a value at the limit survives fan-out in both formats, resume and history', async () => {
    const stage = await Stage.set();
    const subscribers = await Promise.all(formats.map((each) => stage.attached(each, 'room')));
    const publisher = stage.connect(format);
    // A frame, its list, a message and its extras are four levels.
    const extras = { headers: nested(60) };
    const tooDeep = { headers: nested(61) };
    publisher.sendRaw(encode(publishing({ data: 'deep', extras })));
    await stage.settle();
    publisher.one(Action.ACK);
    const late = formats.map((each) => stage.connect(each));
    for (const client of late) client.attach('room', { params: { rewind: '1' } });
    await stage.settle();
    for (const client of [...subscribers, ...late]) {
      expect(client.one(Action.MESSAGE).messages?.[0]?.extras).toEqual(extras);
    }
    publisher.clear();
    publisher.sendRaw(encode({ ...publishing({ data: 'too deep', extras: tooDeep }), msgSerial: 1 }));
    await stage.settle();
    expect(codeOf(publisher)).toBe(40013);
    await stage.isServed();
  });

  it('[attack 15] ten megabytes of keys and a million empty objects are refused before they are built', async () => {
    const wide =
      format === 'json'
        ? manyKeys()
        : Buffer.concat([Buffer.from([0xdf, 0, 0x0f, 0x42, 0x40]), Buffer.alloc(10 * MB, 0xa0)]);
    const empties =
      format === 'json'
        ? Buffer.from(`[${'{},'.repeat(999_999)}{}]`)
        : Buffer.concat([Buffer.from([0xdd, 0, 0x0f, 0x42, 0x40]), Buffer.alloc(1_000_000, 0x80)]);
    for (const frame of [wide, empties]) expect(await refused(format, frame)).toEqual([40013]);
  });

  it('[attack 16] names of Object.prototype are data in every place a client can put them', async () => {
    const before = JSON.stringify(Object.getOwnPropertyNames(Object.prototype));
    const names = ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'toJSON', 'then', 'valueOf'];
    const trap: Extras = Object.fromEntries(names.map((name) => [name, { polluted: { polluted: 1 } }]));
    const textTrap = Object.fromEntries(names.map((name) => [name, 'polluted']));
    const stage = await Stage.set();
    for (const name of names) {
      const watchers = await Promise.all(formats.map((each) => stage.attached(each, name)));
      const client = stage.connect(format, { clientId: name });
      client.attach(name, { params: { ...textTrap, rewind: '1' } });
      client.sendRaw(
        encode({ ...publishing({ name, data: name, extras: { ...trap, headers: trap } }), channel: name }),
      );
      const member = { action: 2, data: JSON.stringify(trap), encoding: 'json', extras: trap };
      client.sendRaw(encode({ action: 14, channel: name, msgSerial: 1, presence: [member] }));
      await stage.settle();
      expect(client.one(Action.ATTACHED).params).toEqual({ rewind: '1' });
      for (const watcher of watchers) {
        const message = watcher.one(Action.MESSAGE).messages?.[0];
        expect(message).toMatchObject({ name, data: name, clientId: name });
        expect(JSON.stringify(message?.extras)).toBe(JSON.stringify({ ...trap, headers: trap }));
        const entered = watcher.one(Action.PRESENCE).presence?.[0];
        expect(entered).toMatchObject({ clientId: name, data: member.data });
        expect(JSON.stringify(entered?.extras)).toBe(JSON.stringify(trap));
      }
      const late = await stage.attached(format, name);
      expect(JSON.stringify(late.one(Action.SYNC).presence?.[0]?.extras)).toBe(JSON.stringify(trap));
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(JSON.stringify(Object.getOwnPropertyNames(Object.prototype))).toBe(before);
    await stage.isServed();
  });
});

describe('odd values that are legal', () => {
  const odd: [title: string, data: string][] = [
    ['NUL', 'a\0b'],
    ['a byte order mark inside', 'a\ufeffb'],
    ['a byte order mark in front', '\ufeffb'],
    ['line separators', 'a\u2028b\u2029c'],
    ['control characters', '\x01\x1b[31m\x7f\x9f\r\n'],
    ['an emoji beyond the BMP', '👩‍👩‍👧'],
    ['noncharacters', '\uffff\ufffe\u{10ffff}'],
  ];
  it.each(odd)(
    '[attack 15] text with %s arrives as it was sent, from each format in each format',
    async (_title, data) => {
      const stage = await Stage.set();
      const subscribers = await Promise.all(formats.map((format) => stage.attached(format, 'room')));
      for (const format of formats) {
        const publisher = stage.connect(format);
        publisher.publish('room', { name: data, data, extras: { headers: { [data]: data } } });
        await stage.settle();
        for (const subscriber of subscribers) {
          const message = subscriber.all(Action.MESSAGE).at(-1)?.messages?.[0];
          expect(message).toMatchObject({ name: data, data });
          expect(Object.entries(message?.extras?.headers ?? {})).toEqual([[data, data]]);
        }
      }
    },
  );

  it('[attack 15] numbers beyond a double, lone surrogates, duplicate keys and a leading BOM come to what is documented', async () => {
    const stage = await Stage.set();
    const subscribers = await Promise.all(formats.map((format) => stage.attached(format, 'room')));
    const extras = '{"headers":{"huge":1e400,"zero":-0,"odd":9007199254740993,"a":1,"a":2,"lone":"\\ud800"}}';
    const publisher = stage.connect('json');
    publisher.sendRaw(
      `\ufeff{"action":15,"channel":"room","msgSerial":0,"messages":[{"data":"\\udc00","extras":${extras}}]}`,
    );
    await stage.settle();
    publisher.one(Action.ACK);
    for (const subscriber of subscribers) {
      const message = subscriber.one(Action.MESSAGE).messages?.[0];
      expect(message?.data).toBe('\ufffd');
      const { huge, zero, odd, a, lone } = (message?.extras?.headers ?? {}) as Record<string, unknown>;
      expect([null, Number.POSITIVE_INFINITY]).toContain(huge);
      expect(Number(zero)).toBeCloseTo(0);
      expect([odd, a, lone]).toEqual([2 ** 53, 2, '\ufffd']);
    }
    await stage.isServed();
  });

  it('[attack 15] a JSON frame of other top level than an object is 40000 and ends its connection alone', async () => {
    for (const text of ['[]', 'null', '1', '"x"', '1e400', '', ' ', '{}', '{"action":null}']) {
      expect([text, await refused('json', text)]).toEqual([text, [40000]]);
    }
  });
});

describe('what a publisher cannot say', () => {
  it("[attack 16] fields that are the service's to set are not taken from a publisher", async () => {
    const stage = await Stage.set();
    const subscriber = await stage.attached('json', 'room');
    const publisher = stage.connect('json', { clientId: 'ada' });
    const forged: Message = {
      data: 'x',
      connectionId: 'another',
      connectionKey: 'another!key',
      timestamp: 1,
      serial: 'forged',
      version: { serial: 'forged', clientId: 'eve' },
      action: MessageAction.CREATE,
    };
    publisher.publish('room', forged);
    await stage.settle();
    const frame = subscriber.one(Action.MESSAGE);
    expect(frame.connectionId).toBe(publisher.connectionId);
    expect(frame.messages?.[0]).toEqual({
      data: 'x',
      clientId: 'ada',
      action: MessageAction.CREATE,
      serial: `${frame.channelSerial}:000`,
    });
  });
});

function manyKeys(): Buffer {
  return Buffer.from(`{${Array.from({ length: 800_000 }, (_, i) => `"k${i}":0`).join(',')}}`);
}
