import { Capability } from '@parvis/auth';
import type { Message } from '@parvis/protocol';
import { seededRandom } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import type { Principal } from '../access/principal.ts';
import type { Row } from '../engine/engine.ts';
import { appended, type Change, changed, changeOf, draftChange, requireOwn, rightTo, versionIn } from './mutation.ts';
import type { MutationPayload } from './mutationView.ts';

const random = seededRandom('mutations');
const serial = '01764012345678-000003@e:000';
const published: Message = {
  id: 'o:0',
  name: 'note',
  data: 'Hello',
  clientId: 'ada',
  connectionId: 'c1',
  timestamp: 5,
  action: 0,
  serial,
  extras: { headers: { a: 1 }, userClaim: 'gold' },
};
const ada = { clientId: 'ada', idBase: 'm' };
const standing = { message: published, original: published, published: '01764012345678-000003@e', row: undefined };

const change = (more: Partial<Message>) => changeOf(ada, { action: 1, serial, ...more }, false);
const refusal = (code: number, statusCode: number) => expect.objectContaining({ code, statusCode });
const principal = (operations: string[], clientId: string | undefined): Principal =>
  ({ capability: Capability.parse({ room: operations }), clientId }) as Principal;

describe('changes of messages', () => {
  it('[MU3] an update replaces what it gives of name, data and extras, and leaves the rest', () => {
    expect(changed(published, change({ data: 'Bye' }))).toEqual({
      ...published,
      data: 'Bye',
      action: 1,
      version: { clientId: 'ada' },
    });
    const all = changed(published, change({ name: 'n', data: '{"a":1}', encoding: 'json', extras: { ref: 1 } }));
    expect(all).toMatchObject({ name: 'n', data: '{"a":1}', encoding: 'json', clientId: 'ada', timestamp: 5 });
    expect(changed(all, change({ data: 'text' }))).not.toHaveProperty('encoding');
    expect(changed(all, change({ name: 'x' }))).toMatchObject({ data: '{"a":1}', encoding: 'json' });
  });

  it('[MU3] what the issuer of a token vouches for about the publisher stays, whoever changes the extras', () => {
    const extras = { userClaim: 'forged', headers: {} };
    expect(changed(published, change({ extras })).extras).toEqual({ userClaim: 'gold', headers: {} });
    const { extras: _, ...unclaimed } = published;
    expect(changed(unclaimed, change({ extras })).extras).toEqual({ headers: {} });
    expect(() => change({ extras: { delta: {} } })).toThrow(refusal(40032, 400));
  });

  it('[MU4] a delete leaves the message, marked as deleted, with the data it gives or the data there was', () => {
    expect(changed(published, change({ action: 2 }))).toMatchObject({ action: 2, data: 'Hello', name: 'note' });
    expect(changed(published, change({ action: 2, data: '{}', encoding: 'json' }))).toMatchObject({ data: '{}' });
    expect(changed(changed(published, change({ action: 2 })), change({ data: 'back' }))).toMatchObject({ action: 1 });
  });

  it('[MU5] an append puts text behind text and bytes behind bytes, and is an update to whoever sees the whole', () => {
    expect(changed(published, change({ action: 5, data: ' World' }))).toMatchObject({ action: 1, data: 'Hello World' });
    const bytes = { ...published, data: Uint8Array.of(1, 2) };
    expect(changed(bytes, change({ action: 5, data: Uint8Array.of(3) })).data).toEqual(Uint8Array.of(1, 2, 3));
    const { data: _, ...without } = published;
    expect(changed(without, change({ action: 5, data: 'x' })).data).toBe('x');
  });

  it('[MU5] an append that cannot be joined is refused with 40013', () => {
    const bytes = Uint8Array.of(1);
    expect(() => changed(published, change({ action: 5, data: bytes }))).toThrow(refusal(40013, 400));
    expect(() => changed({ ...published, data: bytes }, change({ action: 5, data: 'x' }))).toThrow(refusal(40013, 400));
    const json = { ...published, data: '{}', encoding: 'json' };
    expect(() => changed(json, change({ action: 5, data: 'x' }))).toThrow(refusal(40013, 400));
    expect(() => change({ action: 5 })).toThrow(refusal(40013, 400));
    expect(() => change({ action: 5, data: '1', encoding: 'json' })).toThrow(refusal(40013, 400));
  });

  it('[MU6] the version says who changed the message and why; nobody changes one under the name of another', () => {
    const version = { clientId: 'ada', description: 'typo', metadata: { reason: 'x' } };
    expect(change({ version }).version).toEqual(version);
    expect(change({ version: { serial: 'forged', timestamp: 1 } }).version).toEqual({ clientId: 'ada' });
    expect(() => change({ version: { clientId: 'bob' } })).toThrow(refusal(40012, 400));
    const anybody = { ...ada, clientId: '*' };
    expect(changeOf(anybody, { action: 1, serial, version: { clientId: 'bob' } }, false).version.clientId).toBe('bob');
    expect(changeOf(anybody, { action: 1, serial }, false).version).toEqual({});
    const nobody = { idBase: 'm', clientId: undefined };
    expect(() => changeOf(nobody, { action: 1, serial, version: { clientId: 'bob' } }, false)).toThrow(
      refusal(40012, 400),
    );
  });

  it('[MU6] a message that is sent back as it was received, with id and names of others, is changed all the same', () => {
    const bob = { clientId: 'bob', idBase: 'm' };
    const { message } = draftOf(changeOf(bob, { ...published, action: 1, data: 'x' }, false)).payload;
    expect(message).toMatchObject({ id: 'm:0', clientId: 'ada', connectionId: 'c1', version: { clientId: 'bob' } });
  });

  it('[MU7] a change needs an action that is one and the serial of a message', () => {
    expect(() => change({ action: 0 })).toThrow(refusal(40000, 400));
    expect(() => change({ action: 4 })).toThrow(refusal(40000, 400));
    expect(() => changeOf(ada, { action: 1 }, false)).toThrow(refusal(40003, 400));
  });

  it('[MU8] the message as a whole must not become larger than one that is published', () => {
    expect(() => draftChange(ada, standing, change({ action: 5, data: 'x'.repeat(60) }), 100)).toThrow(
      refusal(40009, 413),
    );
    expect(() => draftChange(ada, standing, change({ version: { description: 'x'.repeat(99) } }), 100)).toThrow(
      refusal(40009, 413),
    );
    expect(draftChange(ada, standing, change({ action: 5, data: 'x' }), 200).kind).toBe('mutation');
  });

  it('[MU9] the right to change any message, or own ones; own are those of the same clientId', () => {
    const any = ['message-update-any', 'message-delete-any'];
    const own = ['message-update-own', 'message-delete-own'];
    for (const action of [1, 2, 5]) {
      expect(rightTo(action, principal(any, undefined), 'room')).toBe('any');
      expect(rightTo(action, principal(own, 'ada'), 'room')).toBe('own');
      expect(() => rightTo(action, principal(own, 'ada'), 'hall')).toThrow(refusal(40160, 401));
      expect(() => rightTo(action, principal(['publish', 'history'], 'ada'), 'room')).toThrow(refusal(40160, 401));
    }
    expect(() => rightTo(2, principal(['message-update-any'], 'ada'), 'room')).toThrow(refusal(40160, 401));
    expect(() => rightTo(5, principal(['message-delete-any'], 'ada'), 'room')).toThrow(refusal(40160, 401));
  });

  it('[MU9] who has no name, or may take any, owns nothing: 40166', () => {
    for (const clientId of [undefined, '*']) {
      expect(() => rightTo(1, principal(['message-update-own'], clientId), 'room')).toThrow(refusal(40166, 401));
    }
  });

  it('[MU9] the message of another is refused with 40160, or as unknown to who could not read it', () => {
    const check = (operations: string[], clientId: string) => () =>
      requireOwn(principal(['message-update-own', ...operations], clientId), standing, 1, 'room');
    expect(check([], 'ada')).not.toThrow();
    expect(check(['history'], 'bob')).toThrow(refusal(40160, 401));
    expect(check(['subscribe'], 'bob')).toThrow(refusal(40160, 401));
    expect(check([], 'bob')).toThrow(refusal(40400, 404));
  });

  it('[MU10] whatever is done in whatever order, the row holds what the entries come to, put together one by one', () => {
    for (let run = 0; run < 50; run++) {
      let row: Row | undefined;
      let model: Message = published;
      for (let step = 1; step <= 20; step++) {
        const made = change(randomChange());
        const message = row === undefined ? published : versionIn(row);
        const { payload, rows } = draftChange(ada, { ...standing, message, row }, made, 65_536);
        const { message: delivered, continues } = payload as MutationPayload;
        expect(continues).toBe(made.action === 5 ? (row?.serial ?? standing.published) : undefined);
        model = continues === undefined ? delivered : appended(model, delivered);
        row = { table: 'versions', key: serial, value: rows?.[0]?.value, serial: `entry ${step}`, time: step };
        expect(row.value).toEqual(model);
        expect(versionIn(row).version).toMatchObject({ serial: `entry ${step}:000`, timestamp: step });
      }
    }
  });
});

function randomChange(): Partial<Message> {
  const data = `text ${random.below(10)}`;
  return random.pick([
    { action: 1, data },
    { action: 1, name: data },
    { action: 5, data },
    { action: 5, data, name: data },
    { action: 2 },
    { action: 2, data },
  ]);
}

function draftOf(made: Change): { payload: MutationPayload } {
  return draftChange(ada, standing, made, 65_536) as unknown as { payload: MutationPayload };
}
