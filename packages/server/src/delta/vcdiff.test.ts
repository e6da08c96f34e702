import { decode } from '@ably/vcdiff-decoder';
import { type SeededRandom, seededRandom } from '@parvis/testing';
import { describe, expect, it } from 'vitest';
import { SourceIndex } from './sourceIndex.ts';
import { encodeVcdiff } from './vcdiff.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
const decoded = (source: Uint8Array, target: Uint8Array) => decode(encodeVcdiff(source, target), source);

describe('VCDIFF', () => {
  it('[DL10] the official decoder makes every target of its source, whatever the two have in common', () => {
    const random = seededRandom('vcdiff pairs');
    for (let round = 0; round < 1_500; round++) {
      const source = randomBytes(random, random.below(401), 1 + random.below(256));
      const target = round % 3 === 0 ? randomBytes(random, random.below(401), 4) : edited(random, source);
      expect(Buffer.compare(decoded(source, target), target), `${random.seed} ${round}`).toBe(0);
    }
  });

  it.each([
    ['both empty', '', ''],
    ['an empty source', '', 'abcdef'],
    ['an empty target', 'abcdef', ''],
    ['shorter than a match', 'abc', 'abc'],
    ['the same', 'x'.repeat(5_000), 'x'.repeat(5_000)],
    ['one byte repeated, longer', 'x'.repeat(300), 'x'.repeat(70_000)],
    ['halves swapped', 'a'.repeat(200) + 'b'.repeat(200), 'b'.repeat(200) + 'a'.repeat(200)],
    ['nothing in common', 'a'.repeat(500), 'b'.repeat(500)],
    ['a tail of one byte', 'hello world', 'hello worlds'],
  ])('[DL10] the official decoder makes the target of its source: %s', (_, source, target) => {
    expect(new TextDecoder().decode(decoded(bytesOf(source), bytesOf(target)))).toBe(target);
  });

  it('[DL10] the official decoder makes targets of 200 KB, addresses of every width included', () => {
    const random = seededRandom('vcdiff large');
    const source = randomBytes(random, 200_000, 256);
    const parts: Uint8Array[] = [];
    for (let count = 0; count < 400; count++) {
      const at = random.below(source.length - 1_000);
      parts.push(source.subarray(at, at + 1 + random.below(900)), randomBytes(random, random.below(21), 256));
    }
    const target = new Uint8Array(Buffer.concat(parts));
    expect(Buffer.compare(decoded(source, target), target), `${random.seed}`).toBe(0);
    expect(encodeVcdiff(source, target).length).toBeLessThan(target.length / 10);
  });

  it('[DL10] it has neither an application header nor secondary compression, and one window', () => {
    const delta = encodeVcdiff(bytesOf('some text to begin with'), bytesOf('some text to go on with'));
    expect([...delta.subarray(0, 6)]).toEqual([0xd6, 0xc3, 0xc4, 0, 0, 1]);
  });

  it('[DL11] a small change of a small text makes a smaller delta', () => {
    const before = bytesOf('{"price":101,"symbol":"ACME","venue":"north"}');
    const after = bytesOf('{"price":102,"symbol":"ACME","venue":"north"}');
    expect(encodeVcdiff(before, after).length).toBeLessThan(after.length);
  });

  it.each([
    ['one byte repeated', () => 'a'],
    ['two bytes in turn', (at: number) => 'ab'.charAt(at % 2)],
    [
      'all but the last byte of each match the same',
      (at: number) => (at % 5 === 4 ? String(((at / 5) % 10) | 0) : 'a'),
    ],
    [
      'three bytes that match and one that does not',
      (at: number) => 'abc'.charAt(at % 4) || String.fromCharCode(at % 90),
    ],
  ])('[DL12] the work grows with the lengths and no faster: %s', (_, unit) => {
    const work = (length: number) => {
      const text = (salt: number) => bytesOf(Array.from({ length }, (__, at) => unit(at + salt)).join(''));
      const index = new SourceIndex(text(0));
      encodeVcdiff(text(0), text(3), index);
      return index.compared;
    };
    expect(work(64_000)).toBeLessThan(2.2 * work(32_000));
    expect(work(64_000)).toBeLessThan(120 * 64_000);
  });
});

function randomBytes(random: SeededRandom, length: number, kinds: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(kinds));
}

/** The source with parts taken out, put in, doubled and moved. */
function edited(random: SeededRandom, source: Uint8Array): Uint8Array {
  let bytes = [...source];
  for (let edits = random.below(7); edits > 0; edits--) {
    const at = random.below(bytes.length + 1);
    const part = bytes.slice(at, at + random.below(41));
    const kind = random.below(4);
    if (kind === 0) bytes.splice(at, part.length);
    else if (kind === 1) bytes.splice(at, 0, ...randomBytes(random, random.below(13), 256));
    else if (kind === 2) bytes.splice(at, 0, ...part);
    else bytes = [...bytes.slice(at), ...bytes.slice(0, at)];
  }
  return Uint8Array.from(bytes);
}
