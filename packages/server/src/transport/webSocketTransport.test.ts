import { EventEmitter } from 'node:events';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { WebSocket } from 'ws';
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
    this.#taken?.();
  }
}

/** What `ws` shows of a WebSocket, as far as a transport looks. */
class Receiver extends EventEmitter {
  readonly codes: number[] = [];

  close(code: number): void {
    this.codes.push(code);
  }

  pause(): void {}
  resume(): void {}
  terminate(): void {}
}

function opened() {
  const socket = new Reluctant();
  const receiver = new Receiver();
  const transport = new WebSocketTransport(receiver as unknown as WebSocket, socket, jsonWebSocketWire, 'test');
  const heard = { frames: 0, alive: 0, closed: 0 };
  transport.listen({
    frame: () => heard.frames++,
    drain: () => {},
    alive: () => heard.alive++,
    closed: () => heard.closed++,
  });
  return { socket, receiver, transport, heard };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('a WebSocket as a pipe', () => {
  it('[WT1] a ping is answered with its payload, several of one turn with that of the last', async () => {
    const { socket, receiver, heard } = opened();
    receiver.emit('ping', Buffer.from('abc'));
    await turn();
    receiver.emit('ping', Buffer.from('de'));
    receiver.emit('ping', Buffer.from('fg'));
    socket.takeIn();
    await turn();
    socket.takeIn();
    await turn();
    expect(Buffer.concat(socket.written).toString('latin1')).toBe('\x8a\x03abc\x8a\x02fg');
    expect(heard.alive).toBe(3);
  });

  it('[attack 10] a client that pings for ever and reads nothing is not owed an answer to each ping', async () => {
    const { socket, receiver, transport, heard } = opened();
    for (let i = 0; i < 20_000; i++) {
      receiver.emit('ping', Buffer.from(String(i).padEnd(125)));
      if (i % 10 === 0) await turn();
    }
    expect(heard.alive).toBe(20_000);
    expect(transport.backlog).toBeLessThan(100_000);
    while (transport.backlog > 0) {
      socket.takeIn();
      await turn();
    }
    expect(socket.written.length).toBeLessThan(1_000);
    expect(String(socket.written.at(-1))).toContain('19999');
  });

  it('[WT2] nothing is written behind a close frame, whoever made us send it', async () => {
    const wrongType = opened();
    wrongType.receiver.emit('message', Buffer.from('{}'), true);
    expect(wrongType.receiver.codes).toEqual([1003]);
    const malformed = opened();
    malformed.receiver.emit('error', new RangeError('invalid frame'));
    for (const { socket, transport, receiver, heard } of [wrongType, malformed]) {
      transport.write(Buffer.from('late'));
      receiver.emit('ping', Buffer.from('late'));
      receiver.emit('message', Buffer.from('{}'), false);
      await turn();
      expect(socket.written).toEqual([]);
      expect(heard.frames).toBe(0);
    }
  });
});
