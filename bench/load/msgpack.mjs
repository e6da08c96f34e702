// The part of MessagePack that the load generator needs: enough to attach and to look at a sample of what is delivered.

/**
 * Encodes small plain values: maps, arrays of under 16 entries, strings and integers below 2^32.
 * @param {unknown} value
 * @returns {Buffer}
 */
export function encode(value) {
  if (typeof value === 'string') return encodeText(value);
  if (typeof value === 'number') return encodeInteger(value);
  if (Array.isArray(value)) return Buffer.concat([Buffer.from([0x90 | value.length]), ...value.map(encode)]);
  const entries = Object.entries(/** @type {object} */ (value));
  return Buffer.concat([Buffer.from([0x80 | entries.length]), ...entries.flat().map(encode)]);
}

/** @param {string} text */
function encodeText(text) {
  const body = Buffer.from(text);
  if (body.length < 32) return Buffer.concat([Buffer.from([0xa0 | body.length]), body]);
  return Buffer.concat([Buffer.from([0xda, body.length >> 8, body.length & 255]), body]);
}

/** @param {number} value */
function encodeInteger(value) {
  if (value < 128) return Buffer.from([value]);
  const bytes = Buffer.from([0xce, 0, 0, 0, 0]);
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

/**
 * Decodes one value; throws on anything unknown or left over.
 * @param {Buffer} bytes
 * @returns {any}
 */
export function decode(bytes) {
  const reader = { bytes, at: 0 };
  const value = read(reader);
  if (reader.at !== bytes.length) throw new Error(`${bytes.length - reader.at} bytes after the msgpack value`);
  return value;
}

/** @typedef {{ bytes: Buffer, at: number }} Reader */

/** @param {Reader} reader @returns {any} */
function read(reader) {
  const type = reader.bytes.readUInt8(reader.at++);
  if (type < 0x80) return type;
  if (type < 0x90) return readMap(reader, type & 15);
  if (type < 0xa0) return readArray(reader, type & 15);
  if (type < 0xc0) return readText(reader, type & 31);
  if (type >= 0xe0) return type - 256;
  const sized = wide[type];
  if (sized === undefined) throw new Error(`msgpack type 0x${type.toString(16)} is not expected here`);
  return sized(reader);
}

/** What follows a type byte that names a size. @type {Record<number, (reader: Reader) => any>} */
const wide = {
  192: () => null,
  194: () => false,
  195: () => true,
  196: (r) => readBytes(r, unsigned(r, 1)),
  197: (r) => readBytes(r, unsigned(r, 2)),
  198: (r) => readBytes(r, unsigned(r, 4)),
  202: (r) => readBytes(r, 4).readFloatBE(),
  203: (r) => readBytes(r, 8).readDoubleBE(),
  204: (r) => unsigned(r, 1),
  205: (r) => unsigned(r, 2),
  206: (r) => unsigned(r, 4),
  207: (r) => Number(readBytes(r, 8).readBigUInt64BE()),
  208: (r) => readBytes(r, 1).readInt8(),
  209: (r) => readBytes(r, 2).readInt16BE(),
  210: (r) => readBytes(r, 4).readInt32BE(),
  211: (r) => Number(readBytes(r, 8).readBigInt64BE()),
  217: (r) => readText(r, unsigned(r, 1)),
  218: (r) => readText(r, unsigned(r, 2)),
  219: (r) => readText(r, unsigned(r, 4)),
  220: (r) => readArray(r, unsigned(r, 2)),
  221: (r) => readArray(r, unsigned(r, 4)),
  222: (r) => readMap(r, unsigned(r, 2)),
  223: (r) => readMap(r, unsigned(r, 4)),
};

/** @param {Reader} reader @param {number} size */
const unsigned = (reader, size) => readBytes(reader, size).readUIntBE(0, size);

/** @param {Reader} reader @param {number} length */
function readBytes(reader, length) {
  reader.at += length;
  if (reader.at > reader.bytes.length) throw new Error('msgpack value is cut short');
  return reader.bytes.subarray(reader.at - length, reader.at);
}

/** @param {Reader} reader @param {number} length */
const readText = (reader, length) => readBytes(reader, length).toString();

/** @param {Reader} reader @param {number} length */
const readArray = (reader, length) => Array.from({ length }, () => read(reader));

/** @param {Reader} reader @param {number} length */
const readMap = (reader, length) =>
  Object.fromEntries(Array.from({ length }, () => /** @type {const} */ ([read(reader), read(reader)])));
