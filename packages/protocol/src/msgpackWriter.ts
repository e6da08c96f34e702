import { copyOfBytes } from './slab.ts';

const encoder = new TextEncoder();
const keepAtMost = 1 << 20;

/** Writes MessagePack values into one scratch buffer that grows as needed and is used again for the next value. */
export class MsgpackWriter {
  private bytes = new Uint8Array(4096);
  private view = new DataView(this.bytes.buffer);
  private at = 0;

  /** Bytes of a value, as a copy of their own. Throws TypeError for a bigint, which no reader of ours could give back. */
  write(value: unknown): Uint8Array {
    const start = this.at;
    try {
      this.writeValue(value);
      return copyOfBytes(this.bytes.subarray(start, this.at));
    } finally {
      this.at = start;
      if (start === 0 && this.bytes.length > keepAtMost) this.resize(4096);
    }
  }

  private writeValue(value: unknown): void {
    if (typeof value === 'string') this.writeText(value);
    else if (typeof value === 'number') this.writeNumber(value);
    else if (typeof value === 'boolean') this.writeByte(value ? 0xc3 : 0xc2);
    else if (typeof value === 'object' && value !== null) this.writeObject(value);
    else if (typeof value === 'bigint') throw new TypeError('a bigint cannot be written as MessagePack');
    else this.writeByte(0xc0);
  }

  private writeObject(value: object): void {
    if (Array.isArray(value)) this.writeArray(value);
    else if (value instanceof Uint8Array) this.writeBytes(value);
    else if ('toJSON' in value && typeof value.toJSON === 'function') this.writeValue(value.toJSON());
    else this.writeMap(value as Record<string, unknown>);
  }

  private writeArray(items: unknown[]): void {
    this.writeHeader(items.length, 16, 0x90, 0xdc);
    for (const item of items) this.writeValue(item);
  }

  private writeMap(map: Record<string, unknown>): void {
    const keys = Object.keys(map);
    let count = 0;
    for (const key of keys) if (isWritten(map[key])) count++;
    this.writeHeader(count, 16, 0x80, 0xde);
    for (const key of keys) {
      const value = map[key];
      if (!isWritten(value)) continue;
      this.writeText(key);
      this.writeValue(value);
    }
  }

  private writeText(text: string): void {
    const { length } = text;
    if (length < 32 && this.writeShortAscii(text)) return;
    this.reserve(length * 3 + 5);
    // The header's width must be known before the text is written: the longest its length allows, then moved if shorter.
    const guess = length < 32 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5;
    const start = this.at;
    const { written } = encoder.encodeInto(text, this.bytes.subarray(start + guess));
    const size = written < 32 ? 1 : written < 0x100 ? 2 : written < 0x1_0000 ? 3 : 5;
    if (size !== guess) this.bytes.copyWithin(start + size, start + guess, start + guess + written);
    if (size === 1) this.bytes[this.at++] = 0xa0 | written;
    else this.writeSize(written, 0xd9, size - 1);
    this.at = start + size + written;
  }

  private writeShortAscii(text: string): boolean {
    this.reserve(32);
    const start = this.at;
    const { bytes } = this;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) return false;
      bytes[start + 1 + i] = unit;
    }
    bytes[start] = 0xa0 | text.length;
    this.at = start + 1 + text.length;
    return true;
  }

  private writeBytes(value: Uint8Array): void {
    const { length } = value;
    this.reserve(length + 5);
    this.writeSize(length, 0xc4, length < 0x100 ? 1 : length < 0x1_0000 ? 2 : 4);
    this.bytes.set(value, this.at);
    this.at += length;
  }

  private writeHeader(length: number, fixLimit: number, fixType: number, type: number): void {
    this.reserve(5);
    if (length < fixLimit) this.bytes[this.at++] = fixType | length;
    else if (length < 0x1_0000) this.writeUint(type, length, 2);
    else this.writeUint(type + 1, length, 4);
  }

  private writeSize(length: number, type: number, width: number): void {
    this.writeUint(type + (width === 4 ? 2 : width - 1), length, width);
  }

  private writeNumber(value: number): void {
    this.reserve(9);
    if (!Number.isSafeInteger(value)) this.writeFloat(value);
    else if (value >= 0) this.writePositive(value);
    else if (value >= -0x20) this.bytes[this.at++] = value & 0xff;
    else if (value >= -0x80) this.writeUint(0xd0, value & 0xff, 1);
    else if (value >= -0x8000) this.writeUint(0xd1, value & 0xffff, 2);
    else if (value >= -0x8000_0000) this.writeUint(0xd2, value >>> 0, 4);
    else this.writeInt64(0xd3, value);
  }

  private writePositive(value: number): void {
    if (value < 0x80) this.bytes[this.at++] = value;
    else if (value < 0x100) this.writeUint(0xcc, value, 1);
    else if (value < 0x1_0000) this.writeUint(0xcd, value, 2);
    else if (value < 0x1_0000_0000) this.writeUint(0xce, value, 4);
    else this.writeInt64(0xcf, value);
  }

  private writeFloat(value: number): void {
    this.bytes[this.at] = 0xcb;
    this.view.setFloat64(this.at + 1, value);
    this.at += 9;
  }

  private writeInt64(type: number, value: number): void {
    this.bytes[this.at] = type;
    this.view.setInt32(this.at + 1, Math.floor(value / 0x1_0000_0000));
    this.view.setUint32(this.at + 5, value % 0x1_0000_0000);
    this.at += 9;
  }

  private writeUint(type: number, value: number, width: number): void {
    this.bytes[this.at++] = type;
    for (let shift = 8 * (width - 1); shift >= 0; shift -= 8) this.bytes[this.at++] = (value >>> shift) & 0xff;
  }

  private writeByte(byte: number): void {
    this.reserve(1);
    this.bytes[this.at++] = byte;
  }

  private reserve(size: number): void {
    const needed = this.at + size;
    if (needed > this.bytes.length) this.resize(Math.max(needed, this.bytes.length * 2));
  }

  private resize(size: number): void {
    const grown = new Uint8Array(size);
    grown.set(this.bytes.subarray(0, this.at));
    this.bytes = grown;
    this.view = new DataView(grown.buffer);
  }
}

function isWritten(value: unknown): boolean {
  return value !== undefined && typeof value !== 'function' && typeof value !== 'symbol';
}
