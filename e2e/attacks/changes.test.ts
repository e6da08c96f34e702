import { randomBytes } from 'node:crypto';
import { Action, type Annotation, type Message, MessageAction } from '@parvis/protocol';
import { describe, expect, it } from 'vitest';
import { ProtocolClient } from '../faults/protocolClient.ts';
import { startScene } from './scene.ts';

const full = 'mut.full:a-secret-of-thirty-two-characters';
const own = 'mut.own:a-secret-of-thirty-two-characters';
const blind = 'mut.blind:a-secret-of-thirty-two-characters';
const reader = 'mut.reader:a-secret-of-thirty-two-characters';
const foreign = 'far.full:a-secret-of-thirty-two-characters';
const namespaces = [{ id: 'mutable', mutableMessages: true }];
const scene = await startScene({
  apps: [
    {
      id: 'mut',
      namespaces,
      keys: [
        { key: full },
        { key: own, capability: { '*': ['publish', 'history', 'message-update-own', 'message-delete-own'] } },
        { key: blind, capability: { '*': ['message-update-own', 'message-delete-own'] } },
        { key: reader, capability: { '*': ['subscribe', 'history'] } },
      ],
    },
    { id: 'far', namespaces, keys: [foreign] },
  ],
});

interface Refusal {
  readonly code: number;
  readonly statusCode: number;
  readonly message: string;
}

const authorization = (key: string) => `Basic ${Buffer.from(key).toString('base64')}`;
const as = (clientId: string | undefined) =>
  clientId === undefined ? {} : { 'x-ably-clientid': Buffer.from(clientId).toString('base64') };

async function ask(key: string, method: string, path: string, body: unknown, clientId?: string) {
  const answer = await fetch(`http://127.0.0.1:${scene.port}${path}`, {
    method,
    headers: { authorization: authorization(key), 'content-type': 'application/json', ...as(clientId) },
    body: JSON.stringify(body),
  });
  return (await answer.json()) as { serials: string[]; error?: Refusal };
}

const pathOf = (channel: string, serial: string) =>
  `/channels/${encodeURIComponent(channel)}/messages/${encodeURIComponent(serial)}`;

async function publish(key: string, channel: string, clientId: string): Promise<string> {
  const path = `/channels/${encodeURIComponent(channel)}/messages`;
  const { serials } = await ask(key, 'POST', path, { data: 'secret' }, clientId);
  return serials[0] ?? '';
}

/** What a change is refused with over realtime and over HTTP, which must be the same. */
async function refusalOf(key: string, clientId: string | undefined, channel: string, message: Message) {
  const { error } = await ask(key, 'PATCH', pathOf(channel, message.serial ?? ''), message, clientId);
  const query = { key, ...(clientId === undefined ? {} : { clientId }) };
  const client = await ProtocolClient.connected(scene.port, query);
  client.send({ action: Action.MESSAGE, channel, msgSerial: 0, messages: [message] });
  const nack = await client.next(Action.NACK);
  await client.close();
  expect(nack.error).toMatchObject({ code: error?.code, statusCode: error?.statusCode, message: error?.message });
  return error;
}

const changes = [MessageAction.UPDATE, MessageAction.DELETE, MessageAction.APPEND];
const fresh = () => `mutable:${randomBytes(6).toString('hex')}`;
const forged = '01735689600000-000000@forged:000';

describe.each(changes)('who may not change a message, action %i', (action) => {
  const change = (serial: string): Message => ({ action, serial, data: 'x' });

  it('[attack 37] is told why where it may read, and learns nothing where it may not', async () => {
    const channel = fresh();
    const serial = await publish(full, channel, 'ada');
    const elsewhere = await publish(full, fresh(), 'bob');
    const unknown = [
      forged,
      elsewhere,
      serial.replace(/:000$/, ':001'),
      `${serial} `,
      serial.slice(0, -4),
      '%',
      '../x',
    ];
    expect(await refusalOf(own, 'bob', channel, change(serial))).toMatchObject({ code: 40160, statusCode: 401 });
    expect(await refusalOf(own, undefined, channel, change(serial))).toMatchObject({ code: 40166, statusCode: 401 });
    expect(await refusalOf(reader, 'ada', channel, change(serial))).toMatchObject({ code: 40160, statusCode: 401 });
    const hidden = await refusalOf(blind, 'bob', channel, change(serial));
    expect(hidden).toMatchObject({ code: 40400, statusCode: 404 });
    for (const none of unknown) {
      for (const key of [full, own, blind]) {
        expect(await refusalOf(key, 'bob', channel, change(none))).toEqual(hidden);
      }
      expect(await refusalOf(own, undefined, channel, change(none))).toMatchObject({ code: 40166 });
      expect(await refusalOf(reader, 'ada', channel, change(none))).toMatchObject({ code: 40160 });
    }
    expect(await refusalOf(foreign, 'ada', channel, change(serial))).toEqual(hidden);
    const { data } = (await (
      await fetch(`http://127.0.0.1:${scene.port}${pathOf(channel, serial)}`, {
        headers: { authorization: authorization(full) },
      })
    ).json()) as Message;
    expect(data).toBe('secret');
  });
});

describe('annotations of who may not', () => {
  it('[attack 37] say nothing of messages that are elsewhere or nowhere, and reach nobody', async () => {
    const channel = fresh();
    const serial = await publish(full, channel, 'ada');
    const elsewhere = await publish(full, fresh(), 'ada');
    const annotation: Partial<Annotation> = { type: 'a:flag.v1' };
    const refused = async (key: string, of: string) =>
      (await ask(key, 'POST', `${pathOf(channel, of)}/annotations`, [annotation], 'eve')).error;
    const none = await refused(full, forged);
    expect(none).toMatchObject({ code: 40400, statusCode: 404 });
    expect(await refused(full, elsewhere)).toEqual(none);
    expect(await refused(foreign, serial)).toEqual(none);
    expect(await refused(reader, serial)).toMatchObject({ code: 40160 });
    expect(await refused(reader, forged)).toMatchObject({ code: 40160 });
    const stolen = { ...annotation, clientId: 'ada' };
    const taken = await ask(full, 'POST', `${pathOf(channel, serial)}/annotations`, [stolen], 'eve');
    expect(taken.error).toMatchObject({ code: 40012 });
  });
});
