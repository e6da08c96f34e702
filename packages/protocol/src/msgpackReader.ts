import type { DecodeLimits } from './codec.ts';
import { errors } from './codes.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const eightBytes = new DataView(new ArrayBuffer(8));
/** Up to here, ASCII is quicker to put together than to ask the decoder for. */
const shortText = 20;
const keyCache: string[] = new Array(256).fill('');

/** Reads one MessagePack value from bytes, front to back. Every length is checked before anything is built for it. */
export class MsgpackReader {
  private readonly bytes: Uint8Array;
  private readonly limits: DecodeLimits;
  private at = 0;
  private depth = 0;
  private elements = 1;

  constructor(bytes: Uint8Array, limits: DecodeLimits) {
    this.bytes = bytes;
    this.limits = limits;
  }

  /** The one value that the bytes hold. Throws 40000 if they are malformed or hold more, 40013 beyond the limits. */
  readAll(): unknown {
    const value = this.readValue();
    if (this.at !== this.bytes.length) throw malformed(`${this.bytes.length - this.at} trailing bytes`);
    return value;
  }

  private readValue(): unknown {
    const type = this.readByte();
    if (type < 0x80) return type;
    if (type < 0x90) return this.readMap(type & 0x0f);
    if (type < 0xa0) return this.readArray(type & 0x0f);
    if (type < 0xc0) return this.readText(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    if (type >= 0xd9) return this.readSized(type);
    if (type >= 0xca && type <= 0xd3) return this.readNumber(type);
    return this.readRest(type);
  }

  private readSized(type: number): unknown {
    if (type <= 0xdb) return this.readText(this.readUint(1 << (type - 0xd9)));
    if (type <= 0xdd) return this.readArray(this.readUint(2 << (type - 0xdc)));
    return this.readMap(this.readUint(2 << (type - 0xde)));
  }

  private readRest(type: number): unknown {
    if (type === 0xc0) return null;
    if (type === 0xc2) return false;
    if (type === 0xc3) return true;
    if (type >= 0xc4 && type <= 0xc6) return this.readBytes(this.readUint(1 << (type - 0xc4)));
    // The official client writes undefined in an array as this one extension value.
    if (type === 0xd4 && this.readUint(2) === 0) return null;
    throw malformed(type === 0xc1 ? 'a byte that is no type' : 'extension types are not accepted');
  }

  private readNumber(type: number): number {
    if (type <= 0xcb) return this.readFloat(4 << (type - 0xca));
    // Two halves, so that what is beyond 2^53 is rounded once and to the nearest double.
    if (type === 0xcf) return this.readUint(4) * 0x1_0000_0000 + this.readUint(4);
    if (type === 0xd3) return (this.readUint(4) | 0) * 0x1_0000_0000 + this.readUint(4);
    if (type < 0xcf) return this.readUint(1 << (type - 0xcc));
    const width = 1 << (type - 0xd0);
    const unused = 32 - 8 * width;
    return (this.readUint(width) << unused) >> unused;
  }

  private readFloat(width: number): number {
    const start = this.take(width);
    for (let i = 0; i < width; i++) eightBytes.setUint8(i, this.bytes[start + i] ?? 0);
    return width === 4 ? eightBytes.getFloat32(0) : eightBytes.getFloat64(0);
  }

  private readByte(): number {
    const byte = this.bytes[this.at];
    if (byte === undefined) throw malformed('it ends too early');
    this.at++;
    return byte;
  }

  private readUint(width: number): number {
    const start = this.take(width);
    let value = 0;
    for (let i = start; i < start + width; i++) value = value * 0x100 + (this.bytes[i] ?? 0);
    return value;
  }

  private readBytes(length: number): Uint8Array {
    const start = this.take(length);
    const copy = new Uint8Array(length);
    copy.set(this.bytes.subarray(start, start + length));
    return copy;
  }

  private readText(length: number): string {
    const start = this.take(length);
    return length > shortText ? this.decodeText(start, length) : this.readShortText(start, length);
  }

  private readShortText(start: number, length: number): string {
    const { bytes } = this;
    let text = '';
    for (let i = start; i < start + length; i++) {
      const byte = bytes[i] as number;
      if (byte >= 0x80) return this.decodeText(start, length);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  private decodeText(start: number, length: number): string {
    try {
      return decoder.decode(this.bytes.subarray(start, start + length));
    } catch {
      throw malformed('a string is not valid UTF-8');
    }
  }

  private readArray(length: number): unknown[] {
    this.enter(length);
    const items: unknown[] = [];
    for (let i = 0; i < length; i++) items.push(this.readValue());
    this.depth--;
    return items;
  }

  private readMap(length: number): Record<string, unknown> {
    this.enter(length * 2);
    const map: Record<string, unknown> = {};
    for (let i = 0; i < length; i++) {
      const key = this.readKey();
      const value = this.readValue();
      if (key === '__proto__') {
        Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
      } else map[key] = value;
    }
    this.depth--;
    return map;
  }

  private readKey(): string {
    const type = this.readByte();
    if (type >= 0xa0 && type < 0xc0) return this.readShortKey(type & 0x1f);
    if (type >= 0xd9 && type <= 0xdb) return this.readText(this.readUint(1 << (type - 0xd9)));
    throw malformed('a map key is no string');
  }

  /** Keys repeat from frame to frame: one that was read before is found again without making a new string. */
  private readShortKey(length: number): string {
    if (length === 0 || length > shortText) return this.readText(length);
    const start = this.at;
    if (start + length > this.bytes.length) throw malformed('it ends too early');
    const slot = ((this.bytes[start] ?? 0) * 31 + (this.bytes[start + length - 1] ?? 0) * 7 + length * 3) & 255;
    const known = keyCache[slot] ?? '';
    if (known.length === length && this.isAt(start, known)) {
      this.at += length;
      return known;
    }
    const key = this.readText(length);
    if (key.length === length) keyCache[slot] = key;
    return key;
  }

  private isAt(start: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.bytes[start + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  private enter(elements: number): void {
    if (elements > this.bytes.length - this.at) throw malformed('a length is greater than what is left');
    this.elements += elements;
    if (this.elements > this.limits.maxElements) {
      throw errors.badData(`more than ${this.limits.maxElements} keys and values`);
    }
    if (++this.depth > this.limits.maxDepth) throw errors.badData(`nesting is deeper than ${this.limits.maxDepth}`);
  }

  private take(length: number): number {
    const start = this.at;
    if (length > this.bytes.length - start) throw malformed('it ends too early');
    this.at = start + length;
    return start;
  }
}

function malformed(what: string) {
  return errors.badRequest(`MessagePack is not valid: ${what}`);
}
