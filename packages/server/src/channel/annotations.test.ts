import { Action, type Annotation, AnnotationAction, Flag, type Message, MessageAction, Mode } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { Harness, type HarnessOptions, readKey, type TestClient } from '../../test/harness.ts';

const { CREATE, DELETE } = AnnotationAction;
const channel = 'mutable:room';
const like = 'reaction:distinct.v1';
const listening = Mode.PUBLISH | Mode.SUBSCRIBE | Mode.ANNOTATION_PUBLISH | Mode.ANNOTATION_SUBSCRIBE;
const plainKey = 'app.plain:plain-secret-plain-secret-plain-se';
const keys = [{ key: plainKey, capability: { '*': ['publish', 'subscribe', 'annotation-publish'] } }];

function annotate(client: TestClient, messageSerial: string, ...annotations: Partial<Annotation>[]): void {
  const list = annotations.map((one) => ({ action: CREATE, messageSerial, type: like, ...one }));
  client.send({ action: Action.ANNOTATION, channel, msgSerial: client.msgSerial++, annotations: list });
}

const annotationsOf = (client: TestClient): Annotation[] =>
  client.all(Action.ANNOTATION).flatMap(({ annotations = [] }) => annotations);

const messagesOf = (client: TestClient): Message[] =>
  client.all(Action.MESSAGE).flatMap(({ messages = [] }) => messages);

const summariesOf = (client: TestClient): Message[] =>
  messagesOf(client).filter(({ action }) => action === MessageAction.SUMMARY);

const serialsOf = (client: TestClient): string[] =>
  client.all(Action.ACK).flatMap(({ res = [] }) => res.flatMap(({ serials }) => serials.map(String)));

/** Two clients, one of which is told of each annotation, and a message. */
async function room(options: HarnessOptions = {}) {
  const harness = new Harness({ keys, ...options });
  const ada = harness.connect({ clientId: 'ada' });
  const bob = harness.connect({ clientId: 'bob', format: 'msgpack' });
  ada.attach(channel, { flags: listening });
  bob.attach(channel);
  ada.publish(channel, { name: 'note', data: 'a' });
  await harness.settle();
  const [serial = ''] = serialsOf(ada);
  return { harness, ada, bob, serial };
}

const distinct = (total: number, ...clientIds: string[]) => ({ total, clientIds, clipped: false });

