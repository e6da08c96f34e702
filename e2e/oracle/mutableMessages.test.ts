import vcdiff from '@ably/vcdiff-decoder';
import * as Ably from 'ably';
import { afterAll, describe, expect, it } from 'vitest';
import { CutProxy } from './cutProxy.ts';
import { inState, startOracle, until, ways } from './harness.ts';

const key = 'mut.key1:a-secret-of-thirty-two-characters';
const oracle = await startOracle({
  apps: [{ id: 'mut', keys: [key], namespaces: [{ id: 'mutable', mutableMessages: true }] }],
});
const proxy = await CutProxy.to(oracle.server.port);
afterAll(() => proxy.close());
let count = 0;
const fresh = (name: string) => `mutable:${name}-${++count}`;

/** What a client shows that follows a channel as the documentation tells: by serial, and the latest version wins. */
class Follower {
  readonly messages = new Map<string, Ably.Message>();
  readonly actions: string[] = [];

  take(message: Ably.InboundMessage): void {
    const serial = message.serial ?? '';
    const known = this.messages.get(serial);
    this.actions.push(String(message.action));
    if (message.action === 'message.summary') return;
    if (message.action === 'message.append' && known !== undefined) {
      this.messages.set(serial, Object.assign(known, { data: known.data + message.data, version: message.version }));
    } else {
      this.messages.set(serial, message);
    }
  }

  get data(): unknown[] {
    return [...this.messages.values()].map(({ data }) => data);
  }
}

async function follow(channel: Ably.RealtimeChannel): Promise<Follower> {
  const follower = new Follower();
  await channel.subscribe((message) => follower.take(message));
  return follower;
}

