import { describe, expect, it } from 'vitest';
import { parseQualifiedName } from '../channel/qualifiedName.ts';
import { markOf, readStreamId, StreamPosition } from './streamPosition.ts';

const names = ['a', 'b:c', '[?rewind=1]ünï ☃'].map(parseQualifiedName);
const serial = (ms: number) => `${String(ms).padStart(14, '0')}-000000@epoch_-1`;

describe('ids of a stream', () => {
  it('[SE4] an id tells where all channels stand, those alone that have a place', () => {
    const position = new StreamPosition(names);
    expect(position.id).toBe('');
    position.move('a', serial(1));
    expect([...readStreamId(position.id).values()]).toEqual([{ serial: serial(1), taken: 0 }]);
    position.move('[?rewind=1]ünï ☃', serial(2));
    position.take('[?rewind=1]ünï ☃', 3);
    expect(position.id).toMatch(/^[\w@.~-]+$/);
    const positions = readStreamId(position.id);
    expect(positions.size).toBe(2);
    expect(positions.get(markOf(parseQualifiedName('ünï ☃')))).toEqual({ serial: serial(2), taken: 3 });
    position.move('[?rewind=1]ünï ☃', serial(4));
    expect(readStreamId(position.id).get(markOf(parseQualifiedName('ünï ☃')))).toEqual({ serial: serial(4), taken: 0 });
  });

  it.each([
    '',
    '~',
    'x',
    '~~~~',
    'null',
    serial(1),
    `abcdef${serial(1)}!`,
    `abcdef${serial(1)}.12345`,
    'a'.repeat(300),
  ])('[SE5] %j tells of no channel', (id) => {
    expect(readStreamId(id).size).toBe(0);
  });
});