describe('annotations', () => {
  it('[AN7] an annotation reaches those who listen for annotations, and its summary all who hear messages', async () => {
    const { harness, ada, bob, serial } = await room();
    annotate(bob, serial, { name: '👍', data: Uint8Array.of(1, 2), extras: { headers: { a: 1 } } });
    await harness.settle();
    const [own] = serialsOf(bob);
    expect(annotationsOf(bob)).toEqual([]);
    const [frame] = ada.all(Action.ANNOTATION);
    expect(frame).toMatchObject({ channel, id: `${bob.connectionId}:0`, connectionId: bob.connectionId });
    expect(annotationsOf(ada)).toEqual([
      {
        action: CREATE,
        serial: own,
        messageSerial: serial,
        type: like,
        name: '👍',
        clientId: 'bob',
        data: Uint8Array.of(1, 2),
        extras: { headers: { a: 1 } },
      },
    ]);
    expect((own ?? '') > serial).toBe(true);
    for (const client of [ada, bob]) {
      expect(summariesOf(client)).toEqual([
        { action: MessageAction.SUMMARY, serial, annotations: { summary: { [like]: { '👍': distinct(1, 'bob') } } } },
      ]);
      const positions = client.received.map(({ channelSerial }) => channelSerial).filter((at) => at !== undefined);
      expect(positions.toSorted()).toEqual(positions);
    }
  });

  it('[AN8] many annotations at once come to few summaries, of which the last has all', async () => {
    const { harness, ada, bob, serial } = await room();
    for (let n = 0; n < 100; n++) annotate(n % 2 === 0 ? ada : bob, serial, { name: `name ${n % 10}` });
    await harness.settle();
    await harness.settle();
    expect(annotationsOf(ada)).toHaveLength(100);
    expect(summariesOf(bob).length).toBeLessThan(10);
    const summary = summariesOf(bob).at(-1)?.annotations?.summary?.[like];
    const even = (n: number) => n % 2 === 0;
    expect(summary).toEqual(
      Object.fromEntries(Array.from({ length: 10 }, (_, n) => [`name ${n}`, distinct(1, even(n) ? 'ada' : 'bob')])),
    );
  });

  it('[AN8] nodes that annotate one message at once count all', async () => {
    const one = await room();
    const two = new Harness({ engine: () => one.harness.engine });
    const eve = two.connect({ clientId: 'eve' });
    for (let n = 0; n < 30; n++) {
      annotate(one.ada, one.serial, { type: 'like:multiple.v1', name: 'x' });
      annotate(eve, one.serial, { type: 'like:multiple.v1', name: 'x', count: 2 });
    }
    while (serialsOf(eve).length < 30 || serialsOf(one.ada).length < 31) await one.harness.settle();
    await one.harness.settle();
    expect(summariesOf(one.bob).at(-1)?.annotations?.summary).toEqual({
      'like:multiple.v1': {
        x: { total: 90, clientIds: { ada: 30, eve: 60 }, totalUnidentified: 0, totalClientIds: 2, clipped: false },
      },
    });
  });

  it('[AN9] who made an annotation may take it back, and takes back nothing of others', async () => {
    const { harness, ada, bob, serial } = await room();
    annotate(ada, serial, { name: '👍' });
    annotate(bob, serial, { name: '👍' });
    annotate(ada, serial, { action: DELETE, name: '👍' });
    annotate(ada, serial, { action: DELETE, name: '👍' });
    await harness.settle();
    expect(summariesOf(bob).at(-1)?.annotations?.summary).toEqual({ [like]: { '👍': distinct(1, 'bob') } });
    annotate(bob, serial, { action: DELETE, name: '👍' });
    await harness.settle();
    expect(summariesOf(bob).at(-1)?.annotations).toEqual({ summary: {} });
    expect(annotationsOf(ada).map(({ action }) => action)).toEqual([CREATE, CREATE, DELETE, DELETE, DELETE]);
    const rows = (table: string) => harness.engine.rows({ app: 'app', name: channel, retentionMs: 1 }, table);
    expect([(await rows('summaries')).rows, (await rows('shares')).rows]).toEqual([[], []]);
  });

  it('[AN10] a type without a method is delivered and not summed up', async () => {
    const { harness, ada, bob, serial } = await room();
    annotate(bob, serial, { type: 'com.example.read' });
    await harness.settle();
    expect(annotationsOf(ada)).toMatchObject([{ type: 'com.example.read', clientId: 'bob' }]);
    expect(summariesOf(bob)).toEqual([]);
  });

  it('[AN11] what is missing, malformed or too large is refused with its code, and nobody is told', async () => {
    const { harness, ada, bob, serial } = await room({ limits: { maxMessageSize: 2_000 } });
    const bad: [Partial<Annotation>, number][] = [
      [{ action: 7, name: 'x' }, 40000],
      [{ type: 'reaction:other.v1', name: 'x' }, 40000],
      [{ type: '' }, 40003],
      [{ type: `${'x'.repeat(300)}:flag.v1` }, 40003],
      [{}, 40003],
      [{ name: 'x'.repeat(257) }, 40003],
      [{ name: 'x', type: 'a:multiple.v1', count: 0 }, 40003],
      [{ name: 'x', type: 'a:multiple.v1', count: 1_000_001 }, 40003],
      [{ name: 'x', clientId: 'eve' }, 40012],
      [{ name: 'x', extras: { delta: {} } }, 40032],
      [{ name: 'x', data: 'x'.repeat(2_000) }, 40009],
      [{ name: 'x', messageSerial: `${serial}1` }, 40400],
      [{ name: 'x', messageSerial: serial.replace(':000', ':001') }, 40400],
    ];
    for (const [annotation] of bad) annotate(bob, serial, annotation);
    annotate(bob, serial);
    annotate(bob, serial, { name: 'x' }, { name: 'y', messageSerial: serial.replace(':000', ':001') });
    await harness.settle();
    const codes = bob.all(Action.NACK).map(({ error }) => error?.code);
    expect(codes).toEqual([...bad.map(([, code]) => code), 40000, 40000]);
    expect(annotationsOf(ada)).toEqual([]);
  });

  it('[AN12] annotating needs the right and the mode, and a namespace where messages are mutable', async () => {
    const { harness, ada, serial } = await room();
    const reader = harness.connect({ key: readKey, clientId: 'eve' });
    annotate(reader, serial, { name: 'x' });
    const modeless = harness.connect({ clientId: 'eve' });
    modeless.attach(channel, { flags: Mode.SUBSCRIBE });
    annotate(modeless, serial, { name: 'x' });
    const annotations = [{ action: CREATE, messageSerial: serial, type: like, name: 'x' }];
    ada.send({ action: Action.ANNOTATION, channel: 'plain', msgSerial: ada.msgSerial++, annotations });
    await harness.settle();
    expect(reader.error(Action.NACK)).toMatchObject({ code: 40160, statusCode: 401 });
    expect(modeless.error(Action.NACK)).toMatchObject({ code: 40165, statusCode: 401 });
    expect(ada.error(Action.NACK)).toMatchObject({ code: 93002, statusCode: 400 });
  });

  it('[AN12] the mode to be told of annotations is granted with the right to it, and to those alone who ask', async () => {
    const { harness, bob } = await room();
    const without = harness.connect({ key: plainKey, clientId: 'eve' });
    without.attach(channel, { params: { modes: 'subscribe,annotation_subscribe' } });
    await harness.settle();
    expect((without.one(Action.ATTACHED).flags ?? 0) & Mode.ANNOTATION_SUBSCRIBE).toBe(0);
    expect((bob.one(Action.ATTACHED).flags ?? 0) & Mode.ANNOTATION_SUBSCRIBE).toBe(0);
  });

  it('[AN13] who has no clientId counts in totals and under multiple, and nowhere else; it takes nothing back', async () => {
    const { harness, bob, serial } = await room();
    const anybody = harness.connect();
    const types = ['a:total.v1', 'a:multiple.v1', 'a:flag.v1', 'a:distinct.v1', 'a:unique.v1'];
    for (const type of types) annotate(anybody, serial, { type, name: 'x' });
    for (const type of types) annotate(anybody, serial, { type, name: 'x', action: DELETE });
    annotate(anybody, serial, { type: 'a:flag.v1', clientId: 'fay' });
    await harness.settle();
    expect(anybody.all(Action.NACK).map(({ error }) => error?.code)).toEqual(Array(8).fill(40161));
    expect(summariesOf(bob).at(-1)?.annotations?.summary).toEqual({
      'a:total.v1': { total: 1 },
      'a:multiple.v1': {
        x: { total: 1, clientIds: {}, totalUnidentified: 1, totalClientIds: 0, clipped: false },
      },
      'a:flag.v1': { total: 1, clientIds: ['fay'], clipped: false },
    });
  });

  it('[AN14] names and types of one message have a bound: beyond it 40009, and what was there stays', async () => {
    const { harness, ada, bob, serial } = await room({ limits: { maxMessageSize: 2_000 } });
    for (let n = 0; n < 40; n++) annotate(bob, serial, { name: `${n} ${'x'.repeat(200)}` });
    await harness.settle();
    const refused = bob.all(Action.NACK);
    expect(refused.length).toBeGreaterThan(20);
    expect(refused[0]?.error).toMatchObject({ code: 40009, statusCode: 413 });
    const { summary } = summariesOf(ada).at(-1)?.annotations ?? {};
    expect(Object.keys(summary?.[like] ?? {})).toHaveLength(
      40 - refused.reduce((sum, { count = 0 }) => sum + count, 0),
    );
    bob.clear();
    annotate(bob, serial, { name: `0 ${'x'.repeat(200)}`, action: DELETE });
    annotate(bob, serial, { name: 'short' });
    await harness.settle();
    expect(bob.all(Action.NACK)).toEqual([]);
  });

  it('[AN15] a resume tells of the annotations that were missed, and once of what each message has come to', async () => {
    const { harness, ada, bob, serial } = await room();
    const position = ada.one(Action.MESSAGE).channelSerial ?? '';
    const query = { clientId: 'ada', resume: ada.connectionKey };
    ada.cut();
    for (const name of ['x', 'y', 'z']) annotate(bob, serial, { name });
    bob.publish(channel, { data: 'b' });
    await harness.settle();
    const again = harness.connect(query);
    await harness.settle();
    again.attach(channel, { flags: listening, channelSerial: position });
    await harness.settle();
    expect((again.one(Action.ATTACHED).flags ?? 0) & Flag.RESUMED).toBe(Flag.RESUMED);
    expect(annotationsOf(again).map(({ name }) => name)).toEqual(['x', 'y', 'z']);
    const summary = { x: distinct(1, 'bob'), y: distinct(1, 'bob'), z: distinct(1, 'bob') };
    expect(summariesOf(again).map(({ annotations }) => annotations?.summary)).toEqual([{ [like]: summary }]);
    expect(messagesOf(again).map(({ data }) => data)).toContain('b');
    const positions = again.received.map(({ channelSerial }) => channelSerial).filter((at) => at !== undefined);
    expect(positions.toSorted()).toEqual(positions);
  });

  it('[AN15] rewound messages carry their summaries', async () => {
    const { harness, bob, serial } = await room();
    annotate(bob, serial, { name: 'x' });
    bob.publish(channel, { action: MessageAction.UPDATE, serial, data: 'b' });
    await harness.settle();
    const late = harness.connect();
    late.attach(channel, { params: { rewind: '5' } });
    await harness.settle();
    expect(messagesOf(late)).toMatchObject([
      { action: MessageAction.UPDATE, data: 'b', annotations: { summary: { [like]: { x: distinct(1, 'bob') } } } },
    ]);
  });

  it('[AN16] an annotation that is sent again after a resume is acknowledged with its first serial, and counts once', async () => {
    const { harness, ada, bob, serial } = await room();
    const type = 'a:total.v1';
    annotate(bob, serial, { type });
    await harness.settle();
    const query = { clientId: 'bob', format: 'msgpack', resume: bob.connectionKey };
    bob.cut();
    const again = harness.connect(query);
    await harness.settle();
    annotate(again, serial, { type });
    await harness.settle();
    expect(serialsOf(again)).toEqual(serialsOf(bob));
    expect(annotationsOf(ada)).toHaveLength(1);
    expect(summariesOf(ada).at(-1)?.annotations?.summary).toEqual({ [type]: { total: 1 } });
  });

  it('[AN16] what is summed up lasts as long as the message, and no longer', async () => {
    const { harness, bob, serial } = await room({ limits: { persistedRetentionMs: 600_000 } });
    harness.clock.advance(500_000);
    annotate(bob, serial, { name: 'x' });
    await harness.settle();
    const rows = async (table: string) =>
      (await harness.engine.rows({ app: 'app', name: channel, retentionMs: 600_000 }, table)).rows.length;
    expect([await rows('summaries'), await rows('shares')]).toEqual([1, 1]);
    harness.clock.advance(200_000);
    expect([await rows('summaries'), await rows('shares')]).toEqual([0, 0]);
  });
});
