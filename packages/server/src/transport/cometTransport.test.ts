import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createFakeClock, until } from '@parvis/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CometTransport } from './cometTransport.ts';

/** A session without a server: responses are those of a server that knows nothing of comet. */
async function session({ streaming = false } = {}) {
  const clock = createFakeClock();
  const heard = { frames: [] as string[], drains: 0, closed: 0, ended: 0 };
  const transport = new CometTransport({
    streaming,
    remote: 'test',
    holdMs: 30_000,
    absenceMs: 25_000,
    clock,
    named: () => {},
    ended: () => heard.ended++,
  });
  transport.listen({
    frame: (bytes) => heard.frames.push(Buffer.from(bytes).toString()),
    drain: () => heard.drains++,
    alive: () => {},
    closed: () => heard.closed++,
  });
  const responses: ServerResponse[] = [];
  const server = createServer((_request, response) => {
    responses.push(response);
    transport.receive(response, {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  onTestFinished(() => server.closeAllConnections());
  const { port } = server.address() as AddressInfo;
  const receive = async () => {
    const count = responses.length;
    const answer = fetch(`http://127.0.0.1:${port}/`);
    answer.catch(() => {});
    await until('a receiver', () => responses.length > count);
    return { answer };
  };
  return { transport, clock, heard, receive, responses };
}

type Read = Parameters<CometTransport['send']>[0];
const line = (data: string) => Buffer.from(`[${JSON.stringify(data)}]\n`);

describe('a comet session as a pipe', () => {
  it('[CM20] while it is paused the rest of a send waits, and so do the sends behind it', async () => {
    const { transport, heard } = await session();
    const frames =
      (...texts: string[]): Read =>
      (take) =>
        take(texts.map((text) => Buffer.from(text)));
    let answered = 0;
    transport.pause();
    const sends = [frames('a', 'b'), frames('c')].map((read) => transport.send(read).then(() => answered++));
    transport.write(line('x'));
    await new Promise((resolve) => setImmediate(resolve));
    expect([heard.frames, answered]).toEqual([[], 0]);
    transport.resume();
    await Promise.all(sends);
    expect(heard.frames).toEqual(['a', 'b', 'c']);
  });

  it('[CM20] more than a few sends at once are refused with 42910, and count no more once they are through', async () => {
    const { transport } = await session();
    transport.pause();
    const sends = Array.from({ length: 10 }, () => transport.send((take) => take([Buffer.from('x')])));
    const outcomes = Promise.allSettled(sends);
    transport.resume();
    const refused = (await outcomes).flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
    expect(refused).toEqual([42910, 42910]);
    await expect(transport.send(async () => {})).resolves.toBeUndefined();
  });

  it('[CM20] a body that cannot be read is that send alone', async () => {
    const { transport, heard } = await session();
    const broken = transport.send(() => Promise.reject(new Error('broke off')));
    const good = transport.send((take) => take([Buffer.from('a')]));
    await expect(broken).rejects.toThrow('broke off');
    await good;
    expect(heard.frames).toEqual(['a']);
  });

  it('[CM20] a session that ends lets go of the sends that wait', async () => {
    const { transport, heard } = await session();
    transport.pause();
    const send = transport.send((take) => take([Buffer.from('a')]));
    transport.destroy();
    await send;
    expect(heard.frames).toEqual([]);
  });

  it('[CM5] what is left when it ends may be fetched, and then it is over; later writes are dropped', async () => {
    const { transport, heard, receive } = await session();
    transport.write(line('last'));
    transport.close();
    transport.write(line('late'));
    expect(transport.isOpen).toBe(false);
    expect(heard.ended).toBe(0);
    const { answer } = await receive();
    expect(await (await answer).json()).toEqual(['last']);
    await until('the end', () => heard.closed === 1);
    expect(heard.ended).toBe(1);
  });

  it('[CM7] what nobody fetches is let go with the time that a client may be away', async () => {
    const { transport, heard, clock } = await session();
    transport.write(line('last'));
    transport.close();
    clock.advance(24_999);
    expect(heard.ended).toBe(0);
    clock.advance(1);
    await until('the end', () => heard.closed === 1);
    expect([heard.ended, transport.backlog, clock.timers]).toEqual([1, 0, 0]);
  });

  it.each([false, true])(
    '[CM11] with a receiver and nothing to say, closing ends it at once (streaming: %s)',
    async (streaming) => {
      const { transport, heard, receive, clock } = await session({ streaming });
      const { answer } = await receive();
      transport.close();
      expect(await (await answer).text()).toBe(streaming ? '' : '[]\n');
      await until('the end', () => heard.closed === 1);
      expect(clock.timers).toBe(0);
    },
  );
});
