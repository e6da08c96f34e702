import { describe, expect, it } from 'vitest';
import { parseMessage, parsePresenceMessage } from './index.ts';

const full = {
  id: 'i',
  name: 'n',
  data: 'd',
  encoding: 'json',
  clientId: 'c',
  connectionId: 'conn',
  connectionKey: 'key',
  extras: { push: {}, unknown: [1] },
  timestamp: 1,
  action: 1,
  serial: 's',
  version: { serial: 's', timestamp: 1, clientId: 'c', description: 'why', metadata: { a: 'b' } },
};
const code = (expected: number, message?: string) =>
  expect.objectContaining(message === undefined ? { code: expected } : { code: expected, message });

describe('a message as a client sent it', () => {
  it('[WP24] keeps every field of the protocol as it is, extras verbatim', () => {
    expect(parseMessage(full, 'json')).toEqual(full);
    const { name: _n, connectionKey: _k, serial: _s, version: _v, ...presence } = full;
    expect(parsePresenceMessage(full, 'json')).toEqual(presence);
    expect(parseMessage(full, 'json').extras).toBe(full.extras);
  });

  it('[WP24] keeps an empty name and empty data, which are not absent', () => {
    expect(parseMessage({ name: '', data: '', clientId: '' }, 'json')).toEqual({ name: '', data: '', clientId: '' });
  });

  it('[WP25] is refused with the code that fits the field, and its name', () => {
    const cases: [Record<string, unknown>, number, string?][] = [
      [{ data: 1 }, 40013],
      [{ data: true }, 40013],
      [{ data: {} }, 40013],
      [{ data: [] }, 40013],
      [{ clientId: 1 }, 40012],
      [{ version: { clientId: {} } }, 40012],
      [{ extras: 'x' }, 40032],
      [{ extras: [] }, 40032],
      [{ extras: 0 }, 40032],
      [{ name: 1 }, 40000, 'name must be a string'],
      [{ id: 1 }, 40000, 'id must be a string'],
      [{ encoding: 1 }, 40000, 'encoding must be a string'],
      [{ connectionId: 1 }, 40000, 'connectionId must be a string'],
      [{ connectionKey: 1 }, 40000, 'connectionKey must be a string'],
      [{ serial: 1 }, 40000, 'serial must be a string'],
      [{ timestamp: 'x' }, 40000, 'timestamp must be a number'],
      [{ timestamp: Number.POSITIVE_INFINITY }, 40000, 'timestamp must be a number'],
      [{ action: 'create' }, 40000, 'action must be a whole number from 0 to 255'],
      [{ version: 'v' }, 40000, 'version must be an object'],
      [{ version: { metadata: { a: [] } } }, 40000, 'values of version.metadata must be strings'],
    ];
    for (const [value, expected, message] of cases) {
      expect(() => parseMessage(value, 'json')).toThrow(code(expected, message));
    }
    for (const value of [null, 'text', [], 1, undefined]) {
      expect(() => parseMessage(value, 'json')).toThrow(code(40000, 'message must be an object'));
    }
  });

  it('[WP25] must have an action if it is of presence', () => {
    expect(() => parsePresenceMessage({ clientId: 'c' }, 'json')).toThrow(code(40000, 'action is missing'));
    expect(() => parsePresenceMessage({ action: 1.5 }, 'json')).toThrow(code(40000));
    expect(() => parsePresenceMessage('x', 'json')).toThrow(code(40000, 'presence message must be an object'));
    expect(() => parsePresenceMessage({ action: 2, data: 1 }, 'json')).toThrow(code(40013));
  });

  it('[WP25] must not hold bytes in extras, which a JSON subscriber could not be given', () => {
    const extras = { headers: { deep: [new Uint8Array(1)] } };
    expect(() => parseMessage({ extras }, 'msgpack')).toThrow(code(40032));
    expect(() => parseMessage({ extras: new Uint8Array(1) }, 'msgpack')).toThrow(code(40032));
  });

  it('[WP26] may in a REST body have a raw object or array as data, which becomes its JSON text', () => {
    const rawData = { rawData: true };
    expect(parseMessage({ data: { a: [1] } }, 'json', rawData)).toEqual({ data: '{"a":[1]}', encoding: 'json' });
    expect(parseMessage({ data: [] }, 'json', rawData)).toEqual({ data: '[]', encoding: 'json' });
    expect(parsePresenceMessage({ action: 2, data: {} }, 'json', rawData)).toEqual({
      action: 2,
      data: '{}',
      encoding: 'json',
    });
    expect(parseMessage({ data: 'text' }, 'json', rawData)).toEqual({ data: 'text' });
    expect(() => parseMessage({ data: {}, encoding: 'json' }, 'json', rawData)).toThrow(code(40013));
    expect(parseMessage({ data: { a: [1] } }, 'msgpack', rawData)).toEqual({ data: '{"a":[1]}', encoding: 'json' });
    const bytes = { a: [new Uint8Array(1)] };
    expect(() => parseMessage({ data: bytes }, 'msgpack', rawData)).toThrow(code(40013));
    expect(() => parseMessage({ data: {} }, 'msgpack')).toThrow(code(40013));
    for (const data of [1, false]) expect(() => parseMessage({ data }, 'json', rawData)).toThrow(code(40013));
  });
});
