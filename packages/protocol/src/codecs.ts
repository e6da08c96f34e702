import type { Codec, Format } from './codec.ts';
import { jsonCodec } from './json.ts';
import { msgpackCodec } from './msgpack.ts';

/** The codec of each format. */
export const codecs: Readonly<Record<Format, Codec>> = { json: jsonCodec, msgpack: msgpackCodec };
