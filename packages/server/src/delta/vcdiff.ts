import { AddressCache } from './addressCache.ts';
import { integerLength, pushAdd, pushCopy, pushInteger } from './instructions.ts';
import { type Match, SourceIndex } from './sourceIndex.ts';

/** `VCD` with the high bits set, version 0, and nothing that a decoder must know beforehand. */
const HEADER = [0xd6, 0xc3, 0xc4, 0x00, 0x00];
const VCD_SOURCE = 1;

/**
 * What makes a target of a source, as VCDIFF (RFC 3284): one window, the default code table, no application header and no
 * secondary compression. Time and memory are linear in both lengths; the result may be longer than the target.
 */
export function encodeVcdiff(source: Uint8Array, target: Uint8Array, index = new SourceIndex(source)): Uint8Array {
  const window = new Window(source.length, target);
  let pending = 0;
  let expected = 0;
  for (let at = 0; at < target.length; ) {
    const match = index.find(target, at, expected);
    if (match === undefined || !isWorthIt(match)) {
      at++;
      expected++;
      continue;
    }
    window.add(pending, at);
    window.copy(match);
    at += match.length;
    pending = at;
    expected = match.at + match.length;
  }
  window.add(pending, target.length);
  return window.bytes();
}

/** A copy costs its instruction, its address, and that of the ADD that goes on behind it. */
function isWorthIt({ at, length }: Match): boolean {
  return length > 2 + integerLength(at);
}

/** The one window of a delta while it is being made. */
class Window {
  readonly #sourceLength: number;
  readonly #target: Uint8Array;
  readonly #added: Uint8Array[] = [];
  readonly #instructions: number[] = [];
  readonly #addresses: number[] = [];
  readonly #cache = new AddressCache();
  #addedLength = 0;
  #made = 0;

  constructor(sourceLength: number, target: Uint8Array) {
    this.#sourceLength = sourceLength;
    this.#target = target;
  }

  /** Bytes of the target that stand in the delta itself. */
  add(from: number, to: number): void {
    if (from === to) return;
    pushAdd(this.#instructions, to - from);
    this.#added.push(this.#target.subarray(from, to));
    this.#addedLength += to - from;
    this.#made = to;
  }

  copy({ at, length }: Match): void {
    const { mode, value, isByte } = this.#cache.write(at, this.#sourceLength + this.#made);
    pushCopy(this.#instructions, length, mode);
    if (isByte) this.#addresses.push(value);
    else pushInteger(this.#addresses, value);
    this.#made += length;
  }

  bytes(): Uint8Array {
    const sizes: number[] = [];
    pushInteger(sizes, this.#target.length);
    sizes.push(0);
    pushInteger(sizes, this.#addedLength);
    pushInteger(sizes, this.#instructions.length);
    pushInteger(sizes, this.#addresses.length);
    const start = [...HEADER, this.#sourceLength === 0 ? 0 : VCD_SOURCE];
    if (this.#sourceLength > 0) {
      pushInteger(start, this.#sourceLength);
      start.push(0);
    }
    const sections = this.#addedLength + this.#instructions.length + this.#addresses.length;
    pushInteger(start, sizes.length + sections);
    return concat([start, sizes, ...this.#added, this.#instructions, this.#addresses]);
  }
}

function concat(parts: readonly ArrayLike<number>[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