describe.each(ways)('messages that change, %s', (way) => {
  it('[MU26] the official client updates, appends to and deletes a message, and everybody sees it', async () => {
    const name = fresh('changes');
    const channel = oracle.realtime(way, { key, clientId: 'ada' }).channels.get(name);
    const other = oracle.realtime(way === 'json' ? 'msgpack' : 'json', { key }).channels.get(name);
    const seen: Ably.InboundMessage[] = [];
    await other.subscribe((message) => seen.push(message));
    const { serials } = await channel.publish('note', { text: 'a' });
    const serial = serials[0] ?? '';
    const operation = { description: 'typo', metadata: { reason: 'test' } };
    const updated = await channel.updateMessage({ serial, data: { text: 'b' } } as Ably.Message, operation);
    await channel.updateMessage({ serial, data: 'c' } as Ably.Message);
    await channel.appendMessage({ serial, data: 'd' } as Ably.Message);
    const gone = await channel.deleteMessage({ serial, data: '' } as Ably.Message);
    await until('all versions', () => seen.length === 5);
    expect(seen.map(({ action, data }) => [action, data])).toEqual([
      ['message.create', { text: 'a' }],
      ['message.update', { text: 'b' }],
      ['message.update', 'c'],
      ['message.append', 'd'],
      ['message.delete', ''],
    ]);
    expect(new Set(seen.map((message) => message.serial))).toEqual(new Set([serial]));
    expect(seen[1]?.version).toMatchObject({ serial: updated.versionSerial, clientId: 'ada', ...operation });
    const versions = seen.map(({ version }) => version.serial ?? '');
    expect(versions.toSorted()).toEqual(versions);
    const latest = await channel.getMessage(serial);
    expect(latest).toMatchObject({ serial, name: 'note', data: '', action: 'message.delete', clientId: 'ada' });
    expect(latest.version?.serial).toBe(gone.versionSerial);
    const { items } = await channel.history();
    expect(items.map(({ action, data }) => [action, data])).toEqual([['message.delete', '']]);
    const all = await channel.getMessageVersions(serial);
    expect(all.items.map(({ data }) => data)).toEqual([{ text: 'a' }, { text: 'b' }, 'c', 'cd', '']);
    expect(all.items.map(({ version }) => version?.serial)).toEqual(versions);
  });

  it('[MU26] a REST client does the same, on an encrypted channel too', async () => {
    const cipher = { key: await Ably.Rest.Crypto.generateRandomKey() };
    const channel = oracle.rest(way, { key }).channels.get(fresh('rest'), { cipher });
    const { serials } = await channel.publish('note', { text: 'a' });
    const serial = serials[0] ?? '';
    await channel.updateMessage({ serial, data: { text: 'b' } } as Ably.Message, { clientId: 'bob' });
    expect(await channel.getMessage(serial)).toMatchObject({ data: { text: 'b' }, version: { clientId: 'bob' } });
    await expect(channel.appendMessage({ serial, data: 'c' } as Ably.Message)).rejects.toMatchObject({ code: 40013 });
    await channel.deleteMessage({ serial } as Ably.Message);
    const { items } = await channel.getMessageVersions(serial, { direction: 'backwards', limit: 2 });
    expect(items.map(({ action }) => action)).toEqual(['message.delete', 'message.update']);
    await expect(channel.getMessage(`${serial}0`)).rejects.toMatchObject({ code: 40400, statusCode: 404 });
  });

  it('[MU27] an answer that is streamed by appends is the same for who was there and for who comes later', async () => {
    const name = fresh('stream');
    const writer = oracle.realtime(way, { key }).channels.get(name);
    const early = await follow(oracle.realtime(way, { key }).channels.get(name));
    const { serials } = await writer.publish('answer', '');
    const serial = serials[0] ?? '';
    const late: Follower[] = [];
    const parts = Array.from({ length: 60 }, (_, n) => `part ${n} `);
    const sent: Promise<unknown>[] = [];
    for (const [n, data] of parts.entries()) {
      sent.push(writer.appendMessage({ serial, data } as Ably.Message));
      if (n % 20 !== 10) continue;
      late.push(await follow(oracle.realtime(way, { key }).channels.get(name)));
      const rewinding = oracle.realtime(way, { key }).channels.get(name, { params: { rewind: '1' } });
      late.push(await follow(rewinding));
      const whole = oracle.realtime(way, { key }).channels.get(name, { params: { appendMode: 'full' } });
      late.push(await follow(whole));
    }
    await Promise.all(sent);
    const all = [early, ...late];
    const text = parts.join('');
    await until('the whole answer everywhere', () => all.every(({ data }) => data[0] === text));
    expect(early.actions).toEqual(['message.create', ...parts.map(() => 'message.append')]);
    expect(late[2]?.actions.every((action) => action === 'message.update')).toBe(true);
    expect((await writer.history()).items.map(({ data }) => data)).toEqual([text]);
  });

  it('[MU29] who gets deltas is told of changes and summaries whole, and reads what comes after them', async () => {
    const name = fresh('deltas');
    const options = { key, clientId: 'ada', plugins: { vcdiff } };
    const client = oracle.realtime(way, options);
    const channel = client.channels.get(name, { params: { delta: 'vcdiff' } });
    const follower = await follow(channel);
    const updates: unknown[] = [];
    channel.on('update', (change) => updates.push(change));
    const writer = oracle.realtime(way, { key, clientId: 'ada' }).channels.get(name);
    const text = (turn: number) => `${'some text that stays, '.repeat(4)}${turn}`;
    const serial = (await writer.publish('first', text(1))).serials[0] ?? '';
    for (let turn = 2; turn < 8; turn += 3) {
      await writer.publish('more', text(turn));
      await writer.appendMessage({ serial, data: '+' } as Ably.Message);
      await writer.publish('more', text(turn + 1));
      await writer.publish('more', text(turn + 2));
      await writer.updateMessage({ serial, data: text(turn) } as Ably.Message);
      await writer.annotations.publish(serial, { type: 'seen:flag.v1' });
    }
    await writer.publish('last', 'last');
    await until('the last', () => follower.data.includes('last'));
    expect(follower.data.slice(1)).toEqual([...[2, 3, 4, 5, 6, 7].map(text), 'last']);
    expect(follower.actions.filter((action) => action === 'message.append')).toHaveLength(2);
    expect(updates).toEqual([]);
  });

  it('[MU28] whoever was cut off is brought to what everybody sees', async () => {
    const name = fresh('resume');
    const writer = oracle.realtime(way, { key }).channels.get(name);
    const client = oracle.realtime(way, { key, port: proxy.port });
    const channel = client.channels.get(name);
    const before = (await writer.publish('before', 'x')).serials[0] ?? '';
    const follower = await follow(channel);
    const known = (await writer.publish('known', 'a')).serials[0] ?? '';
    await until('the first', () => follower.data.length === 1);
    const resumed = inState(channel, 'attached');
    proxy.cut();
    await inState(client.connection, 'disconnected');
    for (const data of ['b', 'c']) await writer.appendMessage({ serial: known, data } as Ably.Message);
    await writer.appendMessage({ serial: before, data: 'y' } as Ably.Message);
    const fresher = (await writer.publish('new', '1')).serials[0] ?? '';
    await writer.updateMessage({ serial: fresher, data: '2' } as Ably.Message);
    await writer.deleteMessage({ serial: known, data: 'gone' } as Ably.Message);
    await inState(client.connection, 'connected');
    await resumed;
    await writer.publish('last', 'last');
    await until('the last', () => follower.data.includes('last'));
    expect(Object.fromEntries([...follower.messages].map(([serial, { data }]) => [serial, data]))).toMatchObject({
      [known]: 'gone',
      [before]: 'xy',
      [fresher]: '2',
    });
  });

  it('[AN21] the official client annotates, takes back and lists annotations, and is told of summaries', async () => {
    const name = fresh('annotations');
    const modes: Ably.ChannelMode[] = ['PUBLISH', 'SUBSCRIBE', 'ANNOTATION_PUBLISH', 'ANNOTATION_SUBSCRIBE'];
    const channel = oracle.realtime(way, { key, clientId: 'ada' }).channels.get(name, { modes });
    const other = oracle.realtime(way === 'json' ? 'msgpack' : 'json', { key, clientId: 'bob' }).channels.get(name);
    const told: Ably.Annotation[] = [];
    const summaries: Ably.InboundMessage[] = [];
    await channel.annotations.subscribe((annotation) => told.push(annotation));
    await other.subscribe((message) => {
      if (message.action === 'message.summary') summaries.push(message);
    });
    const { serials } = await channel.publish('note', 'a');
    const serial = serials[0] ?? '';
    const type = 'reaction:distinct.v1';
    await channel.annotations.publish(serial, { type, name: '👍', data: { a: 1 } });
    await other.annotations.publish(serial, { type, name: '👍' });
    await other.annotations.publish(serial, { type: 'votes:multiple.v1', name: 'x', count: 3 });
    await channel.annotations.delete(serial, { type, name: '👍' });
    const rest = oracle.rest(way, { key, clientId: 'cleo' }).channels.get(name);
    await rest.annotations.publish(serial, { type: 'seen:flag.v1' });
    await until('all annotations', () => told.length === 5);
    expect(told.map(({ action, type, name, clientId }) => [action, type, name, clientId])).toEqual([
      ['annotation.create', type, '👍', 'ada'],
      ['annotation.create', type, '👍', 'bob'],
      ['annotation.create', 'votes:multiple.v1', 'x', 'bob'],
      ['annotation.delete', type, '👍', 'ada'],
      ['annotation.create', 'seen:flag.v1', undefined, 'cleo'],
    ]);
    expect(told[0]?.data).toEqual({ a: 1 });
    expect(told.every((one) => one.messageSerial === serial && one.serial > serial && one.timestamp > 0)).toBe(true);
    const summary = {
      [type]: { '👍': { total: 1, clientIds: ['bob'], clipped: false } },
      'votes:multiple.v1': {
        x: { total: 3, clientIds: { bob: 3 }, totalUnidentified: 0, totalClientIds: 1, clipped: false },
      },
      'seen:flag.v1': { total: 1, clientIds: ['cleo'], clipped: false },
    };
    await until('the summary', () => summaries.at(-1)?.annotations?.summary['seen:flag.v1'] !== undefined);
    expect(summaries.at(-1)?.annotations?.summary).toEqual(summary);
    expect(summaries.at(-1)?.serial).toBe(serial);
    const { items } = await channel.annotations.get(serial, { limit: 3 });
    expect(items.map(({ action, clientId }) => [action, clientId])).toEqual([
      ['annotation.create', 'ada'],
      ['annotation.create', 'bob'],
      ['annotation.create', 'bob'],
    ]);
    expect((await rest.history()).items[0]?.annotations?.summary).toEqual(summary);
  });
});
