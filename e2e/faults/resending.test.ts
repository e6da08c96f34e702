import { Action, type Format, PresenceAction, type ProtocolMessage } from '@parvis/protocol';
import { createFakeClock, delayingStore, everyNth, failingStore, seededRandom } from '@parvis/testing';
import { createLocalEngine, createMemoryStore, systemClock } from 'parvis/engine';
import { afterAll, describe, expect, it } from 'vitest';
import { formats, startOracle } from '../oracle/harness.ts';
import { FrameProxy, type Passing, type Verdict } from './frameProxy.ts';
import { identityOf, ProtocolClient } from './protocolClient.ts';

const oracle = await startOracle();
const slow = await startOracle({
  engine: createLocalEngine({
    store: delayingStore(createMemoryStore(), seededRandom('storage delays')),
    clock: systemClock,
  }),
});
const failing = await startOracle({
  engine: createLocalEngine({ store: failingStore(createMemoryStore(), everyNth(3)), clock: systemClock }),
});
const clock = createFakeClock();
const forgetful = await startOracle({ clock, limits: { retentionMs: 10_000, maxResumeBacklog: 20 } });
const proxies: FrameProxy[] = [];
afterAll(() => Promise.all(proxies.map((proxy) => proxy.close())));

let count = 0;
const fresh = () => `room-${++count}`;

/** Breaks the way to a server once, at the first message that fits. */
async function breakingAt(
  port: number,
  direction: 'up' | 'down',
  fits: (message: ProtocolMessage) => boolean,
  how: Verdict,
): Promise<FrameProxy> {
  const proxy = await FrameProxy.to(port);
  proxies.push(proxy);
  proxy.watch = ({ direction: way, message }: Passing) => {
    if (proxy.cuts > 0 || way !== direction || !fits(message)) return 'pass';
    return how;
  };
  return proxy;
}

const publishOf = (serial: number) => (message: ProtocolMessage) =>
  message.action === Action.MESSAGE && message.msgSerial === serial;

/** All serials that ACKs have answered, with what each was answered with. */
function answersOf(client: ProtocolClient): [serial: number, serials: unknown][] {
  return client
    .all(Action.ACK)
    .flatMap(({ msgSerial = 0, res = [] }) => res.map(({ serials }, i): [number, unknown] => [msgSerial + i, serials]));
}

/** Whether a message is the ACK or NACK of that serial. */
const answers =
  (serial: number) =>
  ({ action, msgSerial = 0, count = 1 }: ProtocolMessage) =>
    (action === Action.ACK || action === Action.NACK) && msgSerial <= serial && serial < msgSerial + count;

const serialsOf = (client: ProtocolClient) =>
  client.all(Action.MESSAGE).flatMap(({ messages = [] }) => messages.map(({ serial }) => serial));

async function watching(port: number, key: string, format: Format, channel: string): Promise<ProtocolClient> {
  const client = await ProtocolClient.connected(port, { key, format });
  await client.attach(channel);
  return client;
}

/** Publishes 0 to `total` - 1 on a connection that breaks, resumes it and sends again all that was not answered. */
async function publishThrough(proxy: FrameProxy, key: string, format: Format, channel: string, total: number) {
  const first = await ProtocolClient.connected(proxy.port, { key, format });
  const { connectionId, connectionKey } = identityOf(await first.next(Action.CONNECTED));
  for (let serial = 0; serial < total; serial++) first.publish(channel, serial, String(serial));
  await first.closed;
  const answered = new Set(answersOf(first).map(([serial]) => serial));
  const second = await ProtocolClient.connected(proxy.port, { key, format, resume: connectionKey });
  expect(identityOf(await second.next(Action.CONNECTED)).connectionId).toBe(connectionId);
  const unanswered = Array.from({ length: total }, (_, i) => i).filter((serial) => !answered.has(serial));
  for (const serial of unanswered) second.publish(channel, serial, String(serial));
  await second.ping('all is answered');
  await second.when(
    'the last answer',
    ({ action, msgSerial = 0, count = 1 }) =>
      (action === Action.ACK || action === Action.NACK) && msgSerial + count === total,
  );
  return { first, second, unanswered, answers: [...answersOf(first), ...answersOf(second)] };
}

