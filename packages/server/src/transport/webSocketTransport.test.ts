import { Duplex } from 'node:stream';
import { clientFrame } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import { jsonWebSocketWire } from './webSocketFrame.ts';
import { WebSocketTransport } from './webSocketTransport.ts';

/** The socket of a client that reads only when the test says so. */
class Reluctant extends Duplex {
  #taken: (() => void) | undefined;
  readonly written: Buffer[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, taken: () => void): void {
    this.written.push(chunk);
    this.#taken = taken;
  }

  takeIn(): void {
    const taken = this.#taken;
    this.#taken = undefined;
    taken?.();
  }

  get sent(): string {
    return Buffer.concat(this.written).toString('latin1');
  }
}

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;

function opened(early: Buffer = Buffer.alloc(0)) {
  const socket = new Reluctant();
  const transport = new WebSocketTransport(socket, {
    wire: jsonWebSocketWire,
    maxPayload: 1_000,
    answer: Buffer.from('101!'),
    early,
    peer: { remote: 'test', secure: false },
  });
  const heard = { frames: [] as string[], alive: 0, closed: 0 };
  transport.listen({
    frame: (bytes) => heard.frames.push(Buffer.from(bytes).toString()),
    drain: () => {},
    alive: () => heard.alive++,
    closed: () => heard.closed++,
  });
  return { socket, transport, heard };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a WebSocket as a pipe', () => {
  it('[WT3] the answer to the upgrade leaves in front of the first frames, or alone, and once', async () => {
    const talkative = opened();
    talkative.transport.write(Buffer.from('hello'));
    talkative.transport.greet();
    const silent = opened();
    silent.transport.greet();
    silent.transport.greet();
    await turn();
    expect(talkative.socket.written.map(String)).toEqual(['101!hello']);
    expect(silent.socket.written.map(String)).toEqual(['101!']);
  });

  it('[WT3] frames that came in one packet with the upgrade are read, and not before the pipe was handed over', async () => {
    const { heard, socket } = opened(clientFrame(TEXT, 'early'));
    expect(heard.frames).toEqual([]);
    await turn();
    socket.push(clientFrame(TEXT, 'late'));
    await turn();
    expect(heard.frames).toEqual(['early', 'late']);
  });

  it('[WT1] a ping is answered with its payload, several of one turn with that of the last', async () => {
    const { socket, transport, heard } = opened();
    transport.greet();
    socket.takeIn();
    socket.push(clientFrame(PING, 'abc'));
    await turn();
    await turn();
    socket.takeIn();
    socket.push(Buffer.concat([clientFrame(PING, 'de'), clientFrame(PING, 'fg')]));
    await turn();
    await turn();
    socket.takeIn();
    expect(socket.sent).toBe('101!\x8a\x03abc\x8a\x02fg');
    expect(heard.alive).toBe(3);
  });

  it('[attack 10] a client that pings for ever and reads nothing is not owed an answer to each ping', async () => {
    const { socket, transport, heard } = opened();
    for (let i = 0; i < 20_000; i++) {
      socket.push(clientFrame(PING, String(i).padEnd(125)));
      if (i % 10 === 0) await turn();
    }
    await turn();
    expect(heard.alive).toBe(20_000);
    expect(transport.backlog).toBeLessThan(100_000);
    while (transport.backlog > 0) {
      socket.takeIn();
      await turn();
    }
    expect(socket.written.length).toBeLessThan(1_000);
    expect(String(socket.written.at(-1))).toContain('19999');
  });

  it('[WT2] nothing is written behind a close frame, whoever made us send it, and no message is read', async () => {
    const wrongType = opened();
    wrongType.socket.push(clientFrame(BINARY, '{}'));
    const malformed = opened();
    malformed.socket.push(clientFrame(TEXT, '{}', { masked: false }));
    const ours = opened();
    ours.transport.close();
    for (const { socket, transport, heard } of [wrongType, malformed, ours]) {
      await turn();
      socket.takeIn();
      const { sent } = socket;
      expect(sent).toMatch(/^101!\x88/);
      transport.write(Buffer.from('late'));
      socket.push(clientFrame(PING, 'late'));
      socket.push(clientFrame(TEXT, '{}'));
      await turn();
      expect(socket.sent).toBe(sent);
      expect(heard.frames).toEqual([]);
    }
  });

  it('[WT2] a close frame is answered with its code, and the socket ends', async () => {
    const { socket, heard } = opened();
    socket.push(clientFrame(CLOSE, Buffer.from([0x0b, 0xb8])));
    await turn();
    for (let i = 0; i < 3; i++) {
      socket.takeIn();
      await turn();
    }
    expect(socket.sent).toBe('101!\x88\x02\x0b\xb8');
    expect(socket.writableFinished).toBe(true);
    socket.push(null);
    await turn();
    await turn();
    expect(heard.closed).toBe(1);
  });

  it('[WT4] while paused no frame is told, not even one that came in the same packet, and none is lost', async () => {
    const { socket, transport, heard } = opened();
    const all = Array.from({ length: 50 }, (_, i) => String(i));
    socket.push(Buffer.concat(all.slice(0, 25).map((text) => clientFrame(TEXT, text))));
    transport.pause();
    socket.push(Buffer.concat(all.slice(25).map((text) => clientFrame(TEXT, text))));
    await turn();
    expect(heard.frames).toEqual([]);
    transport.resume();
    await turn();
    await turn();
    expect(heard.frames).toEqual(all);
  });
});
