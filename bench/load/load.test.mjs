// The load generator against servers that behave and that do not: `node --test bench/`.

import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { FrameWalker, Opcode, serverFrame } from '../frame.mjs';
import { payload } from '../payload.mjs';
import { cursors } from './cursors.mjs';
import { fanOut } from './fanOut.mjs';
import { decode, encode } from './msgpack.mjs';

const upgraded = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n';

/** @typedef {import('node:net').Socket} Socket */

/**
 * A server, for the length of a test, that takes anyone and hands each decoded publish to `relay`.
 * @param {import('node:test').TestContext} t
 * @param {(publish: any, all: Socket[], number: number) => void} relay
 */
async function startServer(t, relay) {
  /** @type {Socket[]} */
  const all = [];
  let number = 0;
  const server = createServer({ noDelay: true }, (socket) => {
    let held = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.once('data', () => {
      all.push(socket);
      socket.write(upgraded);
      socket.on('data', (bytes) => {
        held = Buffer.concat([held, bytes]);
        for (let size = frameSize(held); size > 0; size = frameSize(held)) {
          relay(unmask(held.subarray(0, size)), all, number++);
          held = held.subarray(size);
        }
      });
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  t.after(() => {
    server.close();
    for (const socket of all) socket.destroy();
  });
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { port };
}

/** Size of the masked frame that a buffer begins with; 0 while it is not whole. @param {Buffer} bytes */
function frameSize(bytes) {
  if (bytes.length < 8) return 0;
  const size = bytes.readUInt16BE(2) + 8;
  return bytes.length < size ? 0 : size;
}

/** @param {Buffer} frame with a length of two bytes, as every publish of the bench has */
function unmask(frame) {
  const body = Buffer.from(frame.subarray(8)).map((byte, i) => byte ^ frame.readUInt8(4 + (i & 3)));
  return JSON.parse(Buffer.from(body).toString());
}

/** @param {{ port: number }} server */
const job = ({ port }) => ({
  port,
  pid: process.pid,
  speech: { dialect: /** @type {const} */ ('plain') },
  subscribers: 7,
  warmMs: 50,
  windowMs: 150,
});

/** @param {any[]} publishes */
const frameOf = (publishes) =>
  serverFrame(Opcode.TEXT, JSON.stringify({ action: 15, messages: publishes.flatMap(({ messages }) => messages) }));

for (const drainMs of [0, 10]) {
  test(`messages are counted right in merged frames that arrive in pieces, read every ${drainMs} ms`, async (t) => {
    const seed = randomInt(2 ** 31);
    t.diagnostic(`seed ${seed}`);
    const write = pieceWriter(seededRandom(seed));
    /** @type {any[]} */
    const waiting = [];
    const server = await startServer(t, (publish, all) => {
      const flush = () => {
        if (waiting.length === 0) return;
        const frame = frameOf(waiting.splice(0));
        for (const socket of all) write(socket, frame);
      };
      waiting.push(publish);
      if (waiting.length === 3) flush();
      else setTimeout(flush, 100);
    });
    const result = await fanOut({ ...job(server), inFlight: 3, drainMs });
    assert.ok(result.messages > 0);
    assert.ok(result.messagesPerFrame > 1 && result.messagesPerFrame <= 3, `${result.messagesPerFrame} a frame`);
  });
}

test('a lost message voids the run', { timeout: 20_000 }, async (t) => {
  const server = await startServer(t, (publish, all, number) => {
    for (const socket of number === 40 ? all.slice(1) : all) socket.write(frameOf([publish]));
  });
  await assert.rejects(fanOut({ ...job(server), inFlight: 4, drainMs: 0 }), /1 of 7 received \d+ instead of \d+/);
});

test('a message that comes twice voids the run', async (t) => {
  const server = await startServer(t, (publish, all, number) => {
    for (const socket of all) socket.write(frameOf(number === 40 ? [publish, publish] : [publish]));
  });
  await assert.rejects(fanOut({ ...job(server), inFlight: 4, drainMs: 0 }), /came after|instead of/);
});

test('a changed payload voids the run', async (t) => {
  const server = await startServer(t, (publish, all) => {
    publish.messages[0].data = publish.messages[0].data.replace('bench', 'BENCH');
    for (const socket of all) socket.write(frameOf([publish]));
  });
  await assert.rejects(fanOut({ ...job(server), inFlight: 1, drainMs: 0 }), /not what was published/);
});

test('a connection that the server closes voids the run', async (t) => {
  const server = await startServer(t, (publish, all, number) => {
    for (const socket of all) socket.write(frameOf([publish]));
    if (number === 40) all[3]?.destroy();
  });
  await assert.rejects(fanOut({ ...job(server), inFlight: 1, drainMs: 0 }), /closed by the server|ECONNRESET/);
});

test('latency of cursors is what the server adds', async (t) => {
  const server = await startServer(t, (publish, all) => {
    setTimeout(() => all.forEach((socket) => void socket.write(frameOf([publish]))), 30);
  });
  const result = await cursors({ ...job(server), members: 5, hertz: 40 });
  assert.ok(result.p50Ms >= 29 && result.p50Ms < 500, `p50 ${result.p50Ms} ms`);
});

test('frames of every length class are followed byte by byte', () => {
  const frames = [0, 1, 125, 126, 65_535, 65_536].map((length) =>
    serverFrame(Opcode.BINARY, Buffer.alloc(length, 0x81)),
  );
  const bytes = Buffer.concat(frames);
  for (const step of [1, 2, 3, 13, 14, 15, 1_000, bytes.length]) {
    const walker = new FrameWalker();
    let count = 0;
    for (let at = 0; at < bytes.length; at += step) {
      const piece = bytes.subarray(at, at + step);
      count += walker.walk(piece, piece.length, () => assert.fail('there is no control frame'));
    }
    assert.equal(count, frames.length, `in steps of ${step}`);
    assert.ok(walker.atBoundary);
  }
});

test('msgpack values come back as they went', () => {
  const value = { action: 15, channel: 'c', msgSerial: 70_000, messages: [{ name: 'm', data: payload(1, 2) }] };
  assert.deepEqual(decode(encode(value)), value);
});

/**
 * A writer that sends each socket's bytes in pieces of random size, one a turn of the loop, so that they are read apart.
 * @param {() => number} random
 */
function pieceWriter(random) {
  /** @type {Map<Socket, Buffer>} */
  const waiting = new Map();
  const pump = () => {
    for (const [socket, bytes] of waiting) {
      const size = 1 + Math.floor(random() * 300);
      socket.write(bytes.subarray(0, size));
      if (size < bytes.length) waiting.set(socket, bytes.subarray(size));
      else waiting.delete(socket);
    }
    if (waiting.size > 0) setImmediate(pump);
  };
  return (/** @type {Socket} */ socket, /** @type {Buffer} */ frame) => {
    if (waiting.size === 0) setImmediate(pump);
    waiting.set(socket, Buffer.concat([waiting.get(socket) ?? Buffer.alloc(0), frame]));
  };
}

/** @param {number} seed */
function seededRandom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