describe.each(formats)('publishes that are sent again, %s', (format) => {
  const cases: [title: string, direction: 'up' | 'down', fits: (message: ProtocolMessage) => boolean, how: Verdict][] =
    [
      ['before the third publish arrives', 'up', publishOf(2), 'cutBefore'],
      ['in the middle of the third publish', 'up', publishOf(2), 'cutInside'],
      ['when the third publish has arrived', 'up', publishOf(2), 'cutAfter'],
      ['before an ACK leaves', 'down', ({ action }) => action === Action.ACK, 'cutBefore'],
      ['in the middle of an ACK', 'down', ({ action }) => action === Action.ACK, 'cutInside'],
      ['right after an ACK', 'down', ({ action }) => action === Action.ACK, 'cutAfter'],
    ];
  const servers = { 'a server': oracle, 'a server with slow storage': slow };
  for (const [where, server] of Object.entries(servers)) {
    it.each(cases)(
      `[FZ11] to ${where} that was cut off %s: each is stored once and answered as at first`,
      async (_title, direction, fits, how) => {
        const channel = fresh();
        const watcher = await watching(server.server.port, server.key, format, channel);
        const proxy = await breakingAt(server.server.port, direction, fits, how);
        const { answers } = await publishThrough(proxy, server.key, format, channel, 5);
        await watcher.when('the last message', ({ messages }) => messages?.some(({ data }) => data === '4') ?? false);
        expect(proxy.cuts).toBe(1);
        expect(watcher.data(channel)).toEqual(['0', '1', '2', '3', '4']);
        expect(answers.map(([serial]) => serial)).toEqual([0, 1, 2, 3, 4]);
        expect(answers.flatMap(([, serials]) => serials)).toEqual(serialsOf(watcher));
        await watcher.close();
      },
    );
  }

  it('[FZ11] a publish whose ACK was lost three times is delivered once, and answered alike each time', async () => {
    const channel = fresh();
    const watcher = await watching(oracle.server.port, oracle.key, format, channel);
    const proxy = await FrameProxy.to(oracle.server.port);
    proxies.push(proxy);
    proxy.watch = ({ message }) => (message.action === Action.ACK && proxy.cuts < 3 ? 'cutBefore' : 'pass');
    let query: Record<string, string> = { key: oracle.key, format };
    for (;;) {
      const client = await ProtocolClient.connected(proxy.port, query);
      query = { ...query, resume: identityOf(await client.next(Action.CONNECTED)).connectionKey };
      client.publish(channel, 0, 'once');
      const acked = await Promise.race([client.next(Action.ACK), client.closed]);
      if (typeof acked === 'number') continue;
      expect(acked.res?.[0]?.serials).toEqual(serialsOf(watcher));
      await client.close();
      break;
    }
    expect(proxy.cuts).toBe(3);
    await watcher.ping('everything has come');
    expect(watcher.data(channel)).toEqual(['once']);
    await watcher.close();
  });

  const { ENTER, UPDATE, LEAVE } = PresenceAction;
  it.each([
    ['present', [ENTER, UPDATE, LEAVE, ENTER]],
    ['gone', [ENTER, UPDATE, LEAVE]],
  ])(
    '[FZ12] presence that is sent again is answered and told once, and the member is %s in the end',
    async (end, actions) => {
      const channel = fresh();
      const watcher = await watching(oracle.server.port, oracle.key, format, channel);
      const isAck = ({ action }: ProtocolMessage) => action === Action.ACK;
      const proxy = await breakingAt(oracle.server.port, 'down', isAck, 'cutBefore');
      const query = { key: oracle.key, format, clientId: 'ada' };
      const first = await ProtocolClient.connected(proxy.port, query);
      const { connectionKey } = identityOf(await first.next(Action.CONNECTED));
      await first.attach(channel);
      const send = (client: ProtocolClient) => {
        for (const [msgSerial, action] of actions.entries()) {
          const presence = [{ action, data: `event ${msgSerial}` }];
          client.send({ action: Action.PRESENCE, channel, msgSerial, presence });
        }
      };
      send(first);
      await first.closed;
      const second = await ProtocolClient.connected(proxy.port, { ...query, resume: connectionKey });
      // The official client flushes its queue before it attaches again.
      send(second);
      await second.when(
        'the last ACK',
        ({ action, msgSerial = 0, count = 1 }) => action === Action.ACK && msgSerial + count === actions.length,
      );
      await second.attach(channel);
      await second.ping('the SYNC has come, if there is one');
      await watcher.ping('everything has come');
      const told = watcher.all(Action.PRESENCE).flatMap(({ presence = [] }) => presence);
      expect(told.map(({ action, data }) => [action, data])).toEqual(
        actions.map((action, i) => [action, `event ${i}`]),
      );
      const members = second.all(Action.SYNC).flatMap(({ presence = [] }) => presence);
      expect(members.map(({ data }) => data)).toEqual(end === 'present' ? ['event 3'] : []);
      await second.close();
      await watcher.close();
    },
  );

  it('[FZ13] what storage refuses is a NACK and is never delivered; what is acknowledged is, once and in order', async () => {
    const channel = fresh();
    const watcher = await watching(failing.server.port, failing.key, format, channel);
    const client = await ProtocolClient.connected(failing.server.port, { key: failing.key, format });
    const acked: number[] = [];
    for (let serial = 0; serial < 60; serial++) {
      client.publish(channel, serial, String(serial));
      const answer = await client.when(
        `the answer to ${serial}`,
        ({ action, msgSerial }) => (action === Action.ACK || action === Action.NACK) && msgSerial === serial,
      );
      if (answer.action === Action.ACK) acked.push(serial);
      else expect(answer.error).toMatchObject({ code: 50004, statusCode: 503 });
    }
    await watcher.ping('everything has come');
    expect(acked.length).toBeGreaterThan(30);
    expect(acked.length).toBeLessThan(50);
    expect(watcher.data(channel)).toEqual(acked.map(String));
    await client.close();
    await watcher.close();
  });
});

describe.each(formats)('attaching while messages come in, %s', (format) => {
  it('[FZ17] a subscriber that attaches again and again from where it was, with slow storage, misses nothing', async () => {
    const channel = fresh();
    const total = 400;
    const subscriber = await watching(slow.server.port, slow.key, format, channel);
    const publisher = await ProtocolClient.connected(slow.server.port, { key: slow.key, format });
    const received: string[] = [];
    let position = (await subscriber.next(Action.ATTACHED)).channelSerial ?? '';
    let attaches = 0;
    let sent = 0;
    let isAttached = true;
    subscriber.clear();
    // As the official client does: while it attaches it drops what comes, for all of it comes again after ATTACHED.
    const take = (message: ProtocolMessage) => {
      if (message.action === Action.ATTACHED) isAttached = true;
      if (message.action !== Action.MESSAGE || !isAttached) return;
      received.push(...(message.messages ?? []).map(({ data }) => String(data)));
      position = message.channelSerial ?? '';
      // Only one that has caught up has new messages coming in while the storage is read for it.
      if (received.length < sent - 6) return;
      isAttached = false;
      attaches += 1;
      subscriber.send({ action: Action.ATTACH, channel, channelSerial: position });
    };
    const ended = subscriber.when('the last message', (message) => {
      take(message);
      return received.length >= total;
    });
    // Some on their way at once, so that one batch follows the other, also while the storage is read.
    for (let serial = 0; serial < total; serial++) {
      publisher.publish(channel, serial, String(serial));
      sent += 1;
      const before = serial - 6;
      if (before >= 0) await publisher.when(`ACK of ${before}`, answers(before));
    }
    await ended;
    expect(attaches).toBeGreaterThan(10);
    expect(received).toEqual(Array.from({ length: total }, (_, i) => String(i)));
    await publisher.close();
    await subscriber.close();
  });
});

describe('continuity that cannot be kept', () => {
  const lossCases: [title: string, lose: (publish: (data: string) => Promise<void>) => Promise<void>, code: number][] =
    [
      [
        'older than what is kept',
        async (publish) => {
          await publish('lost');
          clock.advance(11_000);
          await publish('lost as well');
        },
        90003,
      ],
      [
        'more than is replayed',
        async (publish) => {
          for (let i = 0; i < 25; i++) await publish('lost');
        },
        90004,
      ],
    ];
  it.each(lossCases)(
    '[FZ14] the official client is told of it when what it missed is %s',
    async (_title, lose, code) => {
      for (const format of formats) {
        const proxy = await FrameProxy.to(forgetful.server.port);
        proxies.push(proxy);
        const channel = fresh();
        const client = forgetful.realtime(format, { port: proxy.port, disconnectedRetryTimeout: 20 });
        const got: unknown[] = [];
        const subscribed = client.channels.get(channel);
        await subscribed.subscribe((message) => got.push(message.data));
        subscribed.on(['attached', 'update'], ({ resumed, reason }) => got.push({ resumed, code: reason?.code }));
        const publisher = await ProtocolClient.connected(forgetful.server.port, { key: forgetful.key });
        let serial = 0;
        const publish = async (data: string) => {
          const mine = serial++;
          publisher.publish(channel, mine, data);
          await publisher.when('ACK', ({ action, msgSerial }) => action === Action.ACK && msgSerial === mine);
        };
        await publish('before');
        await until(() => got.length === 1);
        proxy.refusing = true;
        proxy.cut();
        await lose(publish);
        proxy.refusing = false;
        await until(() => got.length === 2);
        await publish('after');
        await until(() => got.length === 3);
        expect(got).toEqual(['before', { resumed: false, code }, 'after']);
        await publisher.close();
      }
    },
  );

  it('[FZ15] a publisher whose connection is forgotten is told so: what it sends again is another message, and it knows', async () => {
    const channel = fresh();
    const query = { key: forgetful.key };
    const first = await ProtocolClient.connected(forgetful.server.port, query);
    const before = identityOf(await first.next(Action.CONNECTED));
    first.publish(channel, 0, 'again');
    const acked = await first.next(Action.ACK);
    first.send({ action: Action.DISCONNECT });
    await first.closed;
    clock.advance(121_000);
    const second = await ProtocolClient.connected(forgetful.server.port, { ...query, resume: before.connectionKey });
    const connected = await second.next(Action.CONNECTED);
    expect(connected.error).toMatchObject({ code: 80008, statusCode: 400 });
    expect(connected.connectionId).not.toBe(before.connectionId);
    second.publish(channel, 0, 'again');
    expect((await second.next(Action.ACK)).res).not.toEqual(acked.res);
    await second.close();
  });
});

async function until(holds: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!holds()) {
    if (performance.now() > end) throw new Error('did not come');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
